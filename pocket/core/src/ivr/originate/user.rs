//! `user/1000@domain`: dials what the directory says of a user.

use std::sync::Arc;

use bindings::SWITCH_EVENT_REQUEST_PARAMS;
use bstr::{BStr, BString, ByteSlice};

use super::leg::Outgoing;
use super::settings::TIMEOUT;
use super::{Request, Variables, originate, variables};
use crate::c::Cause;
use crate::cause;
use crate::event::Event;
use crate::log;
use crate::place::here;
use crate::session::Profile;
use crate::session::expand::{Headers, expand};
use crate::session::lock::Locked;
use crate::switch::Core;
use crate::text::{c_string, number};
use crate::xml::Node;

/// A user of the directory.
pub(crate) struct User {
    id: BString,
    /// Names and values, those of the user before those of group and domain.
    pub(crate) params: Vec<(BString, BString)>,
    pub(crate) variables: Vec<(BString, BString)>,
    /// Those of the user's own tag.
    pub(crate) attributes: Vec<(BString, BString)>,
}

/// Places the call; the leg may have been answered already.
pub(super) fn dial(
    outgoing: &Outgoing<'_>,
    destination: &BStr,
    mut variables: Variables,
    profile: Profile,
    forked: bool,
) -> Result<Locked, Cause> {
    let core = outgoing.core;
    let (name, domain) = match destination.find_byte(b'@') {
        Some(at) => (destination[..at].as_bstr(), destination[at + 1..].into()),
        None => (
            destination,
            core.globals
                .get(b"domain")
                .unwrap_or_else(|| "pocket".into()),
        ),
    };
    let user = called(outgoing, name, domain.as_bstr(), &variables)?;
    if variables
        .get("user_recurse_variables")
        .is_some_and(is_false)
    {
        variables = Variables::default();
    }
    let dial = dial_string(core, &user, &mut variables)?;
    variables.set(b"dialed_user", &user.id);
    variables.set(b"dialed_domain", &domain);
    if !dial.is_empty() && !dial.contains_str("presence_id=") {
        variables.set(b"presence_id", format!("{}@{domain}", user.id).as_bytes());
    }
    let own = |name: &str| variables.get(name).map(|value| number(value));
    let mut seconds = own("leg_timeout");
    let dial = if let Some(leg) = outgoing.a_leg {
        seconds = leg
            .get("call_timeout")
            .map(|value| number(&value))
            .or(seconds);
        leg.set("dialed_user", &user.id);
        leg.set("dialed_domain", &domain);
        leg.expand(&dial)
    } else {
        seconds = own("call_timeout").or(seconds);
        let mut event = Event::list();
        for (name, value) in variables.iter() {
            event.add(name, value);
        }
        let event = &event;
        expand(&Headers { core, event }, &dial)
    };
    refuse_itself(core, &user, &dial)?;
    let session = if forked {
        first_leg(outgoing, dial.as_bstr(), variables, profile)?
    } else {
        let pairs = variables.into_pairs();
        let request = Request {
            variables: &pairs,
            timeout: seconds.unwrap_or(TIMEOUT),
            cancel: outgoing.request.cancel,
            profile: Some(&profile),
            ..Request::default()
        };
        originate(core, outgoing.a_leg, dial.as_bstr(), &request)?
    };
    if let Some(context) = session.get("user_context") {
        session.change_profile(|profile| profile.context = c_string(&context));
    }
    for (name, value) in &user.variables {
        session.set(name, value);
    }
    Ok(session)
}

/// The user, asked for with the variables of the leg as parameters.
fn called(
    outgoing: &Outgoing<'_>,
    name: &BStr,
    domain: &BStr,
    variables: &Variables,
) -> Result<User, Cause> {
    let mut asked = vec![
        ("as_channel", BStr::new("true")),
        ("action", BStr::new("user_call")),
        ("key", BStr::new("id")),
    ];
    let own: Vec<_> = variables
        .iter()
        .map(|(name, value)| (name.to_str_lossy().into_owned(), value.to_owned()))
        .collect();
    asked.extend(
        own.iter()
            .map(|(name, value)| (name.as_str(), value.as_bstr())),
    );
    find(outgoing.core, name, domain, &asked).ok_or_else(|| {
        outgoing.core.say(
            log::WARNING,
            here!(),
            format_args!("Can't find user [{name}@{domain}]"),
        );
        outgoing.say_how_to_name(format!("user/{name}").as_bytes().as_bstr());
        cause::SUBSCRIBER_ABSENT
    })
}

/// The user's dial string; `dial-var-NAME` parameters become variables of the leg.
fn dial_string(core: &Core, user: &User, variables: &mut Variables) -> Result<BString, Cause> {
    let mut dial = None;
    for (name, value) in &user.params {
        if name.eq_ignore_ascii_case(b"dial-string") {
            dial = Some(value.clone());
        } else if name.len() > 9 && name[..9].eq_ignore_ascii_case(b"dial-var-") {
            variables.set(&name[9..], value);
        }
    }
    dial.ok_or_else(|| {
        core.say(
            log::ERROR,
            here!(),
            format_args!("No dial-string available, please check your user directory."),
        );
        cause::MANDATORY_IE_MISSING
    })
}

/// A user whose dial string calls the same user again would be dialled without end.
fn refuse_itself(core: &Core, user: &User, dial: &BString) -> Result<(), Cause> {
    let itself = format!("user/{}", user.id).to_ascii_lowercase();
    if !dial.to_ascii_lowercase().contains_str(&itself) {
        return Ok(());
    }
    core.say(
        log::WARNING,
        here!(),
        format_args!("The dial string of {itself} calls {itself} again"),
    );
    Err(cause::INVALID_IE_CONTENTS)
}

fn is_false(value: &BStr) -> bool {
    const WORDS: [&str; 7] = [
        "no", "off", "false", "f", "disabled", "inactive", "disallow",
    ];
    WORDS
        .iter()
        .any(|word| value.eq_ignore_ascii_case(word.as_bytes()))
        || value == "0"
}

/// One of several legs that are called at once is not waited for: the first
/// address alone is dialled.
fn first_leg(
    outgoing: &Outgoing<'_>,
    dial: &BStr,
    mut shared: Variables,
    profile: Profile,
) -> Result<Locked, Cause> {
    let targets = super::take_shared(outgoing.core, dial, &mut shared)
        .ok_or(cause::DESTINATION_OUT_OF_ORDER)?;
    let groups = crate::text::split(&targets, b'|', 128);
    let legs = groups
        .first()
        .map(|group| variables::legs(group))
        .unwrap_or_default();
    let first = legs.first().ok_or(cause::DESTINATION_OUT_OF_ORDER)?;
    let request = Request {
        profile: Some(&profile),
        ..*outgoing.request
    };
    Outgoing {
        shared: &shared,
        request: &request,
        ..*outgoing
    }
    .place(first.as_bstr(), true)
}

/// Looks a user up; modules that answer are given these parameters, too.
pub(crate) fn find(
    core: &Arc<Core>,
    name: &BStr,
    domain: &BStr,
    asked: &[(&str, &BStr)],
) -> Option<User> {
    let mut params = core
        .events
        .create(SWITCH_EVENT_REQUEST_PARAMS, None, here!());
    params.add("user", name);
    params.add("domain", domain);
    for (header, value) in asked {
        params.add(header, value);
    }
    let key = Some(("name", domain));
    let found = core
        .xml
        .locate(&core.log, "directory", Some("domain"), key, params.as_ptr())?;
    let domain = found.node();
    let in_groups = domain
        .child("groups")
        .into_iter()
        .flat_map(|groups| groups.children("group"))
        .find_map(|group| Some((Some(group), user_in(group.child("users")?, name)?)));
    let direct = || {
        domain
            .child("users")
            .and_then(|users| user_in(users, name))
            .or_else(|| user_in(domain, name))
            .map(|user| (None, user))
    };
    let (group, user) = in_groups.or_else(direct)?;
    let levels = [Some(user), group, Some(domain)];
    Some(User {
        id: user.attribute("id").unwrap_or_default().to_owned(),
        params: merged(&levels, "params", "param"),
        variables: merged(&levels, "variables", "variable"),
        attributes: user
            .attribute_names()
            .map(|name| {
                let value = user.attribute(&name.to_str_lossy()).unwrap_or_default();
                (name.to_owned(), value.to_owned())
            })
            .collect(),
    })
}

/// Whether the directory has a domain.
pub(crate) fn domain_exists(core: &Arc<Core>, domain: &BStr) -> bool {
    let mut params = core
        .events
        .create(SWITCH_EVENT_REQUEST_PARAMS, None, here!());
    params.add("domain", domain);
    let key = Some(("name", domain));
    core.xml
        .locate(&core.log, "directory", Some("domain"), key, params.as_ptr())
        .is_some()
}

fn user_in<'a>(users: Node<'a>, name: &BStr) -> Option<Node<'a>> {
    users.children("user").find(|user| {
        let is = |attribute: &str| {
            user.attribute(attribute)
                .is_some_and(|value| value.eq_ignore_ascii_case(name))
        };
        let pointer = user
            .attribute("type")
            .is_some_and(|kind| kind.eq_ignore_ascii_case(b"pointer"));
        !pointer && (is("id") || is("number-alias"))
    })
}

/// What a user has, then what only the group and the domain have.
fn merged(levels: &[Option<Node<'_>>; 3], list: &str, entry: &str) -> Vec<(BString, BString)> {
    let mut all: Vec<(BString, BString)> = Vec::new();
    for level in levels.iter().flatten() {
        for node in level
            .child(list)
            .into_iter()
            .flat_map(|list| list.children(entry))
        {
            let name = node.attribute("name").unwrap_or_default();
            if !all
                .iter()
                .any(|(known, _)| known.eq_ignore_ascii_case(name))
            {
                let value = node.attribute("value").unwrap_or_default();
                all.push((name.to_owned(), value.to_owned()));
            }
        }
    }
    all
}
