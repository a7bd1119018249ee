//! Applications about the machine that the switch runs on.

use std::sync::Arc;

use bstr::{BStr, ByteSlice};

use crate::session::{Session, say};
use crate::text::split;

/// A command of the machine's; what it writes goes where the program's own output does.
pub(super) fn system(session: &Arc<Session>, data: &BStr) {
    say!(session, NOTICE, "Executing command: {data}");
    let command = std::process::Command::new("/bin/sh")
        .arg("-c")
        .arg(&*data.to_os_str_lossy())
        .status();
    if let Err(error) = command {
        say!(
            session,
            NOTICE,
            "Failed to execute command: {data} ({error})"
        );
    }
}

/// A folder, with those that it lies in.
pub(super) fn mkdir(session: &Arc<Session>, path: &BStr) {
    // As in the core it is not told when that fails.
    let _ = std::fs::create_dir_all(path.to_path_lossy());
    say!(session, DEBUG, "{} MKDIR: {path}", session.name());
}

/// `from to`
pub(super) fn rename(session: &Arc<Session>, data: &BStr) {
    let words = split(data, b' ', 2);
    let [from, to] = words.as_slice() else {
        say!(session, ERROR, "Usage: <from_path> <to_path>");
        return;
    };
    let name = session.name();
    say!(session, DEBUG, "{name} RENAME: {from} {to}");
    if std::fs::rename(from.to_path_lossy(), to.to_path_lossy()).is_err() {
        say!(session, DEBUG, "{name} Can't rename {from} to {to}");
    }
}
