//! `python.conf`: the module's configuration.

use std::path::PathBuf;
use std::time::Duration;

use freeswitch::Detached;
use freeswitch::xml;
use freeswitch::xml::Element;
use freeswitch::xml::lookup::Sections;
use parking_lot::Mutex;

use super::bus_setting::BusSetting;
use super::listener::Setting;
use crate::aio::bus;
use crate::entry::event_hook::Hook;
use crate::entry::xml_fetch::Fetcher;
use crate::script::cache::Reload;
use crate::script::entry_point;

/// What the configuration says.
#[derive(Debug, PartialEq)]
pub struct Config {
    /// Who answers XML lookups.
    pub fetchers: Vec<Fetcher>,
    /// Command lines to run once all modules are loaded.
    pub startup: Vec<String>,
    /// Command lines to run as soon as this module is, before those after it.
    pub at_load: Vec<String>,
    /// App files that import switchio: `/FOLDER/FILE.py:NAME [ID]`.
    pub switchio_apps: Vec<String>,
    /// Scripts that events are given to.
    pub hooks: Vec<Hook>,
    /// Folders of scripts, before the switch's own.
    pub directories: Vec<PathBuf>,
    /// A virtual environment to run in.
    pub virtual_env: Option<PathBuf>,
    /// Another installation of the same Python.
    pub python_home: Option<PathBuf>,
    /// Patterns of modules that may be named from outside.
    pub allowed: Vec<String>,
    /// When scripts are loaded again.
    pub reload: Reload,
    /// How long scripts may run, by way in.
    pub timeouts: Vec<(&'static str, Duration)>,
    /// How long scripts get to end when the module does.
    pub ending: Duration,
    /// The spans of calls continue those that their INVITEs name.
    pub accept_traceparent: bool,
    /// Where calls whose variable `python_record` says so are recorded.
    pub record_calls: Option<PathBuf>,
    /// Where the metrics are served, and to whom.
    pub metrics: Option<Setting>,
    /// The server that switches and workers share.
    pub bus: Option<bus::setting::Setting>,
    /// Load into a FreeSWITCH of a version that the module was not tested with.
    pub allow_untested_core: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            fetchers: Vec::new(),
            startup: Vec::new(),
            at_load: Vec::new(),
            switchio_apps: Vec::new(),
            hooks: Vec::new(),
            directories: Vec::new(),
            virtual_env: None,
            python_home: None,
            allowed: vec!["*".to_owned()],
            reload: Reload::Changed,
            timeouts: Vec::new(),
            ending: Duration::from_secs(5),
            accept_traceparent: false,
            record_calls: None,
            metrics: None,
            bus: None,
            allow_untested_core: false,
        }
    }
}

/// What was said to be wrong when the configuration was last read.
static TOLD: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Reads `python.conf`. What is wrong in it is said, once and not at each
/// reading, and the rest is taken.
#[must_use]
pub fn read(held: &Detached) -> Config {
    let Some(settings) = xml::settings(held, c"python.conf") else {
        tracing::info!("no python.conf: every parameter has its default");
        return Config::default();
    };
    let (config, wrong) = interpret(&settings);
    let told = std::mem::replace(&mut *TOLD.lock(), wrong.clone());
    for line in wrong.iter().filter(|line| !told.contains(line)) {
        tracing::warn!("{line}");
    }
    config
}

/// The module goes: what is wrong is said again when it comes back.
pub fn forget() {
    TOLD.lock().clear();
}

/// What the settings say, and a line for each that is wrong.
fn interpret(settings: &[Element]) -> (Config, Vec<String>) {
    let mut config = Config::default();
    let mut script = None;
    let mut token = None;
    let mut of_bus = BusSetting::default();
    let mut lines = Vec::new();
    let mut wrong = |name: &str, value: &str, why: &str| {
        lines.push(format!("MR0010 python.conf: {name} '{value}': {why}"));
    };
    for element in settings {
        match element.tag.as_str() {
            "param" => {
                let (name, value) = (element.get("name"), element.get("value").trim());
                if name == "xml-handler-script" {
                    let before = script.replace(FetchScript::new(value));
                    if let Some(before) = before.filter(|s| !s.bound) {
                        wrong(name, &before.line, UNBOUND);
                    }
                } else if name == "metrics-token" {
                    // It stands in no log.
                    if is_token(value) {
                        token = Some(value.to_owned());
                    } else {
                        wrong(name, "...", "must be letters, digits and -._~+/=");
                    }
                } else if name.starts_with("bus-") {
                    if let Err((shown, why)) = of_bus.take(name, value) {
                        wrong(name, &shown, why);
                    }
                } else if let Err(why) = parameter(&mut config, script.as_mut(), name, value) {
                    wrong(name, value, why);
                }
            }
            "hook" => match hook(element) {
                Ok(hook) => config.hooks.push(hook),
                Err(why) => wrong("hook", element.get("event"), why),
            },
            tag => wrong("settings", tag, "there is no such element"),
        }
    }
    if let Some(script) = script.filter(|s| !s.bound) {
        wrong("xml-handler-script", &script.line, UNBOUND);
    }
    if let Some(metrics) = &mut config.metrics {
        metrics.token = token;
        let address = metrics.address;
        if metrics.token.is_none() && !address.ip().is_loopback() {
            let why = "others than this machine can reach it: it needs a metrics-token";
            wrong("metrics-listen", &address.to_string(), why);
            config.metrics = None;
        }
    }
    config.bus = of_bus.finish(|name, why| wrong(name, "...", why));
    (config, lines)
}

/// An `xml-handler-script`, until its bindings have been read.
struct FetchScript {
    line: String,
    bound: bool,
}

const UNBOUND: &str = "it has no xml-handler-bindings after it";

impl FetchScript {
    fn new(line: &str) -> Self {
        // An empty one ends the one before, and wants no bindings.
        Self {
            line: line.to_owned(),
            bound: line.is_empty(),
        }
    }
}

fn hook(element: &Element) -> Result<Hook, &'static str> {
    let (event, line) = (element.get("event").trim(), element.get("script").trim());
    if event.is_empty() || line.is_empty() {
        return Err("a hook needs event and script");
    }
    let subclass = Some(element.get("subclass").trim()).filter(|s| !s.is_empty());
    if subclass.is_some() && !event.eq_ignore_ascii_case("CUSTOM") {
        return Err("only CUSTOM events have a subclass");
    }
    Ok(Hook {
        event: event.to_owned(),
        subclass: subclass.map(str::to_owned),
        line: line.to_owned(),
    })
}

fn parameter(
    config: &mut Config,
    script: Option<&mut FetchScript>,
    name: &str,
    value: &str,
) -> Result<(), &'static str> {
    match name {
        "xml-handler-bindings" => {
            let script = script.filter(|s| !s.line.is_empty());
            let script = script.ok_or("it has no xml-handler-script before it")?;
            script.bound = true;
            let sections = Sections::named(value);
            if sections.is_empty() {
                return Err("it names no section");
            }
            let line = script.line.clone();
            config.fetchers.push(Fetcher { sections, line });
            let mut names = value.split(|c: char| !c.is_alphanumeric() && c != '-');
            if names.any(|name| !name.is_empty() && Sections::named(name).is_empty()) {
                return Err("not all of these are sections; the others are bound");
            }
        }
        "startup-script" | "startup-script-at-load" if value.is_empty() => {
            return Err("it names no script");
        }
        "startup-script" => config.startup.push(value.to_owned()),
        "startup-script-at-load" => config.at_load.push(value.to_owned()),
        "switchio-app" if value.starts_with('/') && value.contains(".py:") => {
            config.switchio_apps.push(value.to_owned());
        }
        "switchio-app" => return Err("must be /FOLDER/FILE.py:NAME, and an app id if you like"),
        "script-directory" => config.directories.push(folder(value)?),
        "virtual-env" => config.virtual_env = Some(folder(value)?),
        "python-home" => config.python_home = Some(folder(value)?),
        // Empty is none: who forbids all does not want the default.
        "allow-modules" => {
            let patterns = value.split([',', ' ']).filter(|p| !p.is_empty());
            config.allowed = patterns.map(str::to_owned).collect();
        }
        "reload-scripts" => {
            config.reload = match value {
                "changed" => Reload::Changed,
                "never" => Reload::Never,
                "always" => Reload::Always,
                _ => return Err("must be changed, never or always"),
            }
        }
        "script-timeout" => {
            let (way, time) = value
                .split_once(' ')
                .ok_or("must be a way in and seconds, such as 'api 30'")?;
            let way = entry_point::named(way.trim()).ok_or("there is no such way in")?;
            config.timeouts.push((way.name, seconds(time)?));
        }
        "metrics-listen" => {
            let address = value
                .parse()
                .map_err(|_| "must be an IP address and a port, such as '127.0.0.1:9282'")?;
            config.metrics = Some(Setting {
                address,
                token: None,
            });
        }
        "shutdown-timeout" => config.ending = seconds(value)?,
        "accept-traceparent" => {
            config.accept_traceparent = truth(value).ok_or("must be true or false")?;
        }
        "record-calls" => {
            let folder = PathBuf::from(value);
            if !folder.is_absolute() || !folder.is_dir() {
                return Err("must be the full path of an existing folder");
            }
            config.record_calls = Some(folder);
        }
        "allow-untested-core" => {
            config.allow_untested_core = truth(value).ok_or("must be true or false")?;
        }
        _ => return Err("there is no such parameter"),
    }
    Ok(())
}

/// May it stand in an `Authorization` header (RFC 6750)?
fn is_token(value: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-._~+/=".contains(c);
    !value.is_empty() && value.chars().all(allowed)
}

fn folder(value: &str) -> Result<PathBuf, &'static str> {
    let folder = PathBuf::from(value);
    if !folder.is_absolute() {
        return Err("must be a full path, from / on");
    }
    match std::fs::read_dir(&folder) {
        Ok(_) => Ok(folder),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err("there is no such folder")
        }
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            Err("it may not be read")
        }
        Err(_) => Err("must be a folder that can be read"),
    }
}

fn seconds(value: &str) -> Result<Duration, &'static str> {
    let seconds: f64 = value
        .trim()
        .parse()
        .map_err(|_| "must be a number of seconds")?;
    Duration::try_from_secs_f64(seconds).map_err(|_| "must be a number of seconds, 0 or more")
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

    fn param(name: &str, value: &str) -> Element {
        Element::new("param", &[("name", name), ("value", value)])
    }

    #[test]
    fn bindings_belong_to_the_script_before_them() {
        let (config, wrong) = interpret(&[
            param("xml-handler-bindings", "dialplan"),
            param("xml-handler-script", "a.b"),
            param("xml-handler-bindings", "dialplan|directory"),
            param("unknown", "x"),
            param("xml-handler-script", "c"),
            param("xml-handler-bindings", "nothing of the kind"),
            param("xml-handler-bindings", "configuration"),
        ]);
        let lines: Vec<_> = config.fetchers.iter().map(|f| f.line.as_str()).collect();
        assert_eq!(lines, ["a.b", "c"]);
        assert_eq!(wrong.len(), 3, "{wrong:?}");
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
        let list = [
            param("startup-script", "a"),
            param("startup-script", ""),
            param("startup-script", "b c"),
        ];
        assert_eq!(interpret(&list).0.startup, ["a", "b c"]);
    }

    #[test]
    fn what_is_wrong_leaves_the_default() {
        let list = [
            param("reload-scripts", "sometimes"),
            param("script-timeout", "api"),
            param("script-timeout", "nowhere 5"),
            param("shutdown-timeout", "-1"),
            param("script-directory", "/nowhere/at/all"),
            param("xml-handler-script", "no.bindings"),
            Element::new("hook", &[("event", "CUSTOM")]),
            Element::new(
                "hook",
                &[
                    ("event", "HEARTBEAT"),
                    ("subclass", "a::b"),
                    ("script", "c"),
                ],
            ),
        ];
        let (config, wrong) = interpret(&list);
        assert_eq!(config, Config::default());
        assert_eq!(wrong.len(), list.len());
    }

    #[test]
    fn sections_that_are_none_are_told_of() {
        let (config, wrong) = interpret(&[
            param("xml-handler-script", "a"),
            param("xml-handler-bindings", "dialplan|diretory"),
        ]);
        assert_eq!(config.fetchers.len(), 1);
        assert_eq!(wrong.len(), 1);
    }

    #[test]
    fn only_this_machine_reads_the_metrics_without_a_token() {
        let read = |list: &[Element]| interpret(list);
        let (config, wrong) = read(&[param("metrics-listen", "[::1]:9282")]);
        assert!(config.metrics.is_some() && wrong.is_empty());
        let (config, wrong) = read(&[param("metrics-listen", "0.0.0.0:9282")]);
        assert!(config.metrics.is_none() && wrong.len() == 1);
        let (config, wrong) = read(&[
            param("metrics-listen", "0.0.0.0:9282"),
            param("metrics-token", "a-Token_1"),
        ]);
        let metrics = config.metrics.expect("it has a token");
        assert_eq!(metrics.token.as_deref(), Some("a-Token_1"));
        assert!(wrong.is_empty());
        let (config, wrong) = read(&[
            param("metrics-listen", "somewhere:9282"),
            param("metrics-token", "se\"cret"),
        ]);
        assert!(config.metrics.is_none() && wrong.len() == 2);
        assert!(wrong.iter().all(|line| !line.contains("cret")), "{wrong:?}");
    }

    #[test]
    fn no_pattern_allows_no_module() {
        let (config, wrong) = interpret(&[param("allow-modules", "")]);
        assert!(config.allowed.is_empty());
        assert!(wrong.is_empty());
    }

    #[test]
    fn times_and_patterns_are_read() {
        let (config, wrong) = interpret(&[
            param("script-timeout", "api 1.5"),
            param("allow-modules", "ivr.*, hello"),
            param("reload-scripts", "never"),
        ]);
        assert!(wrong.is_empty());
        assert_eq!(config.timeouts, [("api", Duration::from_millis(1500))]);
        assert_eq!(config.allowed, ["ivr.*", "hello"]);
        assert_eq!(config.reload, Reload::Never);
    }
}
