//! Whether a recording can be begun: where the core cannot open a file, it hangs the call up.

use std::ffi::{CStr, CString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::core;
use crate::session::Session;

impl Session<'_> {
    /// Why the core could not write this file; nothing where it can, or where that is for a module to say: a stream,
    /// parameters, a format.
    #[must_use]
    pub fn why_not_recorded(self, name: &CStr) -> Option<String> {
        let name = name.to_bytes();
        let is_plain = !name.is_empty() && !name.starts_with(b"{") && !has(name, b"://");
        let path = is_plain.then(|| self.complete(name))?;
        let error = why_not_written(&path)?;
        Some(format!(
            "file '{}' cannot be written: {error}",
            path.display()
        ))
    }

    /// The path that the core makes of a name (`switch_ivr_record_file`).
    fn complete(self, name: &[u8]) -> PathBuf {
        let name = Path::new(std::ffi::OsStr::from_bytes(name));
        if name.is_absolute() {
            return name.to_owned();
        }
        let prefix = self.channel().variable(c"sound_prefix");
        let prefix = prefix.or_else(|| core::global(c"sounds_dir"));
        let prefix = prefix.unwrap_or_default();
        Path::new(std::ffi::OsStr::from_bytes(&prefix)).join(name)
    }
}

fn has(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

fn why_not_written(path: &Path) -> Option<io::Error> {
    if path.is_dir() {
        return Some(io::Error::from_raw_os_error(libc::EISDIR));
    }
    let error = why_no_access(path, libc::W_OK)?;
    if error.kind() != io::ErrorKind::NotFound {
        return Some(error);
    }
    // It is made, where its folder is there.
    why_no_access(path.parent()?, libc::W_OK | libc::X_OK)
}

fn why_no_access(path: &Path, mode: libc::c_int) -> Option<io::Error> {
    let path = CString::new(path.as_os_str().as_bytes()).ok()?;
    // SAFETY: the path ends with NUL.
    let status = unsafe { libc::access(path.as_ptr(), mode) };
    (status != 0).then(io::Error::last_os_error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_written_has_a_folder() {
        let why =
            |path: &str| why_not_written(Path::new(path)).and_then(|error| error.raw_os_error());
        assert_eq!(why("/tmp/no_such_file.wav"), None);
        assert_eq!(why("/no/such/folder/a.wav"), Some(libc::ENOENT));
        assert_eq!(why("/tmp"), Some(libc::EISDIR));
        assert_eq!(why("/dev/null/a.wav"), Some(libc::ENOTDIR));
    }
}
