//! `python.conf`: the module's configuration.

use super::xml::Fetcher;
use crate::switch::Detached;
use crate::switch::xml::{self, Sections};

/// What the configuration says.
#[derive(Debug, Default)]
pub struct Config {
    /// Who answers XML lookups.
    pub fetchers: Vec<Fetcher>,
    /// Command lines to run once the switch is up.
    pub startup: Vec<String>,
    /// Load into a FreeSWITCH of a version that the module was not tried with.
    pub allow_untested_core: bool,
}

/// Reads `python.conf`. What is wrong in it is said, and the rest is taken.
#[must_use]
pub fn read(held: &Detached) -> Config {
    match xml::settings(held, c"python.conf") {
        Some(settings) => interpret(&settings),
        None => {
            tracing::info!("there is no python.conf: no script is bound to XML lookups");
            Config::default()
        }
    }
}

fn interpret(settings: &[(String, String)]) -> Config {
    let mut config = Config::default();
    let mut script: Option<&str> = None;
    for (name, value) in settings {
        let value = value.trim();
        match name.as_str() {
            "xml-handler-script" => script = Some(value).filter(|v| !v.is_empty()),
            "xml-handler-bindings" => match script {
                None => tracing::warn!(
                    "python.conf: xml-handler-bindings '{value}' has no xml-handler-script before it"
                ),
                Some(line) => {
                    let sections = Sections::named(value);
                    if sections.is_empty() {
                        tracing::warn!(
                            "python.conf: xml-handler-bindings '{value}' names no section"
                        );
                    } else {
                        config.fetchers.push(Fetcher {
                            sections,
                            line: line.to_owned(),
                        });
                    }
                }
            },
            "startup-script" if value.is_empty() => {
                tracing::warn!("python.conf: startup-script is empty");
            }
            "startup-script" => config.startup.push(value.to_owned()),
            "allow-untested-core" => match truth(value) {
                Some(allowed) => config.allow_untested_core = allowed,
                None => tracing::warn!("python.conf: {name} is true or false, not '{value}'"),
            },
            _ => tracing::warn!("python.conf: there is no parameter '{name}'"),
        }
    }
    config
}

/// The words that FreeSWITCH's own configuration takes (`switch_true`).
fn truth(value: &str) -> Option<bool> {
    let is = |words: &[&str]| words.iter().any(|w| value.eq_ignore_ascii_case(w));
    if is(&["true", "yes", "on", "enabled", "active", "allow", "t", "1"]) {
        return Some(true);
    }
    is(&[
        "false", "no", "off", "disabled", "inactive", "deny", "f", "0",
    ])
    .then_some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(list: &[(&str, &str)]) -> Config {
        let list: Vec<_> = list
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect();
        interpret(&list)
    }

    #[test]
    fn bindings_belong_to_the_script_before_them() {
        let config = pairs(&[
            ("xml-handler-bindings", "dialplan"),
            ("xml-handler-script", "a.b"),
            ("xml-handler-bindings", "dialplan|directory"),
            ("unknown", "x"),
            ("xml-handler-bindings", "nothing of the kind"),
        ]);
        assert_eq!(config.fetchers.len(), 1);
        assert_eq!(config.fetchers[0].line, "a.b");
        assert!(
            config.fetchers[0]
                .sections
                .overlaps(Sections::named("directory"))
        );
        assert!(
            !config.fetchers[0]
                .sections
                .overlaps(Sections::named("configuration"))
        );
    }

    #[test]
    fn several_startup_scripts_are_kept_in_order() {
        let config = pairs(&[
            ("startup-script", "a"),
            ("startup-script", ""),
            ("startup-script", "b c"),
        ]);
        assert_eq!(config.startup, ["a", "b c"]);
    }
}
