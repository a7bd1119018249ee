//! Calls that workers on the bus serve: the application `pyremote`.
//!
//! The call's own thread says whose the call is: it offers it to one worker after the other, each time
//! under another epoch, and while nobody has it, it keeps media flowing and keeps digits.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::ffi::{CStr, CString, c_char};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bindings::{SWITCH_STATUS_BREAK, switch_core_session_t};
use freeswitch::edge::guard;
use freeswitch::session as switch;
use freeswitch::session::Session;
use freeswitch::{Detached, call_log, core};
use serde_json::json;

use super::api::line;
use super::application::{run, tell};
use super::outside::{KILLED, LOOK_MS, PATIENCE, enter, name_of, seconds, serve, shown};
use super::recovered;
use super::request::Failed;
use crate::aio::bus::outgoing;
use crate::aio::bus::setting::NO_BUS;
use crate::aio::outside::calls::{self, Listed, Outcome};
use crate::aio::outside::message::{self, Way};
use crate::aio::outside::{counters, workers};
use crate::aio::session_thread::SessionThread;
use crate::metrics;
use crate::python::session::attached::ScriptLeg;
use crate::script::entry_point;
use crate::script::runs;
use crate::script::target::Target;

/// How long one worker has to accept a call.
const ACCEPTS: Duration = Duration::from_millis(500);

/// How long the server is waited for at a time: as a wait for the far end's media.
const LOOK: Duration = Duration::from_millis(LOOK_MS as u64);

/// How many workers may die with one call: its program may be what kills them.
const DEAD: u32 = 5;
/// Tells a handler in the switch that a worker has had the call, and whose checkpoint it goes on from.
const RESUMED: &CStr = c"pyremote_resumed";
const PROGRAM: &CStr = c"pyremote_program";

/// Why a call is not served, or no longer.
enum Ended {
    /// Nobody takes it: the fallback does, where there is one.
    Unserved(String),
    /// Its program failed, or it was told to end.
    Failed(String),
}

/// `pyremote`: has a worker on the bus serve the call, and returns when one has.
///
/// # Safety
/// Called by the core, as `switch_application_function_t` says.
pub unsafe extern "C" fn application(session: *mut switch_core_session_t, data: *const c_char) {
    guard(c"application pyremote", (), || {
        // SAFETY: the core lends both for this call; data may be NULL.
        let (session, line) = unsafe { (switch::Session::from_ptr(session), line(data)) };
        let Some(session) = session else { return };
        let _call = call_log::of_call(&session.uuid(), session.log_level());
        // SAFETY: both go before this returns.
        let (leg, _own_thread) = unsafe { ScriptLeg::of_entry(session) };
        // SAFETY: the core called this thread, which is in no Python.
        let held = unsafe { Detached::new() };
        let shown_line = shown(line);
        recovered::wait_for_the_far_end(session, &held);
        let (outcome, kept) = on_call(session, &held, &leg, line);
        let why = match outcome {
            Ok(()) => {
                kept.forget();
                return tell(session, Ok(()));
            }
            Err(Ended::Unserved(why)) => {
                counters::UNSERVED.add();
                let fallback = session.channel().variable(c"pyremote_fallback");
                if let Some(fallback) = fallback.filter(|name| !name.is_empty()) {
                    let name = shown(&fallback);
                    tracing::warn!(
                        "MR0025 pyremote {shown_line}: {why}; {name} takes it in the switch"
                    );
                    // What a worker has kept of the call is for this one, too, and for nothing after it.
                    let resumed = kept.is_kept.then_some(c"true");
                    let program = stands_for(&kept.program, &fallback);
                    let set = |name: &CStr, value: Option<&CStr>| {
                        let _ = session.channel().set_variable(name, value);
                    };
                    set(RESUMED, resumed);
                    set(PROGRAM, Some(&program));
                    run(session, &leg, &fallback);
                    set(RESUMED, None);
                    set(PROGRAM, None);
                    return kept.forget();
                }
                why
            }
            Err(Ended::Failed(why)) => why,
        };
        kept.forget();
        tracing::error!("MR0025 pyremote {shown_line}: {why}; the dialplan goes on");
        tell(session, Err(Failed(why)));
    });
}

/// Says whose checkpoints are for a fallback: after a recovery another script may find it in the call's variables.
fn stands_for(program: &CStr, fallback: &[u8]) -> CString {
    let name = Target::parse(fallback).map_or_else(|_| String::new(), |target| name_of(&target));
    let text = format!("{name} {}", program.to_string_lossy());
    // Neither has a NUL.
    CString::new(text).unwrap_or_default()
}

/// What workers have kept of a call.
#[derive(Default)]
struct Kept {
    uuid: CString,
    /// Whose it is.
    program: CString,
    /// There is something that the next needs to go on.
    is_kept: bool,
    /// There is something: who takes a call over leaves a mark, so that the one before keeps nothing any more.
    is_marked: bool,
    /// The epochs of the call's offers.
    epochs: Option<RangeInclusive<u64>>,
}

impl Kept {
    /// Nobody goes on with the call: it goes. What no worker has taken over of a call that was recovered goes by its
    /// time to live: whose it is by now is not known here.
    fn forget(self) {
        if let Some(epochs) = self.epochs
            && (self.is_kept || self.is_marked)
        {
            let program = self.program.to_string_lossy();
            outgoing::forget(calls::key(&self.uuid, &program), epochs);
        }
    }
}

/// A call that is served, by one worker after the other.
struct Served<'a> {
    session: Session<'a>,
    held: &'a Detached,
    name: String,
    arguments: String,
    /// How long a worker is looked for.
    patience: Duration,
    /// It was told to end.
    is_killed: Arc<AtomicBool>,
    /// How many have had it, and how many of them are no more.
    owners: u64,
    dead: u32,
    /// The core has brought it back after its switch was killed.
    is_recovered: bool,
    /// The epochs of its first and its last offer, 0 before.
    first: Cell<u64>,
    last: Cell<u64>,
    /// One of them has kept what the next needs to go on.
    is_kept: bool,
    /// The last of them has died with it.
    is_orphan: bool,
}

fn on_call(
    session: Session<'_>,
    held: &Detached,
    leg: &Arc<ScriptLeg>,
    line: &[u8],
) -> (Result<(), Ended>, Kept) {
    let (target, _nested) = match enter(session, line, "a worker") {
        Ok(entered) => entered,
        Err(Failed(why)) => return (Err(Ended::Failed(why)), Kept::default()),
    };
    let mut kept = Kept {
        uuid: session.uuid(),
        // What is part of a line of the core's has no NUL.
        program: CString::new(name_of(&target)).unwrap_or_default(),
        ..Kept::default()
    };
    if outgoing::node().is_none() {
        return (Err(Ended::Unserved(NO_BUS.to_owned())), kept);
    }
    let function = target.function.unwrap_or(entry_point::APPLICATION.function);
    let function = metrics::function(target.module, function);
    let listed = runs::list(runs::next_id(), "pyremote", function, Some(session.uuid()));
    let is_killed = Arc::new(AtomicBool::new(false));
    let (uuid, flag) = (session.uuid(), is_killed.clone());
    let breaker: runs::Breaker = Arc::new(move || {
        flag.store(true, Ordering::Release);
        if let Some(call) = calls::find(&uuid) {
            call.kill(KILLED);
        }
    });
    // It was not told to end before it began.
    let _ = listed.run().begin_wait("pyremote", Some(breaker));
    let is_recovered = recovered::is_recovered(session);
    let mut served = Served {
        session,
        held,
        name: name_of(&target),
        arguments: String::from_utf8_lossy(target.arguments).into_owned(),
        patience: seconds(session, c"pyremote_timeout", PATIENCE, "MR0025"),
        is_killed,
        owners: 0,
        dead: 0,
        is_recovered,
        first: Cell::new(0),
        last: Cell::new(0),
        is_kept: is_recovered,
        is_orphan: false,
    };
    let outcome = served.run(leg);
    kept.is_kept = served.is_kept;
    kept.is_marked = served.owners > 1;
    let (first, last) = (served.first.get(), served.last.get());
    kept.epochs = (first > 0).then_some(first..=last);
    let _ = listed.ending(outcome.is_err());
    (outcome, kept)
}

impl Served<'_> {
    /// Has it served until a worker has done what it was called for.
    fn run(&mut self, leg: &Arc<ScriptLeg>) -> Result<(), Ended> {
        let no_thread = |status: freeswitch::Status| Ended::Failed(status.to_string());
        let mut thread = Arc::new(SessionThread::new(leg.clone()).map_err(no_thread)?);
        loop {
            let Some(call) = self.find(&thread)? else {
                return Ok(());
            };
            self.owners += 1;
            serve(self.session, self.held, &call, &thread);
            // From here on nothing is carried out that this worker asks for.
            call.close();
            thread.turn_away();
            self.is_kept |= call.is_kept();
            let worker = call.worker().unwrap_or_default();
            self.is_orphan = matches!(call.outcome(), Some(Outcome::Died(_)));
            match call.outcome() {
                Some(Outcome::Failed(why)) => return Err(Ended::Failed(why)),
                Some(Outcome::Moves) if self.is_up() => {
                    counters::MOVES.add();
                    tracing::info!("worker {worker} ends, and the call goes on with another");
                }
                Some(Outcome::Died(why)) if self.is_up() => {
                    counters::ORPHANED.add();
                    self.dead += 1;
                    let is_fatal = self.dead >= DEAD;
                    if is_fatal || (!self.is_kept && !self.may_begin_again()) {
                        return Err(Ended::Failed(why));
                    }
                    let name = &self.name;
                    tracing::warn!(
                        "MR0025 pyremote {name}: worker {worker}: {why}; the call is offered to another"
                    );
                }
                _ => return Ok(()),
            }
            drop(call);
            thread = Arc::new(thread.again().map_err(no_thread)?);
        }
    }

    fn is_up(&self) -> bool {
        self.session.channel().ready()
    }

    /// What a program that has kept nothing does when its worker is no more: begin again, or end.
    fn may_begin_again(&self) -> bool {
        let setting = self.session.channel().variable(c"pyremote_restart");
        setting.is_none_or(|text| !matches!(&*text, b"false" | b"no" | b"0"))
    }

    /// Finds a worker that accepts it; nothing where the call is over before.
    fn find(&self, thread: &Arc<SessionThread>) -> Result<Option<Listed>, Ended> {
        let mut music = self.is_orphan.then(|| self.music()).flatten();
        let search = RefCell::new(Search::new(self, thread));
        let found = RefCell::new(None);
        let goes_on = || {
            let step = search.borrow_mut().step();
            let is_found = step.is_some();
            *found.borrow_mut() = step;
            !is_found
        };
        while goes_on() {
            if let Some(file) = music.as_deref()
                && self.session.channel().media_ready()
            {
                let played = self
                    .session
                    .play_while(self.held, file, thread.typed(), &goes_on);
                if found.borrow().is_some() {
                    break;
                }
                // `uuid_break` is no reason for silence.
                if let Err(status) = played
                    && status.0 != SWITCH_STATUS_BREAK
                    && self.is_up()
                {
                    let file = file.to_string_lossy();
                    tracing::warn!(
                        "MR0025 pyremote_orphan_music {file} cannot be played: {status}"
                    );
                    music = None;
                }
            }
            thread.keep_up(self.session, self.held, LOOK_MS);
        }
        found.into_inner().unwrap_or(Ok(None))
    }

    /// What the caller hears while the call has lost its worker, and no other has it.
    fn music(&self) -> Option<CString> {
        let named = self.session.channel().variable(c"pyremote_orphan_music")?;
        CString::new(named).ok().filter(|name| !name.is_empty())
    }

    fn offer(&self, call: &calls::Call, worker: &str) {
        counters::OFFERS.add();
        if self.first.get() == 0 {
            self.first.set(call.epoch());
        }
        self.last.set(call.epoch());
        // What was kept before is another call's, whose UUID comes again; a switch that was killed knew other epochs.
        let since = if self.is_recovered {
            0
        } else {
            self.first.get()
        };
        let body = json!({
            "kind": "offer",
            "name": self.name,
            "call": self.session.uuid().to_string_lossy(),
            "epoch": call.epoch(),
            "arguments": self.arguments,
            "since": since,
            "resumed": self.owners > 0 || self.is_recovered,
        });
        message::send(self.held, Way::Bus, worker, body);
    }
}

/// The search for a worker that accepts a call, in steps that do not wait.
struct Search<'a, 'b> {
    served: &'a Served<'b>,
    thread: &'a Arc<SessionThread>,
    begun: Instant,
    /// When it is given up, in the switch's microseconds.
    until: i64,
    /// Who has not accepted in time.
    late: BTreeSet<String>,
    offered: Option<Offered>,
}

/// A call that one worker may accept, until then.
struct Offered {
    call: Listed,
    worker: String,
    until: i64,
}

impl<'a, 'b> Search<'a, 'b> {
    fn new(served: &'a Served<'b>, thread: &'a Arc<SessionThread>) -> Self {
        Self {
            served,
            thread,
            begun: Instant::now(),
            until: core::end_of(served.patience),
            late: BTreeSet::new(),
            offered: None,
        }
    }

    /// Looks once; what came of the search, where it is over.
    fn step(&mut self) -> Option<Result<Option<Listed>, Ended>> {
        let served = self.served;
        let is_up = served.is_up();
        let is_killed = served.is_killed.load(Ordering::Acquire);
        if let Some(offered) = self.offered.take() {
            let is_late = core::now_micros() > offered.until;
            let is_refused = (!is_up || is_killed || is_late) && offered.call.withdraw();
            if offered.call.worker().is_some() {
                counters::ACCEPTS.add();
                return Some(Ok(Some(offered.call)));
            }
            if !is_refused {
                self.offered = Some(offered);
                return None;
            }
            counters::LATE.add();
            self.late.insert(offered.worker);
        }
        if !is_up {
            return Some(Ok(None));
        }
        if is_killed {
            return Some(Err(Ended::Failed(KILLED.to_owned())));
        }
        let name = &served.name;
        if core::now_micros() > self.until || runs::time_is_over() {
            let seconds = served.patience.as_secs_f64();
            return Some(Err(Ended::Unserved(format!(
                "no worker that serves '{name}' has taken the call in {seconds} s"
            ))));
        }
        let Some(worker) = workers::choose(name, &self.late) else {
            let is_hopeless = served.owners == 0
                && outgoing::is_up()
                && workers::are_known()
                && outgoing::is_heard_until(self.begun, LOOK)
                && !workers::serves(name, Way::Bus, None);
            // Who was late may be in time now.
            self.late.clear();
            return is_hopeless.then(|| Err(Ended::Unserved(format!("no worker serves '{name}'"))));
        };
        let (uuid, thread) = (served.session.uuid(), self.thread.clone());
        let call = calls::offered(uuid, name, thread, Some(&worker));
        served.offer(&call, &worker);
        self.offered = Some(Offered {
            call,
            worker,
            until: core::end_of(ACCEPTS).min(self.until),
        });
        None
    }
}
