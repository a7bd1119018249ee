//! The JSON API: commands that take and give JSON.

use std::sync::Arc;

use bstr::ByteSlice;
use serde_json::{Map, Value, json};

use crate::c::SUCCESS;
use crate::module::api;
use crate::session::machine::STACK;
use crate::session::{Session, state};
use crate::switch::{Core, VERSION};

/// A command: the whole request to what it answers, and whether it went well.
type Command = fn(&Arc<Core>, &Value, Option<&Arc<Session>>) -> (bool, Value);

const COMMANDS: [(&str, Command); 5] = [
    ("channelData", channel_data),
    ("execute", execute),
    ("fsapi", fsapi),
    ("mediaStats", media_stats),
    ("status", status),
];

/// `switch_json_api_execute`: what the command answers, `None` when there is no
/// such command. The request gets the outcome.
pub(crate) fn run(
    core: &Arc<Core>,
    request: &mut Value,
    session: Option<&Arc<Session>>,
) -> (bool, Option<Value>) {
    let command = request
        .get("command")
        .and_then(Value::as_str)
        .filter(|_| request.get("data").is_some())
        .and_then(|name| {
            COMMANDS
                .iter()
                .find(|(known, _)| known.eq_ignore_ascii_case(name))
        });
    let (done, reply) = match command {
        Some((_, command)) => {
            let (done, reply) = command(core, request, session);
            (done, Some(reply))
        }
        None => (false, None),
    };
    note(request, done, reply.is_some());
    (done, reply)
}

/// The same for commands of modules, too.
pub(crate) fn execute_any(
    core: &Arc<Core>,
    request: &mut Value,
    session: Option<&Arc<Session>>,
) -> (bool, Option<Value>) {
    let command = request.get("command").and_then(Value::as_str);
    let foreign = command
        .filter(|_| request.get("data").is_some())
        .and_then(|command| core.modules.json(command.as_bytes()));
    let Some(module) = foreign else {
        return run(core, request, session);
    };
    let tree = std::ptr::from_mut(request).cast();
    // SAFETY: the tree is ours and lives, and the reply is ours to take over.
    let (status, reply) = unsafe {
        let (status, reply) = module.answer(tree, session);
        let reply = (!reply.is_null()).then(|| *Box::from_raw(reply.cast::<Value>()));
        (status, reply)
    };
    note(request, status == SUCCESS, reply.is_some());
    (status == SUCCESS, reply)
}

/// The same, and the answer stands in the request.
pub(crate) fn answer(core: &Arc<Core>, request: &mut Value, session: Option<&Arc<Session>>) {
    let (_, reply) = execute_any(core, request, session);
    if let Some(request) = request.as_object_mut() {
        request.insert("response".to_owned(), reply.unwrap_or(Value::Null));
    }
}

/// Tells the request how it went.
pub(crate) fn note(request: &mut Value, done: bool, replied: bool) {
    if let Some(request) = request.as_object_mut() {
        let status = if done { "success" } else { "error" };
        request.insert("status".to_owned(), status.into());
        let message = if replied {
            "The command returned an error"
        } else {
            "Invalid request or non-existant command"
        };
        if !done {
            request.insert("message".to_owned(), message.into());
        }
    }
}

fn text<'a>(request: &'a Value, name: &str) -> Option<&'a str> {
    request.get("data")?.get(name)?.as_str()
}

fn status(core: &Arc<Core>, _: &Value, _: Option<&Arc<Session>>) -> (bool, Value) {
    let micros = core.clock.now();
    let seconds = micros / 1_000_000;
    let count = core.sessions.count();
    let reply = json!({
        "systemStatus": if core.closing() { "not ready" } else { "ready" },
        "uptime": {
            "years": seconds / 31_536_000,
            "days": seconds / 86_400 % 365,
            "hours": seconds / 3600 % 24,
            "minutes": seconds / 60 % 60,
            "seconds": seconds % 60,
            "milliseconds": micros / 1000 % 1000,
            "microseconds": micros % 1000,
        },
        "version": format!("{} pocket", VERSION.to_string_lossy()),
        "sessions": {
            "count": {
                "total": core.sessions.created(),
                "active": count,
                "peak": count,
                "peak5Min": count,
                "limit": 1000,
            },
            "rate": { "current": 0, "max": 30, "peak": 0, "peak5Min": 0 },
        },
        "idleCPU": { "used": 0, "allowed": 100 },
        "stackSizeKB": { "current": STACK / 1024, "max": 8192 },
    });
    (true, reply)
}

fn fsapi(core: &Arc<Core>, request: &Value, session: Option<&Arc<Session>>) -> (bool, Value) {
    let Some(name) = text(request, "cmd") else {
        return (true, json!({ "message": "INVALID CALL" }));
    };
    let argument = text(request, "arg").unwrap_or_default();
    let reply = api::run(core, name.into(), argument.into(), session, None);
    if reply.status != SUCCESS {
        return (false, json!({ "message": "INVALID CALL" }));
    }
    (true, json!({ "message": reply.text.to_str_lossy() }))
}

fn execute(core: &Arc<Core>, request: &Value, _: Option<&Arc<Session>>) -> (bool, Value) {
    let (Some(uuid), Some(application)) = (text(request, "uuid"), text(request, "app")) else {
        return (false, json!({ "response": "INVALID INPUT" }));
    };
    let Some(session) = core.sessions.locate(uuid.as_bytes()) else {
        return (false, json!({ "response": "Session does not exist" }));
    };
    let argument = text(request, "arg").map(Into::into);
    let reply = if truth(request, "extendedData") {
        json!({ "channelData": describe(&session) })
    } else {
        json!({ "channelName": session.name().to_str_lossy() })
    };
    if truth(request, "inline") {
        session.execute(application.into(), argument);
    } else {
        session.queue_private_event(session.command_event(application.into(), argument));
    }
    (true, reply)
}

fn truth(request: &Value, name: &str) -> bool {
    text(request, name).is_some_and(|value| crate::text::is_true(value.as_bytes()))
}

fn channel_data(core: &Arc<Core>, request: &Value, _: Option<&Arc<Session>>) -> (bool, Value) {
    match text(request, "uuid").filter(|uuid| !uuid.is_empty()) {
        None => (false, json!({ "response": "INVALID INPUT" })),
        Some(uuid) => match core.sessions.locate(uuid.as_bytes()) {
            None => (false, json!({ "response": "Session does not exist" })),
            Some(session) => (true, json!({ "channelData": describe(&session) })),
        },
    }
}

fn media_stats(core: &Arc<Core>, request: &Value, _: Option<&Arc<Session>>) -> (bool, Value) {
    match text(request, "uuid").filter(|uuid| !uuid.is_empty()) {
        None => (false, json!({ "response": "INVALID INPUT" })),
        Some(uuid) if core.sessions.locate(uuid.as_bytes()).is_none() => {
            (false, json!({ "response": "Session does not exist" }))
        }
        // There is no audio whose statistics could be told.
        Some(_) => (true, json!({})),
    }
}

/// The call's record, as far as a running call has one.
fn describe(session: &Arc<Session>) -> Value {
    let variables: Map<String, Value> = session
        .variables()
        .into_iter()
        .map(|(name, value)| (name.to_string(), value.to_str_lossy().into()))
        .collect();
    let profiles: Vec<Value> = session
        .profiles()
        .iter()
        .rev()
        .map(|profile| {
            let fields: Map<String, Value> = profile
                .fields()
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.to_string_lossy().into()))
                .collect();
            let times: Map<String, Value> = profile
                .times
                .named()
                .into_iter()
                .map(|(name, time)| (name.to_owned(), time.to_string().into()))
                .collect();
            json!({
                "dialplan": profile.dialplan.to_string_lossy(),
                "profile_index": profile.profile_index.to_string_lossy(),
                "caller_profile": fields,
                "times": times,
            })
        })
        .collect();
    json!({
        "core-uuid": session.core.globals.get(b"core_uuid").unwrap_or_default().to_str_lossy(),
        "switchname": "pocket",
        "channel_data": {
            "state": state::name(session.state()).to_string_lossy(),
            "direction": session.direction(),
            "state_number": session.state().0.to_string(),
        },
        "variables": variables,
        "callflow": profiles,
    })
}
