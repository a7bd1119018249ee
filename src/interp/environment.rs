//! Where Python is to be at home: its installation, and a virtual environment.

use std::path::PathBuf;

/// Which Python the module was built for.
pub const VERSION: &str = env!("MOD_RUST_PYTHON_VERSION");

/// Why Python is not there.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another libpython than the one that the module was built for.
    #[error("the libpython in this process is {found}, the module was built for {wanted}")]
    WrongVersion {
        /// What runs.
        found: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// Someone else has started Python in this process.
    #[error("another module has started Python in this process: do not load it beside mod_rust")]
    NotOurs,
    /// 3.14 before it could be given the bounds of a stack.
    #[error("this Python cannot run on the stacks of scripts: use 3.14.1 or later")]
    NoStacks,
    /// `Py_InitializeFromConfig` says why.
    #[error("Python did not start: {0}")]
    Init(String),
    /// A virtual environment of another Python.
    #[error("the virtual environment {path} was made with {found}, and the module is built for Python {wanted}: make it again with that", path = path.display())]
    VirtualEnv {
        /// Where it is.
        path: PathBuf,
        /// What it is of.
        found: String,
        /// What it should be of.
        wanted: &'static str,
    },
    /// No thread.
    #[error("no thread for Python: {0}")]
    Thread(#[from] std::io::Error),
    /// The module's own Python part failed.
    #[error("Python started, but mod_rust's own modules did not load: {0}")]
    Boot(String),
}

/// Where Python is to be at home.
#[derive(Debug, Clone, Default)]
pub struct Place {
    /// `virtual-env`
    pub virtual_env: Option<PathBuf>,
    /// `python-home`
    pub home: Option<PathBuf>,
}

impl Place {
    /// `sys.executable`: by it Python finds the virtual environment.
    pub(super) fn executable(&self) -> String {
        match (&self.virtual_env, &self.home) {
            (Some(env), _) => env.join("bin/python").to_string_lossy().into_owned(),
            (None, Some(home)) => home
                .join(format!("bin/python{VERSION}"))
                .to_string_lossy()
                .into_owned(),
            (None, None) => baked::EXECUTABLE.to_owned(),
        }
    }

    pub(super) fn base(&self) -> String {
        self.home.as_ref().map_or_else(
            || baked::BASE.to_owned(),
            |home| home.to_string_lossy().into_owned(),
        )
    }

    /// A virtual environment of another Python would bring modules that crash.
    pub(super) fn check(&self) -> Result<(), StartError> {
        let Some(env) = &self.virtual_env else {
            return Ok(());
        };
        let wrong = |found: &str| StartError::VirtualEnv {
            path: env.clone(),
            found: found.to_owned(),
            wanted: VERSION,
        };
        let text =
            std::fs::read_to_string(env.join("pyvenv.cfg")).map_err(|_| wrong("no pyvenv.cfg"))?;
        let version = text.lines().find_map(|line| {
            let (name, value) = line.split_once('=')?;
            matches!(name.trim(), "version" | "version_info").then(|| value.trim().to_owned())
        });
        let version = version.ok_or_else(|| wrong("a pyvenv.cfg without a version"))?;
        let same = version
            .strip_prefix(VERSION)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        if same {
            Ok(())
        } else {
            Err(wrong(&format!("Python {version}")))
        }
    }
}

/// The interpreter that the module was built for.
mod baked {
    /// `sys.executable`; empty where the host brings the interpreter.
    pub(super) const EXECUTABLE: &str = match option_env!("MOD_RUST_PYTHON_EXECUTABLE") {
        Some(path) => path,
        None => "",
    };
    /// `sys.base_prefix`.
    pub(super) const BASE: &str = match option_env!("MOD_RUST_PYTHON_BASE") {
        Some(path) => path,
        None => "",
    };
}
