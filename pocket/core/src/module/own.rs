//! What pocket itself has, in the place of FreeSWITCH's modules: it is registered
//! when the switch is opened, as theirs is.

use std::sync::Arc;

use bstr::{BStr, BString};

use super::api::{Builtin, Invocation, Reply};
use crate::event::Event;
use crate::session::endpoint::Endpoint;
use crate::session::{Extension, Profile, Session};

/// An application of pocket's own.
pub(crate) struct App {
    pub(crate) name: &'static str,
    pub(crate) flags: u32,
    pub(crate) run: fn(&Arc<Session>, &BStr),
}

/// A chat application: it gets the message, and its data.
pub(crate) type Chat = fn(&mut Event, &[u8]);

/// A dialplan: it looks for an extension; the last is its argument.
pub(crate) type Hunt = fn(&Arc<Session>, &Profile, &BStr) -> Option<Extension>;

/// A call to be placed, as the endpoint that is to make its leg sees it.
pub(crate) struct Dialled<'a> {
    /// The endpoint's name.
    pub(crate) kind: &'a BStr,
    /// The leg that places it.
    pub(crate) a_leg: Option<&'a Arc<Session>>,
    /// What follows the endpoint's name in the dial string.
    pub(crate) destination: &'a BStr,
    /// The variables of the dial string.
    pub(crate) variables: &'a [(BString, BString)],
}

impl Dialled<'_> {
    /// One of the variables.
    pub(crate) fn variable(&self, name: &str) -> Option<BString> {
        self.variables
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.clone())
    }
}

/// Makes an endpoint, and says in the new leg's profile where it goes.
pub(crate) type Dial = fn(&Dialled<'_>, &mut Profile) -> Box<dyn Endpoint>;

/// A phone that was named while the switch is open: it makes an endpoint, too.
pub(crate) type Phone = Arc<dyn Fn(&Dialled<'_>, &mut Profile) -> Box<dyn Endpoint> + Send + Sync>;

/// What a test has put in the place of a command.
pub(crate) type FakeCommand = Arc<dyn Fn(&Invocation<'_>) -> Reply + Send + Sync>;

/// What a test has put in the place of an application.
pub(crate) type FakeApplication = Arc<dyn Fn(&Arc<Session>, &BStr) + Send + Sync>;

/// What states of a leg do beside what the session does itself.
pub(crate) struct States {
    /// `CS_PARK`.
    pub(crate) park: fn(&Arc<Session>),
    /// `CS_HANGUP`, before any event is sent.
    pub(crate) hangup: fn(&Arc<Session>),
}

/// All of it.
pub(crate) struct Own {
    pub(crate) applications: &'static [App],
    pub(crate) commands: &'static [(&'static str, Builtin)],
    pub(crate) chats: &'static [(&'static str, Chat)],
    pub(crate) dialplans: &'static [(&'static str, Hunt)],
    pub(crate) endpoints: &'static [(&'static str, Dial)],
    pub(crate) states: States,
}

/// Finds by name, as FreeSWITCH does: whether letters are capital counts for nothing.
pub(super) fn find<T: Copy>(table: &[(&'static str, T)], name: &[u8]) -> Option<T> {
    table
        .iter()
        .find(|(known, _)| name.eq_ignore_ascii_case(known.as_bytes()))
        .map(|(_, found)| *found)
}
