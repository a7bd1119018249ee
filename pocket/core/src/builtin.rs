//! What a switch of pocket's has from the start.

use crate::module::own::{Own, States};
use crate::{apps, chat, command, dialplan, endpoint, ivr};

/// All of it, to be registered when the switch is opened.
pub(crate) fn own() -> Own {
    Own {
        applications: &apps::APPS,
        commands: command::COMMANDS,
        chats: &chat::APPLICATIONS,
        dialplans: &dialplan::DIALPLANS,
        endpoints: &endpoint::ENDPOINTS,
        states: States {
            park: |session| {
                ivr::park::park(session);
            },
            hangup: |session| {
                ivr::recognise::stop(session);
                ivr::record_session::stop(session, "all".into(), "hangup");
                ivr::schedule::remove_group(&session.core, session.uuid());
            },
        },
    }
}
