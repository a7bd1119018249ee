//! The XML dialplan: contexts and extensions.

use std::sync::Arc;

use bstr::{BStr, ByteSlice};

use super::condition::Hunt;
use super::params::params;
use crate::session::profile::text;
use crate::session::{Extension, Profile, Session, say};
use crate::text::is_true;
use crate::xml::{Node, parse};

/// Looks for an extension; `argument` names another file, if it is there.
pub(super) fn hunt(
    session: &Arc<Session>,
    profile: &Profile,
    argument: &BStr,
) -> Option<Extension> {
    let destination = text(Some(&profile.destination_number));
    let context = text(Some(&profile.context));
    say!(
        session,
        INFO,
        "Processing {} <{}>->{destination} in context {context}",
        text(Some(&profile.caller_id_name)),
        text(Some(&profile.caller_id_number))
    );
    if !argument.is_empty() {
        let file = std::fs::read(argument.to_path_lossy())
            .ok()
            .map(|file| parse(&file));
        let Some(file) = file.filter(|file| file.error().is_empty()) else {
            say!(session, ERROR, "Open of [{argument}] failed");
            return None;
        };
        let dialplan = file
            .root()
            .find(Some("section"), Some("name"), Some("dialplan".into()))
            .and_then(|section| section.child("dialplan").or(Some(section)));
        return dialplan.and_then(|dialplan| extensions(session, profile, dialplan));
    }
    // Who answers lookups is told of the leg.
    let params = session
        .core
        .xml
        .is_asked("dialplan")
        .then(|| params(session, profile));
    let pointer = params
        .as_ref()
        .map_or(std::ptr::null_mut(), |params| params.as_ptr());
    let found = session
        .core
        .xml
        .locate(&session.core.log, "dialplan", None, None, pointer);
    drop(params);
    let Some(found) = found else {
        say!(session, ERROR, "Open of dialplan failed");
        return None;
    };
    extensions(session, profile, found.node())
}

fn extensions(session: &Arc<Session>, profile: &Profile, dialplan: Node<'_>) -> Option<Extension> {
    let name = text(Some(&profile.context));
    let find = |name: &BStr| dialplan.find(Some("context"), Some("name"), Some(name));
    let Some(context) = find(name).or_else(|| find("global".into())) else {
        say!(session, WARNING, "Context {name} not found");
        return None;
    };
    let destination = text(Some(&profile.destination_number));
    let hunted = if session.is_true("auto_hunt") {
        context.find(Some("extension"), Some("name"), Some(destination))
    } else {
        None
    };
    let mut hunt = Hunt::new(session, profile);
    let mut skipping = hunted.is_some();
    for extension in context.children("extension") {
        if skipping && hunted.is_some_and(|hunted| hunted.is(extension)) {
            skipping = false;
        }
        if skipping {
            continue;
        }
        let goes_on = extension
            .attribute("continue")
            .is_some_and(|goes_on| is_true(goes_on));
        let label = extension.attribute("name").unwrap_or(BStr::new("UNKNOWN"));
        say!(
            session,
            DEBUG,
            "Dialplan: {} parsing [{name}->{label}] continue={}",
            session.name(),
            if goes_on { "true" } else { "false" }
        );
        if hunt.extension(extension, label) && !goes_on {
            break;
        }
    }
    hunt.found()
}
