//! Managing running scripts: `pyps`, `pykill`, `pyreload` and `pystat`.

use std::ffi::c_char;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bindings::{
    SWITCH_STATUS_SUCCESS, switch_core_session_t, switch_status_t, switch_stream_handle_t,
};
use freeswitch::edge::guard;
use freeswitch::stream::reply;

use super::{figures, pystat, reload};
use crate::aio::outside::calls;
use crate::entry::api::line;
use crate::interp::attach::reenter_within;
use crate::script::kill;
use crate::script::kill::Outcome;
use crate::script::runs;
use crate::script::runs::Run;

/// What a command answers: text to its argument, or what was wrong.
type Command = fn(&str) -> Result<String, String>;

/// # Safety
/// Called by the core, as `switch_api_function_t` says.
unsafe fn command(
    cmd: *const c_char,
    stream: *mut switch_stream_handle_t,
    command: Command,
) -> switch_status_t {
    // SAFETY: the core lends it for this call; it may be NULL.
    let argument = String::from_utf8_lossy(unsafe { line(cmd) })
        .trim()
        .to_owned();
    let text = command(&argument).unwrap_or_else(|why| format!("-ERR {why}\n"));
    // SAFETY: the core's stream, used by this thread alone.
    unsafe { reply(stream, text.as_bytes()) };
    SWITCH_STATUS_SUCCESS
}

macro_rules! commands {
    ($($(#[$doc:meta])* $name:ident = $function:path;)*) => {$(
        $(#[$doc])*
        ///
        /// # Safety
        /// Called by the core, as `switch_api_function_t` says.
        pub unsafe extern "C" fn $name(
            cmd: *const c_char,
            _session: *mut switch_core_session_t,
            stream: *mut switch_stream_handle_t,
        ) -> switch_status_t {
            guard(c"API command", SWITCH_STATUS_SUCCESS, || {
                // SAFETY: the core's arguments, passed on.
                unsafe { command(cmd, stream, $function) }
            })
        }
    )*};
}

commands! {
    /// `pyps [json]`: the scripts that run.
    pyps = list;
    /// `pykill <id>`: ends one.
    pykill = end;
    /// `pyreload [module]`: loads the configuration and the scripts again, or one module.
    pyreload = reload::by_command;
    /// `pystat [json|prometheus]`: what was counted.
    pystat = pystat::statistics;
}

fn list(argument: &str) -> Result<String, String> {
    let json = match argument {
        "" => false,
        "json" => true,
        _ => return Err("pyps [json]".to_owned()),
    };
    let all = runs::all();
    let looked_at = all.clone();
    let lines = reenter_within(LOOK, move |py| {
        let lines = looked_at.iter().map(|run| kill::place(py, run));
        lines.collect::<Vec<_>>()
    });
    // C code that keeps Python's lock can hide where the others are.
    let mut lines = lines.unwrap_or_default().into_iter();
    let runs: Vec<_> = all
        .into_iter()
        .map(|run| (place(&run, lines.next().flatten()), run))
        .collect();
    Ok(if json { as_json(&runs) } else { as_text(&runs) })
}

/// How long to wait for Python to say where scripts are.
const LOOK: Duration = Duration::from_secs(1);

/// The program outside that serves its call; nothing where it is none of these, or nobody has it.
fn worker_of(run: &Run) -> Option<String> {
    if !matches!(run.way, "pyremote" | "pysocket") {
        return None;
    }
    calls::find(run.uuid.as_ref()?)?.worker()
}

/// Where it is: the line in Python, the switch call that it waits in, and who serves it outside.
fn place(script: &Run, line: Option<String>) -> String {
    match (line, script.waits_in()) {
        (None, Some(call @ ("pyremote" | "pysocket"))) => match worker_of(script) {
            Some(worker) => format!("waits in {call}, worker {worker}"),
            None => format!("waits in {call}, no worker"),
        },
        (Some(line), Some(call)) => format!("{line}, waits in {call}"),
        (Some(line), None) => line,
        (None, Some(call)) => format!("waits in {call}"),
        (None, None) => "begins, or cannot be looked at".to_owned(),
    }
}

fn as_text(runs: &[(String, Arc<Run>)]) -> String {
    let mut text = String::new();
    for (place, run) in runs {
        let uuid = run
            .uuid
            .as_ref()
            .map_or("-".into(), |u| u.to_string_lossy());
        // Writing to a String does not fail.
        let _ = writeln!(
            text,
            "{} {} {} {uuid} {:.1}s {place}",
            run.id,
            run.way,
            run.function.name,
            run.begun.elapsed().as_secs_f64(),
        );
    }
    let _ = writeln!(text, "\n{} running", runs.len());
    text
}

fn as_json(runs: &[(String, Arc<Run>)]) -> String {
    let objects = runs.iter().map(|(place, run)| {
        let since = SystemTime::now() - run.begun.elapsed();
        let since = since.duration_since(UNIX_EPOCH).unwrap_or_default();
        figures::object(&[
            ("id", run.id.to_string()),
            ("way", figures::quoted(run.way)),
            ("function", figures::quoted(&run.function.name)),
            (
                "uuid",
                run.uuid
                    .as_ref()
                    .map_or("null".to_owned(), |u| figures::quoted(&u.to_string_lossy())),
            ),
            ("since", format!("{:.3}", since.as_secs_f64())),
            (
                "seconds",
                format!("{:.3}", run.begun.elapsed().as_secs_f64()),
            ),
            ("place", figures::quoted(place)),
            (
                "worker",
                worker_of(run).map_or("null".to_owned(), |name| figures::quoted(&name)),
            ),
        ])
    });
    format!("[{}]\n", objects.collect::<Vec<_>>().join(","))
}

fn end(argument: &str) -> Result<String, String> {
    let id: u64 = argument
        .parse()
        .map_err(|_| "usage: pykill <id>; pyps lists the ids".to_owned())?;
    let script = runs::find(id).ok_or_else(|| format!("no script has the number {id}"))?;
    match kill::end(&script, "by pykill") {
        Outcome::Ended => Ok(format!("+OK {id} has ended\n")),
        Outcome::Blocked(place) => Err(format!(
            "{id} does not end: it is blocked in C at {place}, and ends when that returns"
        )),
        Outcome::Refuses(place) => Err(format!(
            "{id} does not end: it swallows what ends it at {place}; let ScriptKilled and CancelledError through"
        )),
    }
}
