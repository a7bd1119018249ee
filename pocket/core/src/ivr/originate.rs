//! Making calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bindings::SWITCH_EVENT_CHANNEL_OUTGOING;
use bstr::{BStr, BString, ByteSlice};

use crate::c::*;
use crate::cause;
use crate::clock::FRAME;
use crate::endpoint::Endpoint;
use crate::endpoint::far_end::{FarEnd, Script};
use crate::endpoint::loopback::{self, Loopback};
use crate::event::here;
use crate::log;
use crate::session::lock::Locked;
use crate::session::{Profile, Role, Session};
use crate::switch::Core;
use crate::text::{c_string, cut, is_true, number, split};

/// How a call is to be made.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Request<'a> {
    /// Variables beside those of the dial string.
    pub(crate) variables: &'a [(BString, BString)],
    pub(crate) caller_id_name: Option<&'a BStr>,
    pub(crate) caller_id_number: Option<&'a BStr>,
    /// Seconds until nobody has answered.
    pub(crate) timeout: i64,
    /// Somebody else's wish that it ends: a cause, once it is not 0.
    pub(crate) cancel: Option<&'a AtomicU32>,
}

/// Names and values in front of a dial string or a leg.
type Variables = Vec<(BString, BString)>;

/// Takes `{a=b,c=d}` or `[a=b]` off the beginning, several of them too.
fn bracketed(mut text: &BStr, open: u8, close: u8) -> (Variables, &BStr) {
    let mut variables = Variables::new();
    loop {
        text = text.trim_ascii_start().as_bstr();
        let end = match text.first() {
            Some(first) if *first == open => text.find_byte(close),
            _ => None,
        };
        let Some(end) = end else {
            return (variables, text);
        };
        let inner = &text[1..end];
        let (delimiter, inner) = match inner.as_bytes() {
            [b'^', b'^', delimiter, rest @ ..] => (*delimiter, rest),
            inner => (b',', inner),
        };
        for pair in split(inner, delimiter, 1024) {
            let (name, value) = cut(&pair, b'=');
            variables.push((name.to_owned(), value.to_owned()));
        }
        text = text[end + 1..].as_bstr();
    }
}

/// Splits at `delimiter`, not inside brackets.
fn split_legs(text: &BStr, delimiter: u8) -> Vec<&BStr> {
    let mut legs = Vec::new();
    let (mut depth, mut from) = (0i32, 0);
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'[' | b'{' | b'(' => depth += 1,
            b']' | b'}' | b')' => depth -= 1,
            byte if *byte == delimiter && depth <= 0 => {
                legs.push(text[from..at].as_bstr());
                from = at + 1;
            }
            _ => {}
        }
    }
    legs.push(text[from..].as_bstr());
    legs
}

fn value<'a>(variables: &'a Variables, name: &str) -> Option<&'a BString> {
    variables
        .iter()
        .rev()
        .find(|(known, _)| known == name)
        .map(|(_, value)| value)
}

/// `switch_ivr_originate`: dials, group by group, and returns the leg that was
/// answered, or has early media, with a read lock; else the cause.
pub(crate) fn originate(
    core: &Arc<Core>,
    a_leg: Option<&Arc<Session>>,
    dial: &BStr,
    request: &Request<'_>,
) -> Result<Locked, Cause> {
    let (own, targets) = bracketed(dial, b'{', b'}');
    let variables: Variables = request.variables.iter().cloned().chain(own).collect();
    let seconds = ["originate_timeout", "call_timeout"]
        .into_iter()
        .find_map(|name| {
            value(&variables, name)
                .cloned()
                .or_else(|| a_leg.and_then(|leg| leg.get(name)))
        })
        .map_or(
            if request.timeout > 0 {
                request.timeout
            } else {
                60
            },
            |seconds| number(&seconds),
        );
    let ignore_early_media = value(&variables, "ignore_early_media")
        .cloned()
        .or_else(|| a_leg.and_then(|leg| leg.get("ignore_early_media")))
        .is_some_and(|value| is_true(&value));
    let ringing_is_enough =
        value(&variables, "return_ring_ready").is_some_and(|value| is_true(value));
    let mut last = cause::DESTINATION_OUT_OF_ORDER;
    for group in split_legs(targets, b'|') {
        let mut legs = Vec::new();
        for leg in split_legs(group, b',') {
            match make_leg(core, a_leg, leg, &variables, request) {
                Ok(leg) => legs.push(leg),
                Err(cause) => last = cause,
            }
        }
        if legs.is_empty() {
            continue;
        }
        let deadline = core.clock.now() + seconds * 1_000_000;
        let alone = legs.len() == 1;
        match wait(
            core,
            a_leg,
            &mut legs,
            deadline,
            Enough {
                early_media: !ignore_early_media,
                ringing: ringing_is_enough && alone,
            },
            request.cancel,
        ) {
            Ok(winner) => {
                for other in &legs {
                    other.hangup(cause::LOSE_RACE);
                }
                return Ok(take_over(a_leg, winner));
            }
            Err(cause) => {
                last = cause;
                let own = if cause == cause::NO_ANSWER {
                    cause::NO_ANSWER
                } else {
                    cause::ORIGINATOR_CANCEL
                };
                for leg in &legs {
                    leg.hangup(own);
                }
                if cause == cause::ORIGINATOR_CANCEL {
                    break;
                }
            }
        }
    }
    if let Some(leg) = a_leg {
        let text = cause::name(last).to_bytes();
        leg.set("originate_disposition", text);
        leg.set(
            "DIALSTATUS",
            match last {
                cause::ORIGINATOR_CANCEL => b"CANCEL".as_slice(),
                cause::USER_BUSY => b"BUSY",
                cause::NO_ANSWER => b"NOANSWER",
                cause::DESTINATION_OUT_OF_ORDER => b"INVALIDARGS",
                cause::CALL_REJECTED => b"DONTCALL",
                _ => text,
            },
        );
    }
    core.say(
        log::NOTICE,
        here!(),
        format_args!(
            "Cannot create outgoing channel of type [{targets}] cause: [{}]",
            cause::name(last).to_string_lossy()
        ),
    );
    Err(last)
}

fn make_leg(
    core: &Arc<Core>,
    a_leg: Option<&Arc<Session>>,
    leg: &BStr,
    shared: &Variables,
    request: &Request<'_>,
) -> Result<Locked, Cause> {
    let (own, address) = bracketed(leg, b'[', b']');
    let mut variables: Variables = shared.clone();
    variables.extend(own);
    let (kind, rest) = cut(address, b'/');
    let a_profile = a_leg.map(|leg| leg.profile());
    let mut profile = Profile::to(rest, b"default");
    profile.callee_id_name = c"Outbound Call".to_owned();
    profile.callee_id_number = c_string(rest.split_str("/").next().unwrap_or_default());
    let caller_id = |name: &str, asked: Option<&BStr>| {
        value(&variables, &format!("origination_{name}"))
            .cloned()
            .or_else(|| asked.map(ToOwned::to_owned))
            .or_else(|| {
                a_leg.and_then(|leg| {
                    leg.get(format!("effective_{name}"))
                        .or_else(|| leg.get(name))
                })
            })
    };
    profile.caller_id_name =
        c_string(&caller_id("caller_id_name", request.caller_id_name).unwrap_or_default());
    profile.caller_id_number = c_string(
        &caller_id("caller_id_number", request.caller_id_number)
            .unwrap_or_else(|| "0000000000".into()),
    );
    let (endpoint, profile) = match kind.as_bytes() {
        b"loopback" => {
            if let Some(leg) = a_leg {
                leg.pre_answer();
            }
            let (profile, own) = loopback::address(rest, profile);
            let mut all = variables.clone();
            all.extend(own);
            (Endpoint::Loopback(Loopback::a_leg(all)), profile)
        }
        b"pocket" => {
            profile.chan_name = c_string(&[b"pocket/", rest.as_bytes()].concat());
            profile.source = c"mod_pocket".to_owned();
            let script = Script::from_variables(|name| value(&variables, name).cloned());
            (Endpoint::FarEnd(FarEnd::new(script, None)), profile)
        }
        b"null" => {
            if let Some(leg) = a_leg {
                leg.pre_answer();
            }
            profile.chan_name = c_string(&[b"null/", rest.as_bytes()].concat());
            (Endpoint::Null, profile)
        }
        b"error" => return Err(cause::parse(rest)),
        _ => {
            core.say(
                log::ERROR,
                here!(),
                format_args!("Could not locate channel type {kind}"),
            );
            return Err(cause::CHAN_NOT_IMPLEMENTED);
        }
    };
    let uuid = value(&variables, "origination_uuid");
    let session = core
        .create_session(uuid.map(|uuid| uuid.as_bstr()), true, endpoint, profile)
        .ok_or(cause::DESTINATION_OUT_OF_ORDER)?;
    let locked = Locked::new(&session).ok_or(cause::DESTINATION_OUT_OF_ORDER)?;
    for (name, value) in &variables {
        session.set_checked(name, value, false);
    }
    if let (Some(leg), Some(a_profile)) = (a_leg, a_profile) {
        session.set("originator", leg.uuid());
        session.set("originator_codec", "L16@8000h@20i");
        if kind == "loopback" {
            session.set("loopback_from_uuid", leg.uuid());
        }
        export(leg, &session);
        session.set_originator(a_profile);
        leg.set_originatee(session.profile());
    }
    session.set_flag(CF_ORIGINATING, 1);
    *session.role.lock() = Role::Originated;
    session.fire(SWITCH_EVENT_CHANNEL_OUTGOING, |_| {});
    session.set_state(CS_INIT);
    session.launch();
    Ok(locked)
}

/// Variables that the A leg exports.
fn export(from: &Session, to: &Session) {
    for name in split(&from.get("export_vars").unwrap_or_default(), b',', 1024) {
        let bare = name.strip_prefix(b"nolocal:").unwrap_or(&name);
        if let Some(value) = from.get(&name) {
            to.set_checked(bare, &value, false);
        }
    }
}

/// What of a leg ends the wait for it, beside an answer.
#[derive(Clone, Copy)]
struct Enough {
    early_media: bool,
    ringing: bool,
}

impl Enough {
    fn of(self, leg: &Session) -> bool {
        leg.has(CF_ANSWERED)
            || (self.early_media && leg.has(CF_EARLY_MEDIA))
            || (self.ringing && leg.has(CF_RING_READY))
    }
}

/// Waits for one of the legs, and takes it out of the list.
fn wait(
    core: &Arc<Core>,
    a_leg: Option<&Arc<Session>>,
    legs: &mut Vec<Locked>,
    deadline: i64,
    enough: Enough,
    cancel: Option<&AtomicU32>,
) -> Result<Locked, Cause> {
    loop {
        // A leg that answers at once has yet to pass its own routing: its thread is
        // to find there that somebody has placed it, or it looks for an extension.
        let good = |leg: &Locked| leg.is_up() && leg.state().0 > CS_ROUTING.0 && enough.of(leg);
        // A leg that was answered and has ended at once was answered.
        if let Some(at) = legs.iter().position(good) {
            return Ok(legs.swap_remove(at));
        }
        if legs.iter().all(|leg| !leg.is_up()) {
            return Err(legs
                .first()
                .map_or(cause::NORMAL_TEMPORARY_FAILURE, |leg| leg.cause()));
        }
        let cancelled = cancel.map_or(0, |cell| cell.load(Ordering::SeqCst));
        if cancelled != 0 || a_leg.is_some_and(|leg| !leg.is_up()) || core.closing() {
            return Err(cause::ORIGINATOR_CANCEL);
        }
        if core.clock.now() >= deadline {
            return Err(cause::NO_ANSWER);
        }
        if let Some(leg) = a_leg
            && legs.iter().any(|other| other.has(CF_RING_READY))
        {
            leg.ring_ready();
        }
        core.clock.sleep(FRAME);
    }
}

/// `switch_ivr_wait_for_answer`: until the peer has media, its caller goes, or
/// the time that the caller gives is over. A peer that has none is hung up.
pub(crate) fn wait_for_answer(caller: Option<&Arc<Session>>, peer: &Arc<Session>) -> Status {
    if peer.state() == CS_RESET {
        peer.set_state(CS_SOFT_EXECUTE);
    }
    let mut status = SUCCESS;
    if !peer.has(CF_ANSWERED) && !peer.has(CF_EARLY_MEDIA) {
        let clock = &peer.core.clock;
        let seconds = caller
            .and_then(|caller| caller.get("call_timeout"))
            .map_or(60, |seconds| number(&seconds));
        let deadline = clock.now() + if seconds < 0 { 60 } else { seconds } * 1_000_000;
        let state = caller.map(|caller| caller.state());
        while peer.ready() && !peer.media_ready() {
            if caller.map(|caller| caller.state()) != state || peer.core.closing() {
                break;
            }
            if clock.now() >= deadline {
                status = TIMEOUT;
                break;
            }
            match caller {
                Some(caller) if caller.media_ready() => {
                    caller.read_frame();
                }
                _ => clock.sleep(FRAME),
            }
        }
        if let Some(caller) = caller {
            caller.parse_all_events();
        }
    }
    if !peer.media_ready() {
        peer.hangup(cause::DESTINATION_OUT_OF_ORDER);
        status = FAILURE;
    }
    if caller.is_some_and(|caller| !caller.is_up()) {
        status = FAILURE;
    }
    status
}

fn take_over(a_leg: Option<&Arc<Session>>, winner: Locked) -> Locked {
    winner.no_longer_originated();
    winner.clear_flag(CF_ORIGINATING);
    if let Some(leg) = a_leg {
        leg.set("originate_disposition", "SUCCESS");
        leg.set("DIALSTATUS", "SUCCESS");
    }
    winner
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dial_strings_come_apart() {
        let (variables, rest) = bracketed(
            BStr::new("{a=1,b='x,y'}[c=2]loopback/1,error/busy|null/x"),
            b'{',
            b'}',
        );
        assert_eq!(
            variables,
            [("a".into(), "1".into()), ("b".into(), "x,y".into())]
        );
        let groups = split_legs(rest, b'|');
        assert_eq!(groups, ["[c=2]loopback/1,error/busy", "null/x"]);
        assert_eq!(
            split_legs(groups[0], b','),
            ["[c=2]loopback/1", "error/busy"]
        );
    }
}
