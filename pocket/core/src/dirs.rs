//! The folders of a switch, and the structure that shows them to modules.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::ptr;

use bindings::switch_directories;

use crate::text::c_string;

/// Where things lie. The texts are C strings because modules read them there.
pub(crate) struct Dirs {
    pub(crate) base: CString,
    pub(crate) conf: CString,
    pub(crate) script: CString,
    parts: Vec<CString>,
}

/// Folders below the base, in the order of the structure's members.
const PARTS: [&str; 10] = [
    "mod",
    "log",
    "run",
    "db",
    "tmp",
    "htdocs",
    "grammar",
    "storage",
    "cache",
    "recordings",
];

impl Dirs {
    pub(crate) fn new(
        base: &Path,
        conf: Option<&Path>,
        script: &Path,
        sounds: Option<&Path>,
    ) -> Self {
        let text = |path: &Path| c_string(path.as_os_str().as_bytes());
        Self {
            base: text(base),
            conf: conf.map_or_else(|| text(&base.join("conf")), text),
            script: text(script),
            parts: PARTS
                .iter()
                .map(|part| text(&base.join(part)))
                .chain([sounds.map_or_else(|| text(&base.join("sounds")), text)])
                .collect(),
        }
    }

    /// Where databases are kept that are named without a path.
    pub(crate) fn database(&self) -> PathBuf {
        self.part(3)
    }

    /// Where recordings lie.
    pub(crate) fn recordings(&self) -> PathBuf {
        self.part(9)
    }

    /// Where sounds lie that are named without a path.
    pub(crate) fn sounds(&self) -> PathBuf {
        self.part(10)
    }

    /// Global variables that name the folders, and what they name.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (&'static str, &[u8])> {
        let base = self.base.as_bytes();
        let part = |at: usize| self.parts[at].as_bytes();
        [
            ("base_dir", base),
            ("conf_dir", self.conf.as_bytes()),
            ("script_dir", self.script.as_bytes()),
            ("mod_dir", part(0)),
            ("log_dir", part(1)),
            ("run_dir", part(2)),
            ("db_dir", part(3)),
            ("temp_dir", part(4)),
            ("htdocs_dir", part(5)),
            ("grammar_dir", part(6)),
            ("storage_dir", part(7)),
            ("cache_dir", part(8)),
            ("recordings_dir", part(9)),
            ("sounds_dir", part(10)),
            ("sound_prefix", part(10)),
            ("fonts_dir", base),
            ("images_dir", base),
            ("certs_dir", base),
            ("data_dir", base),
            ("localstate_dir", base),
        ]
        .into_iter()
    }

    fn part(&self, at: usize) -> PathBuf {
        PathBuf::from(std::ffi::OsStr::from_bytes(self.parts[at].as_bytes()))
    }

    /// Shows the folders in `SWITCH_GLOBAL_dirs`.
    pub(crate) fn show(&self) {
        let part = |at: usize| self.parts[at].as_ptr().cast_mut();
        let base = self.base.as_ptr().cast_mut();
        set(switch_directories {
            base_dir: base,
            mod_dir: part(0),
            conf_dir: self.conf.as_ptr().cast_mut(),
            log_dir: part(1),
            run_dir: part(2),
            db_dir: part(3),
            script_dir: self.script.as_ptr().cast_mut(),
            temp_dir: part(4),
            htdocs_dir: part(5),
            grammar_dir: part(6),
            storage_dir: part(7),
            cache_dir: part(8),
            recordings_dir: part(9),
            sounds_dir: part(10),
            lib_dir: base,
            certs_dir: base,
            fonts_dir: base,
            images_dir: base,
            data_dir: base,
            localstate_dir: base,
        });
    }

    /// Takes them away again.
    pub(crate) fn hide() {
        set(NONE);
    }
}

const NONE: switch_directories = switch_directories {
    base_dir: ptr::null_mut(),
    mod_dir: ptr::null_mut(),
    conf_dir: ptr::null_mut(),
    log_dir: ptr::null_mut(),
    run_dir: ptr::null_mut(),
    db_dir: ptr::null_mut(),
    script_dir: ptr::null_mut(),
    temp_dir: ptr::null_mut(),
    htdocs_dir: ptr::null_mut(),
    grammar_dir: ptr::null_mut(),
    storage_dir: ptr::null_mut(),
    cache_dir: ptr::null_mut(),
    recordings_dir: ptr::null_mut(),
    sounds_dir: ptr::null_mut(),
    lib_dir: ptr::null_mut(),
    certs_dir: ptr::null_mut(),
    fonts_dir: ptr::null_mut(),
    images_dir: ptr::null_mut(),
    data_dir: ptr::null_mut(),
    localstate_dir: ptr::null_mut(),
};

/// The folders as modules see them; all NULL while no switch is open.
#[unsafe(no_mangle)]
pub(crate) static mut SWITCH_GLOBAL_dirs: switch_directories = NONE;

fn set(dirs: switch_directories) {
    // SAFETY: written only while a switch is opened, before any module runs, and
    // when it is closed, after they all have been shut down.
    unsafe { (&raw mut SWITCH_GLOBAL_dirs).write(dirs) };
}
