//! Legs that ring at once, until one of them is taken.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use super::settings::{OnReject, Settings};
use super::{Variables, confirm};
use crate::c::*;
use crate::cause;
use crate::clock::FRAME;
use crate::session::Session;
use crate::session::lock::Locked;
use crate::switch::Core;
use crate::text::number;

const SECOND: i64 = 1_000_000;

/// One of the legs. Its times are seconds from the beginning of the race: as in the
/// core one is over when the next begins.
pub(super) struct Leg {
    pub(super) session: Locked,
    /// When it may begin.
    delay: Option<i64>,
    /// When it must have been answered, and have rung.
    pub(super) limit: Option<i64>,
    pub(super) progress_limit: Option<i64>,
    /// Its end ends the race.
    required: bool,
    pub(super) confirming: bool,
    pub(super) confirmed: Arc<AtomicBool>,
}

impl Leg {
    pub(super) fn new(session: Locked) -> Self {
        let seconds = |name: &str| {
            session
                .get(name)
                .map(|value| number(&value))
                .filter(|seconds| *seconds > 0)
        };
        let delay = seconds("leg_delay_start");
        let later = |limit: i64| limit + delay.unwrap_or(0);
        Self {
            limit: seconds("leg_timeout").map(later),
            progress_limit: seconds("leg_progress_timeout").map(later),
            required: session.is_true("leg_required"),
            delay,
            session,
            confirming: false,
            confirmed: Arc::default(),
        }
    }

    /// Begins when nothing holds it back.
    pub(super) fn begin(&self) {
        if self.delay.is_none() {
            self.session.launch();
        }
    }

    /// Whether it has ended, or somebody has sent it elsewhere: the race may neither take it nor hang it up.
    pub(super) fn is_over(&self) -> bool {
        !self.session.is_up()
            || self.session.state() == CS_RESET
            || [CF_TRANSFER, CF_REDIRECT, CF_BRIDGED]
                .iter()
                .any(|flag| self.session.has(*flag))
            || !self.session.has(CF_ORIGINATING)
    }
}

/// How a race ends.
pub(super) enum End {
    /// With the leg at that place.
    Taken(usize),
    /// All legs have ended.
    AllOver,
    TimedOut,
    /// One has rejected the call.
    Rejected,
    /// The A leg has gone, the switch closes, or somebody cancels it.
    Cancelled(Option<Cause>),
}

pub(super) struct Race<'a> {
    pub(super) core: &'a Arc<Core>,
    pub(super) a_leg: Option<&'a Arc<Session>>,
    pub(super) settings: &'a Settings,
    pub(super) cancel: Option<&'a AtomicU32>,
    began: i64,
    rang: bool,
    progressed: bool,
    early_media_is_enough: bool,
    /// Why the call fails, whatever its legs say.
    pub(super) forced: Option<Cause>,
}

impl<'a> Race<'a> {
    pub(super) fn new(
        core: &'a Arc<Core>,
        a_leg: Option<&'a Arc<Session>>,
        settings: &'a Settings,
        cancel: Option<&'a AtomicU32>,
    ) -> Self {
        Self {
            core,
            a_leg,
            settings,
            cancel,
            began: core.clock.now(),
            rang: false,
            progressed: false,
            early_media_is_enough: settings.early_media_is_enough,
            forced: None,
        }
    }

    pub(super) fn run(&mut self, legs: &mut [Leg]) -> End {
        loop {
            if let Some(end) = self.look(legs) {
                return end;
            }
            if self.a_leg.is_some_and(|leg| !leg.ready()) || self.core.closing() {
                return End::Cancelled(None);
            }
            match self.cancel.map_or(0, |cell| cell.load(Ordering::SeqCst)) {
                0 => {}
                cause => return End::Cancelled(Some(bindings::switch_call_cause_t(cause))),
            }
            let elapsed = self.elapsed();
            self.watch_times(legs, elapsed);
            if !self.rang && !self.progressed && elapsed > self.settings.progress_seconds {
                self.forced.get_or_insert(cause::PROGRESS_TIMEOUT);
                return End::TimedOut;
            }
            // As in the core a list of causes that end it stands in the place of time.
            let timed = !matches!(self.settings.on_reject, OnReject::FailsOn(_));
            if timed && elapsed >= self.settings.seconds {
                return End::TimedOut;
            }
            if self.settings.on_reject != OnReject::GoesOn
                && legs.iter().any(|leg| {
                    !leg.session.is_up()
                        && self
                            .settings
                            .fails_on(cause::name(leg.session.cause()).to_bytes())
                })
            {
                return End::Rejected;
            }
            if let Some(leg) = self.a_leg {
                leg.parse_all_events();
            }
            match self.a_leg {
                Some(leg) if leg.media_ready() => {
                    leg.read_frame();
                }
                _ => self.core.clock.sleep(FRAME),
            }
        }
    }

    fn elapsed(&self) -> i64 {
        (self.core.clock.now() - self.began) / SECOND
    }

    /// One look at each of the legs.
    fn look(&mut self, legs: &mut [Leg]) -> Option<End> {
        if let Some(at) = legs
            .iter()
            .position(|leg| leg.required && !leg.session.is_up())
        {
            let cause = legs[at].session.cause();
            for leg in legs.iter() {
                leg.session.hangup(cause);
            }
            return Some(End::AllOver);
        }
        let alone = legs.len() == 1;
        let elapsed = self.elapsed();
        let mut over = 0;
        for (at, leg) in legs.iter_mut().enumerate() {
            self.tell_a_leg(&leg.session, alone);
            if leg.is_over() {
                over += 1;
                continue;
            }
            let session = &leg.session;
            // Taken before it has come to rest, it would go on into the dialplan.
            if !is_at_rest(session) {
                continue;
            }
            let enough = session.has(CF_ANSWERED)
                || (self.early_media_is_enough && session.has(CF_EARLY_MEDIA))
                || (self.settings.ringing_is_enough && alone && session.has(CF_RING_READY));
            if leg.confirming {
                if leg.confirmed.load(Ordering::SeqCst) {
                    for name in [
                        "key",
                        "file",
                        "error_file",
                        "cancel_timeout",
                        "read_timeout",
                    ] {
                        session.unset(format!("group_confirm_{name}"));
                    }
                    return Some(End::Taken(at));
                }
            } else if enough && !confirm::begin(leg, &self.settings.confirm, elapsed) {
                return Some(End::Taken(at));
            }
        }
        (over == legs.len()).then_some(End::AllOver)
    }

    /// A leg that rings makes the A leg ring.
    fn tell_a_leg(&mut self, session: &Session, alone: bool) {
        if session.has(CF_EARLY_MEDIA) {
            self.progressed = true;
        }
        let rings = session.has(CF_RING_READY)
            || (self.settings.early_media_rings && alone && session.has(CF_EARLY_MEDIA));
        if rings
            && !self.rang
            && !self.settings.rings_not
            && let Some(leg) = self.a_leg
        {
            if alone {
                leg.take_callee_id(session);
            }
            leg.ring_ready();
            self.rang = true;
        }
    }

    /// Begins legs, and ends those that take too long.
    fn watch_times(&mut self, legs: &mut [Leg], elapsed: i64) {
        let waiting = |leg: &Leg| leg.delay.is_some() && leg.session.is_up();
        let mut first = None;
        if !legs
            .iter()
            .any(|leg| leg.session.is_up() && leg.delay.is_none())
        {
            // Nobody else is left: the next begins at once.
            let Some(next) = legs
                .iter()
                .filter(|leg| waiting(leg))
                .filter_map(|leg| leg.delay)
                .min()
            else {
                return;
            };
            first = Some(elapsed);
            let saved = next - elapsed;
            for leg in legs.iter_mut().filter(|leg| waiting(leg)) {
                leg.delay = leg.delay.map(|delay| delay - saved);
                let sooner = |limit: i64| (limit - saved).max(1);
                leg.limit = leg.limit.map(sooner);
                leg.progress_limit = leg.progress_limit.map(sooner);
            }
        }
        for leg in legs.iter_mut() {
            if leg
                .delay
                .is_some_and(|delay| delay < elapsed || first.is_some_and(|now| delay <= now))
            {
                leg.delay = None;
                leg.begin();
            }
            let session = &leg.session;
            if !session.is_up() {
                continue;
            }
            let progressed = session.has(CF_RING_READY)
                || session.has(CF_ANSWERED)
                || session.has(CF_EARLY_MEDIA);
            let over = |limit: Option<i64>| limit.is_some_and(|limit| elapsed > limit);
            if over(leg.progress_limit) && !progressed {
                session.hangup(cause::PROGRESS_TIMEOUT);
                self.forced = Some(cause::PROGRESS_TIMEOUT);
            } else if over(leg.limit) {
                session.hangup(cause::ALLOTTED_TIMEOUT);
            }
        }
    }
}

/// Whether a leg's own thread has brought it to where it waits to be taken.
pub(super) fn is_at_rest(session: &Session) -> bool {
    let state = session.state();
    ![CS_NEW, CS_INIT, CS_ROUTING].contains(&state) && session.running_state() == state
}

/// Puts variables on a leg; those in braces win, unless `local_var_clobber` says
/// that the leg's own do.
pub(super) fn install(session: &Session, shared: &Variables, own: &Variables, check: bool) {
    let clobber = shared.is_true("local_var_clobber");
    let order = if clobber {
        [shared, own]
    } else {
        [own, shared]
    };
    for (name, value) in order.into_iter().flat_map(Variables::iter) {
        session.set_checked(name, value, check);
    }
}
