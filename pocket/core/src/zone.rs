//! Local time: the machine's, that of an offset, and that of a zone by its
//! name, with the names that FreeSWITCH reads from `timezones.conf`.

use bstr::{BString, ByteSlice};

use crate::xml::store::Store;

mod moment;
mod posix;

pub(crate) use moment::{Moment, of_local};
pub(crate) use posix::Rules;

/// The rules of a zone: from `timezones.conf`, else as the machine has them.
pub(crate) fn find(store: &Store, name: &[u8]) -> Option<Rules> {
    if name.is_empty() {
        return Some(Rules::utc());
    }
    let configured = store.configuration("timezones.conf").and_then(|found| {
        found
            .node()
            .child("timezones")?
            .find(Some("zone"), Some("name"), Some(name.as_bstr()))?
            .attribute("value")
            .map(ToOwned::to_owned)
    });
    configured
        .or_else(|| of_machine(name))
        .and_then(|rules| Rules::parse(&rules))
}

/// The rules that end a file of the machine's time zones.
fn of_machine(name: &[u8]) -> Option<BString> {
    let plain = name
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || b"/_+-".contains(byte));
    if !plain || name.starts_with(b"/") {
        return None;
    }
    let path = std::path::Path::new("/usr/share/zoneinfo").join(name.to_path_lossy());
    let file = std::fs::read(path).ok()?;
    if !file.starts_with(b"TZif") {
        return None;
    }
    let footer = file.strip_suffix(b"\n")?;
    let begin = footer.rfind_byte(b'\n')?;
    Some(footer[begin + 1..].into())
}
