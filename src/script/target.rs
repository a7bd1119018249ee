//! What a command line asks for.

/// How long a name may be, in bytes: no file has a longer one.
const LONGEST: usize = 255;

/// What a command line asks for: `package.module[::function] [arguments]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target<'a> {
    /// `package.module`
    pub module: &'a str,
    /// The function; the way in has a default.
    pub function: Option<&'a str>,
    /// What follows, stripped, for the function to read.
    pub arguments: &'a [u8],
}

/// A command line that names no module.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadTarget {
    /// Nothing at all.
    #[error("no module was named: <package.module>[::function] [arguments]")]
    Empty,
    /// Not a name.
    #[error("'{0}' is not a module name")]
    Module(String),
    /// Not a name.
    #[error("'{0}' is not a function name")]
    Function(String),
}

impl<'a> Target<'a> {
    /// Reads a command line.
    ///
    /// # Errors
    /// [`BadTarget`]
    pub fn parse(text: &'a [u8]) -> Result<Self, BadTarget> {
        let text = text.trim_ascii();
        let end = text
            .iter()
            .position(u8::is_ascii_whitespace)
            .unwrap_or(text.len());
        let (name, arguments) = text.split_at(end);
        if name.is_empty() {
            return Err(BadTarget::Empty);
        }
        let shown = || String::from_utf8_lossy(name).chars().take(80).collect();
        let name = std::str::from_utf8(name).map_err(|_| BadTarget::Module(shown()))?;
        let (module, function) = match name.split_once("::") {
            Some((module, function)) => (module, Some(function).filter(|f| !f.is_empty())),
            None => (name, None),
        };
        if module.len() > LONGEST || !module.split('.').all(is_file_name) {
            return Err(BadTarget::Module(shown()));
        }
        if let Some(function) = function.filter(|f| f.len() > LONGEST || !is_identifier(f)) {
            return Err(BadTarget::Function(function.chars().take(80).collect()));
        }
        Ok(Self {
            module,
            function,
            arguments: arguments.trim_ascii(),
        })
    }
}

/// A module is named after its file, `voicemail-box.py` say, which need not be a
/// name that Python's `import` statement takes. It stays within its folder.
fn is_file_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(['/', ':', '\\']) && !name.chars().any(char::is_control)
}

/// Near enough to Python's own rule.
fn is_identifier(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c == '_' || c.is_alphabetic())
        && chars.all(|c| c == '_' || c.is_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(text: &str) -> Result<Target<'_>, BadTarget> {
        Target::parse(text.as_bytes())
    }

    #[test]
    fn reads_module_function_and_arguments() {
        let is = |module, function, arguments: &'static str| {
            let arguments = arguments.as_bytes();
            Ok(Target {
                module,
                function,
                arguments,
            })
        };
        assert_eq!(target("a.b"), is("a.b", None, ""));
        assert_eq!(target("  a.b::c  d e "), is("a.b", Some("c"), "d e"));
        assert_eq!(target("a::"), is("a", None, ""));
    }

    #[test]
    fn a_module_is_named_after_its_file() {
        for name in ["voicemail-box", "1st", "my-ivr.main", "é", "class", "a+b"] {
            assert_eq!(target(name).map(|t| t.module), Ok(name));
        }
    }

    #[test]
    fn refuses_what_is_no_name() {
        assert_eq!(target(" "), Err(BadTarget::Empty));
        assert_eq!(
            target("../../etc/passwd"),
            Err(BadTarget::Module("../../etc/passwd".into()))
        );
        for name in ["a..b", ".a", "a.", "a:b", "a/b", "a\\b", "a\u{1}"] {
            assert_eq!(target(name), Err(BadTarget::Module(name.into())));
        }
        let long = "é".repeat(LONGEST / 2 + 1);
        let cut = long.chars().take(80).collect::<String>();
        assert_eq!(target(&long), Err(BadTarget::Module(cut.clone())));
        let function = format!("a::{long}");
        assert_eq!(target(&function), Err(BadTarget::Function(cut)));
        assert_eq!(target("a::b-c"), Err(BadTarget::Function("b-c".into())));
        assert!(Target::parse(b"\xff").is_err());
    }
}
