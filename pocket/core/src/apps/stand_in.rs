//! What stands in for applications that pocket does not have: it takes the call as they
//! would, says WARNING once, and in the transcript what it does not do.

use std::collections::BTreeSet;
use std::sync::Arc;

use bstr::{BStr, ByteSlice};

use crate::c::SUCCESS;
use crate::cause;
use crate::ivr::{record, sleep};
use crate::session::{Session, say};
use crate::text::split;
use crate::transcript::Kind;

/// Those that have said so.
#[derive(Default)]
struct Warned(BTreeSet<&'static str>);

fn warn(session: &Arc<Session>, name: &'static str, data: &BStr, lacks: &str) {
    session.note(Kind::StandIn, format!("{name} {data}: {lacks}"), Vec::new());
    if session.core.attached.get::<Warned>().0.insert(name) {
        say!(
            session,
            WARNING,
            "pocket's {name} is a stand-in: {lacks}; switch.fake_application(\"{name}\", ...) puts one of yours in its place"
        );
    }
}

/// `profile domain user`: takes a message, as a mailbox would, and keeps it nowhere; to
/// check messages it has none.
pub(super) fn voicemail(session: &Arc<Session>, data: &BStr) {
    let words = split(data, b' ', 8);
    if words.iter().any(|word| word == "check") {
        warn(
            session,
            "voicemail",
            data,
            "there are no mailboxes, and no messages to hear",
        );
        return;
    }
    warn(
        session,
        "voicemail",
        data,
        "there is no greeting; what is said is recorded, and no mailbox keeps it",
    );
    session.answer();
    let name = format!("voicemail-{}.wav", session.uuid());
    let folder = session.core.dirs.recordings();
    // Recording fails, and says so, where the folder cannot be made.
    let _ = std::fs::create_dir_all(&folder);
    let path = folder.join(name);
    let data = [path.as_os_str().as_encoded_bytes(), b" 60"].concat();
    record::application(session, data.as_bstr(), &mut super::media::Terminators);
}

/// `name[@profile][+pin]`: the caller is alone in it until the call ends.
pub(super) fn conference(session: &Arc<Session>, data: &BStr) {
    warn(
        session,
        "conference",
        data,
        "nobody hears anybody else, there are no PINs, and the command `conference` is not there",
    );
    session.answer();
    while session.ready() {
        if sleep::sleep(session, 1000, None) != SUCCESS {
            break;
        }
    }
}

/// Without SIP there is nobody to send a REFER to.
pub(super) fn deflect(session: &Arc<Session>, data: &BStr) {
    warn(session, "deflect", data, "there is no SIP; the call stays");
}

/// The far end goes elsewhere, which is the end of the call here.
pub(super) fn redirect(session: &Arc<Session>, data: &BStr) {
    warn(
        session,
        "redirect",
        data,
        "there is no SIP; the call ends as if the far end had gone there",
    );
    session.hangup(cause::parse(b"REDIRECTION_TO_NEW_DESTINATION"));
}
