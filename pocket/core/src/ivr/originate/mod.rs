//! Making calls: `switch_ivr_originate`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bindings::SWITCH_STACK_PUSH;
use bstr::{BStr, BString, ByteSlice};

use crate::c::*;
use crate::cause;
use crate::log;
use crate::place::here;
use crate::session::lock::Locked;
use crate::session::{Profile, Session};
use crate::switch::Core;
use crate::text::{number, split};

mod confirm;
mod enterprise;
mod leg;
mod race;
mod settings;
pub(crate) mod user;
mod variables;

use leg::Outgoing;
use race::{End, Leg, Race};
use settings::{OnReject, Settings};
use variables::Variables;

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
    /// Who calls, if it is not the A leg.
    pub(crate) profile: Option<&'a Profile>,
}

impl Request<'_> {
    fn is_cancelled(&self) -> bool {
        self.cancel
            .is_some_and(|cell| cell.load(Ordering::SeqCst) != 0)
    }
}

/// Dials, group by group, and returns the leg that was answered, or has early
/// media, with a read lock; else the cause.
pub(crate) fn originate(
    core: &Arc<Core>,
    a_leg: Option<&Arc<Session>>,
    dial: &BStr,
    request: &Request<'_>,
) -> Result<Locked, Cause> {
    if dial.contains_str(enterprise::DELIMITER) {
        return enterprise::dial(core, a_leg, dial, request);
    }
    let mut seconds = request.timeout;
    if let Some(leg) = a_leg {
        leg.run_on("execute_on_pre_originate", "api_on_pre_originate");
        if let Some(own) = leg.get("call_timeout") {
            seconds = number(&own);
        }
    }
    if seconds <= 0 {
        seconds = settings::TIMEOUT;
    }
    let mut variables: Variables = request.variables.iter().cloned().collect();
    if let Some(leg) = a_leg {
        export(leg, &mut variables);
    }
    let Some(targets) = take_shared(core, dial, &mut variables) else {
        return Err(match a_leg {
            Some(leg) => {
                tell(leg, cause::ORIGINATOR_CANCEL);
                cause::ORIGINATOR_CANCEL
            }
            None => cause::DESTINATION_OUT_OF_ORDER,
        });
    };
    for _ in 0..variables.count("originate_delay_start").unwrap_or(0) {
        if request.is_cancelled() {
            break;
        }
        core.clock.sleep(1000);
    }
    if let Some(leg) = a_leg {
        for (name, value) in leg.variables() {
            let inherited = settings::INHERITED
                .iter()
                .any(|known| name.eq_ignore_ascii_case(known.as_bytes()));
            if inherited && variables.get(&name.to_str_lossy()).is_none() {
                variables.set(&name, &value);
            }
        }
        leg.set("originate_disposition", "failure");
        leg.set("DIALSTATUS", "INVALIDARGS");
    }
    let settings = Settings::of(&variables, seconds, a_leg);
    for (name, asked) in [
        ("caller_id_name", request.caller_id_name),
        ("caller_id_number", request.caller_id_number),
    ] {
        let name = format!("origination_{name}");
        if let (None, Some(asked)) = (variables.get(&name), asked) {
            variables.set(name.as_bytes(), asked);
        }
    }
    let enough = if settings.early_media_is_enough {
        "true"
    } else {
        "false"
    };
    variables.set(b"originate_early_media", enough.as_bytes());
    let nested = variables.is_true("origination_nested_vars")
        || a_leg.is_some_and(|leg| leg.is_true("origination_nested_vars"))
        || core
            .globals
            .get(b"origination_nested_vars")
            .is_some_and(|value| crate::text::is_true(&value));
    let for_leg = variables
        .get("ent_originate_aleg_uuid")
        .and_then(|uuid| core.sessions.locate(uuid));
    let outgoing = Outgoing {
        core,
        a_leg,
        shared: &variables,
        request,
        for_leg: for_leg.as_deref(),
        check: !nested,
    };
    let result = outgoing.dial_all(targets.as_bstr(), &settings);
    if let (Some(leg), Ok(winner)) = (a_leg, &result) {
        leg.set_originatee(winner.profile());
        leg.set("signal_bond", winner.uuid());
        leg.unset("originate_signal_bond");
    }
    if let Ok(winner) = &result {
        winner.run_on("execute_on_post_originate", "api_on_post_originate");
    }
    if let Some(leg) = a_leg {
        leg.parse_all_events();
        leg.run_on("execute_on_post_originate", "api_on_post_originate");
        if let (true, Err(cause)) = (settings.hangs_up_on_reject, &result) {
            leg.hangup(*cause);
        }
    }
    result
}

/// Takes `<...>` and `{...}` off a dial string; what is left, or `None` when that is
/// nothing or a bracket is not closed.
fn take_shared(core: &Core, dial: &BStr, variables: &mut Variables) -> Option<BString> {
    let mut rest = dial.trim_ascii_start();
    for brackets in [(b'<', b'>'), (b'{', b'}')] {
        if let Ok(left) = variables::take(rest, brackets, b',', variables) {
            rest = left;
        } else {
            core.say(log::ERROR, here!(), format_args!("Parse Error!"));
            return None;
        }
    }
    let targets = rest.trim_ascii_start();
    if targets.is_empty() {
        core.say(
            log::WARNING,
            here!(),
            format_args!("No origination URL specified!"),
        );
        return None;
    }
    Some(targets.into())
}

/// What the A leg exports to the legs that it makes.
fn export(from: &Arc<Session>, to: &mut Variables) {
    let Some(list) = from.get("export_vars") else {
        return;
    };
    to.set(b"export_vars", &list);
    for name in split(&list, b',', 256) {
        let bare = name
            .strip_prefix(b"nolocal:")
            .or_else(|| name.strip_prefix(b"_nolocal_"))
            .unwrap_or(&name);
        if let Some(value) = from.get(&name) {
            to.set(bare, &value);
        }
    }
}

/// What follows from a group that nobody answered.
enum Next {
    Group,
    Nothing,
}

impl Outgoing<'_> {
    /// Each group in turn, and all of them again as often as it is wanted.
    fn dial_all(&self, targets: &BStr, settings: &Settings) -> Result<Locked, Cause> {
        let clock = &self.core.clock;
        let began = clock.now();
        let mut last_try = began;
        let mut last = cause::DESTINATION_OUT_OF_ORDER;
        let groups = split(targets, b'|', 128);
        for round in 0..settings.tries {
            if round > 0 {
                if settings
                    .retry_seconds
                    .is_some_and(|seconds| clock.now() - began > seconds * 1_000_000)
                {
                    break;
                }
                let passed = (clock.now() - last_try) / 1000;
                self.pause(settings.retry_period - settings.retry_sleep - passed)?;
            }
            for (at, group) in groups.iter().enumerate() {
                if self.request.is_cancelled() {
                    return Err(last);
                }
                if round > 0 {
                    self.pause(settings.retry_sleep)?;
                }
                if at == 0 {
                    last_try = clock.now();
                }
                match self.dial_group(group.as_bstr(), groups.len() > 1, settings) {
                    Ok(winner) => return Ok(winner),
                    Err((cause, Next::Nothing)) => return Err(cause),
                    Err((cause, Next::Group)) => last = cause,
                }
            }
        }
        Err(last)
    }

    /// Waits so many milliseconds, as long as the A leg does.
    fn pause(&self, milliseconds: i64) -> Result<(), Cause> {
        let milliseconds = u32::try_from(milliseconds).unwrap_or(0);
        if milliseconds == 0 {
            return Ok(());
        }
        if let Some(leg) = self.a_leg {
            crate::ivr::sleep::sleep(leg, milliseconds, None);
            if leg.ready() {
                Ok(())
            } else {
                Err(cause::ORIGINATOR_CANCEL)
            }
        } else {
            self.core.clock.sleep(i64::from(milliseconds) * 1000);
            Ok(())
        }
    }

    fn dial_group(
        &self,
        group: &BStr,
        more_groups: bool,
        settings: &Settings,
    ) -> Result<Locked, (Cause, Next)> {
        let texts = variables::legs(group);
        let forked = more_groups || texts.len() > 1 || self.shared.is_true("forked_dial");
        let mut legs = Vec::new();
        let mut last = cause::DESTINATION_OUT_OF_ORDER;
        for text in &texts {
            if self.a_leg.is_some_and(|leg| !leg.ready()) {
                let end = self.finish(&mut legs, None, Some(cause::ORIGINATOR_CANCEL), last);
                return Err((end, Next::Nothing));
            }
            match self.place(text.as_bstr(), forked) {
                Ok(session) => {
                    let leg = Leg::new(session);
                    leg.begin();
                    legs.push(leg);
                }
                Err(cause) => {
                    last = cause;
                    let listed = self.shared.get("fail_on_single_reject").is_some()
                        && settings.fails_on(cause::name(cause).to_bytes());
                    if listed {
                        // The core tells the A leg nothing of these.
                        hang_up(&legs, cause);
                        return Err((cause, Next::Nothing));
                    }
                }
            }
        }
        let mut race = Race::new(self.core, self.a_leg, settings, self.request.cancel);
        let end = if legs.is_empty() {
            End::AllOver
        } else {
            race.run(&mut legs)
        };
        let (cause, next) = match end {
            End::Taken(at) => return self.take(legs, at),
            End::AllOver => (None, Next::Group),
            End::TimedOut if settings.continues_on_timeout => (Some(cause::NO_ANSWER), Next::Group),
            End::TimedOut => (Some(cause::NO_ANSWER), Next::Nothing),
            End::Rejected if settings.on_reject == OnReject::Fails => {
                (Some(cause::NO_ANSWER), Next::Group)
            }
            End::Rejected => (Some(cause::NO_ANSWER), Next::Nothing),
            End::Cancelled(asked) => (
                Some(asked.unwrap_or(cause::ORIGINATOR_CANCEL)),
                Next::Nothing,
            ),
        };
        // A progress timeout goes on to the next group, as in the core.
        let next = match (race.forced, next) {
            (Some(_), Next::Nothing) if !matches!(end, End::Cancelled(_)) => Next::Group,
            (_, next) => next,
        };
        let end = self.finish(&mut legs, race.forced, cause, last);
        Err((end, next))
    }

    /// One leg has won; the others have lost.
    fn take(&self, mut legs: Vec<Leg>, at: usize) -> Result<Locked, (Cause, Next)> {
        let winner = legs.swap_remove(at).session;
        for leg in legs.iter().filter(|leg| !leg.is_over()) {
            leg.session.set("group_dial_status", "loser");
            leg.session.hangup(cause::LOSE_RACE);
        }
        if let Some(leg) = self.a_leg {
            self.note_cause(leg, &winner);
            for other in &legs {
                self.note_cause(leg, &other.session);
            }
            let status = if winner.has(CF_ANSWERED) {
                leg.take_callee_id(&winner);
                leg.answer()
            } else if winner.has(CF_EARLY_MEDIA) {
                leg.take_callee_id(&winner);
                leg.pre_answer()
            } else {
                SUCCESS
            };
            if status != SUCCESS || !leg.ready() {
                winner.hangup(cause::INCOMPATIBLE_DESTINATION);
                let end = self.finish(&mut [], None, Some(cause::ORIGINATOR_CANCEL), cause::NONE);
                return Err((end, Next::Nothing));
            }
            tell(leg, cause::SUCCESS);
        }
        Ok(take_over(winner))
    }

    /// Hangs up what still rings, and tells the A leg why there is no call.
    fn finish(
        &self,
        legs: &mut [Leg],
        forced: Option<Cause>,
        asked: Option<Cause>,
        last: Cause,
    ) -> Cause {
        let own = forced.or(asked);
        for leg in legs.iter().filter(|leg| !leg.is_over()) {
            leg.session.hangup(own.unwrap_or(cause::NO_ANSWER));
        }
        let ended = legs.first().map_or(last, |leg| leg.session.cause());
        let cause = match own.unwrap_or(ended) {
            cause::NONE | cause::SUCCESS => cause::ORIGINATOR_CANCEL,
            cause => cause,
        };
        if let Some(leg) = self.a_leg {
            for other in legs.iter() {
                self.note_cause(leg, &other.session);
            }
            tell(leg, cause);
        }
        for leg in legs.iter() {
            leg.session.launch();
            leg.session.clear_flag(CF_ORIGINATING);
        }
        cause
    }

    fn note_cause(&self, leg: &Session, other: &Session) {
        let name = cause::name(other.cause()).to_string_lossy();
        let text = format!("{};{name}", other.uuid());
        leg.add_checked(
            b"originate_causes",
            text.as_bytes(),
            false,
            SWITCH_STACK_PUSH,
        );
    }
}

/// Hangs up legs that are not wanted any more.
fn hang_up(legs: &[Leg], cause: Cause) {
    for leg in legs {
        if leg.session.is_up() {
            leg.session.hangup(cause);
        }
        leg.session.launch();
        leg.session.clear_flag(CF_ORIGINATING);
    }
}

/// Tells the A leg how it came out.
fn tell(leg: &Session, cause: Cause) {
    let text = cause::name(cause).to_bytes();
    leg.set("originate_disposition", text);
    let status = match cause {
        cause::ORIGINATOR_CANCEL => b"CANCEL".as_slice(),
        cause::USER_BUSY => b"BUSY",
        cause::NO_ANSWER => b"NOANSWER",
        cause::DESTINATION_OUT_OF_ORDER => b"INVALIDARGS",
        cause::CALL_REJECTED => b"DONTCALL",
        _ => text,
    };
    leg.set("DIALSTATUS", status);
}

fn take_over(winner: Locked) -> Locked {
    winner.no_longer_originated();
    winner.clear_flag(CF_ORIGINATING);
    winner
}
