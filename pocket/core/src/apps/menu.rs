//! `ivr`: menus of ivr.conf.

use std::sync::Arc;

use bindings::SWITCH_EVENT_REQUEST_PARAMS;
use bstr::{BStr, BString, ByteSlice};

use crate::ivr::menu::{Look, Menu, action};
use crate::place::here;
use crate::session::{Session, say};
use crate::text::number;
use crate::xml::Node;

pub(super) fn ivr(session: &Arc<Session>, name: &BStr) {
    let mut params = session
        .core
        .events
        .create(SWITCH_EVENT_REQUEST_PARAMS, None, here!());
    params.add("Menu-Name", name);
    session.describe(&mut params);
    let key = Some(("name", BStr::new("ivr.conf")));
    let found = session.core.xml.locate(
        &session.core.log,
        "configuration",
        Some("configuration"),
        key,
        params.as_ptr(),
    );
    drop(params);
    let Some(found) = found else {
        say!(session, ERROR, "Open of ivr.conf failed");
        return;
    };
    let Some(menus) = found.node().child("menus") else {
        say!(session, ERROR, "No menus configured");
        return;
    };
    let Some(menu) = menus.find(Some("menu"), Some("name"), Some(name)) else {
        say!(session, ERROR, "Unable to find menu");
        return;
    };
    let mut built = Vec::new();
    if build(session, menus, menu, &mut built).is_none() {
        say!(session, ERROR, "Unable to create menu");
        return;
    }
    for menu in &built[1..] {
        built[0].adopt(std::ptr::from_ref(menu).cast_mut());
    }
    // SAFETY: the first is the topmost, and those beneath live in the list beside it.
    unsafe { built[0].execute(session, name) };
}

/// A menu and those that it leads to, each once; `None` for a faulty entry.
fn build(session: &Session, menus: Node<'_>, node: Node<'_>, built: &mut Vec<Menu>) -> Option<()> {
    let text = |name: &str| node.attribute(name).unwrap_or_default().to_owned();
    let count = |name: &str| u32::try_from(number(&text(name))).unwrap_or(0);
    let failures = count("max-failures");
    let timeouts = if text("max-timeouts").is_empty() {
        failures
    } else {
        count("max-timeouts")
    };
    let at = built.len();
    say!(session, DEBUG, "building menu '{}'", text("name"));
    built.push(Menu::new(Look {
        name: text("name"),
        greeting: text("greet-long"),
        short_greeting: text("greet-short"),
        invalid: text("invalid-sound"),
        exit: text("exit-sound"),
        transfer: text("transfer-sound"),
        confirm_macro: text("confirm-macro"),
        confirm_key: text("confirm-key"),
        engine: text("tts-engine"),
        voice: text("tts-voice"),
        confirm_attempts: count("confirm-attempts"),
        between: count("inter-digit-timeout"),
        timeout: count("timeout"),
        digits: count("digit-len") as usize,
        failures,
        timeouts,
    }));
    for entry in node.children("entry") {
        let value = |name: &str| entry.attribute(name).unwrap_or_default();
        let digits = value("digits");
        let kind = action(value("action")).filter(|_| !digits.is_empty())?;
        let parameter: BString = value("param").to_owned();
        if kind == bindings::SWITCH_IVR_ACTION_EXECMENU
            && !built.iter().any(|menu| menu.is_called(parameter.as_bstr()))
            && let Some(below) = menus.find(Some("menu"), Some("name"), Some(parameter.as_bstr()))
        {
            build(session, menus, below, built)?;
        }
        built[at].bind(digits, kind, parameter.as_bstr());
    }
    Some(())
}
