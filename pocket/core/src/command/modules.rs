//! Commands about modules and the configuration.

use bstr::{BStr, ByteSlice};

use crate::module::api::{Invocation, Reply, usage};

const UNLOAD_SYNTAX: &str = "[-f] <mod_name>";

pub(super) fn module_exists(call: &Invocation<'_>) -> Reply {
    if call.core.modules.exists(call.argument) {
        "true".into()
    } else {
        "false".into()
    }
}

pub(super) fn reloadxml(call: &Invocation<'_>) -> Reply {
    match call.core.reload_xml() {
        Ok(()) => "+OK [Success]\n".into(),
        Err(error) => format!("+OK [{error}]\n").into(),
    }
}

pub(super) fn load(call: &Invocation<'_>) -> Reply {
    if call.argument.is_empty() {
        return usage("<mod_name>");
    }
    let loaded = call
        .core
        .modules
        .load(call.core, &call.argument.to_str_lossy());
    let text = match loaded {
        Ok(()) => "+OK\n".to_owned(),
        Err(error) => format!("-ERR [{error}]\n"),
    };
    (xml(call) + &text).into()
}

/// Whether `-f` was given, and the name.
fn forced(argument: &BStr) -> (bool, &BStr) {
    match argument.strip_prefix(b"-") {
        Some(flags) => {
            let (flags, name) = crate::text::cut(flags, b' ');
            (flags.contains(&b'f'), name)
        }
        None => (false, argument),
    }
}

fn xml(call: &Invocation<'_>) -> String {
    match call.core.reload_xml() {
        Ok(()) => "+OK Reloading XML\n".to_owned(),
        Err(_) => String::new(),
    }
}

pub(super) fn unload(call: &Invocation<'_>) -> Reply {
    let (force, name) = forced(call.argument);
    if name.is_empty() {
        return usage(UNLOAD_SYNTAX);
    }
    match call
        .core
        .modules
        .unload(call.core, &name.to_str_lossy(), force)
    {
        Ok(()) => "+OK\n".into(),
        Err(error) => format!("-ERR [{error}]\n").into(),
    }
}

pub(super) fn reload(call: &Invocation<'_>) -> Reply {
    let (force, name) = forced(call.argument);
    if name.is_empty() {
        return usage(UNLOAD_SYNTAX);
    }
    let name = name.to_str_lossy();
    let read = xml(call);
    let unloaded = match call.core.modules.unload(call.core, &name, force) {
        Ok(()) => "+OK module unloaded\n".to_owned(),
        Err(error) => format!("-ERR unloading module [{error}]\n"),
    };
    let loaded = match call.core.modules.load(call.core, &name) {
        Ok(()) => "+OK module loaded\n".to_owned(),
        Err(error) => format!("-ERR loading module [{error}]\n"),
    };
    (read + &unloaded + &loaded).into()
}
