//! Whether a file of a script has changed.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A file that changed a moment ago may be half written.
const SETTLED: Duration = Duration::from_millis(200);

/// Path, time of the last change in nanoseconds, size and inode.
pub(crate) type FileFacts = (PathBuf, i128, u64, u64);

/// What a loaded file looked like.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stamp {
    path: PathBuf,
    modified: i128,
    size: u64,
    inode: u64,
}

impl Stamp {
    fn of(path: PathBuf, found: &std::fs::Metadata) -> Self {
        let modified = i128::from(found.mtime()) * 1_000_000_000 + i128::from(found.mtime_nsec());
        Self {
            path,
            modified,
            size: found.len(),
            inode: found.ino(),
        }
    }

    /// Is it of the same file?
    pub(crate) fn is_of(&self, other: &Self) -> bool {
        self.path == other.path
    }

    /// What is there now; of a file that is not, when its folder has changed.
    pub(crate) fn now(&self) -> Self {
        let folder = || self.path.parent().and_then(|p| std::fs::metadata(p).ok());
        match std::fs::metadata(&self.path) {
            Ok(found) => Self::of(self.path.clone(), &found),
            Err(_) => Self {
                path: self.path.clone(),
                modified: folder().map_or(0, |f| Self::of(PathBuf::new(), &f).modified),
                size: 0,
                inode: 0,
            },
        }
    }

    /// Is the file still that one? One that changed a moment ago counts as
    /// unchanged until it has settled, and so does one that has just gone:
    /// editors take a file away before they put the new one there.
    pub(crate) fn holds(&self) -> bool {
        let found = self.now();
        if found == *self || (found.inode, self.inode) == (0, 0) {
            return true;
        }
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let age = i128::try_from(now.as_nanos()).unwrap_or(i128::MAX) - found.modified;
        (0..i128::try_from(SETTLED.as_nanos()).unwrap_or(0)).contains(&age)
    }
}

impl From<FileFacts> for Stamp {
    fn from((path, modified, size, inode): FileFacts) -> Self {
        Self {
            path,
            modified,
            size,
            inode,
        }
    }
}
