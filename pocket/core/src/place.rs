//! Where in the code a line of the log or an event was made.

use bstr::{BStr, ByteSlice};

/// Where the code that made an event or a log line stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) file: &'a BStr,
    pub(crate) function: &'a BStr,
    pub(crate) line: i32,
}

/// The place of this line.
macro_rules! here {
    () => {
        $crate::place::Place {
            file: bstr::BStr::new(file!()),
            function: bstr::BStr::new(module_path!()),
            line: line!() as i32,
        }
    };
}
pub(crate) use here;

/// A file's name without its folders.
pub(crate) fn base_name(path: &[u8]) -> &[u8] {
    path.rfind_byte(b'/').map_or(path, |at| &path[at + 1..])
}
