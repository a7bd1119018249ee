//! Calls that are offered to programs outside, or served by one. The call's own thread is the
//! only arbiter: the first to accept has it, and what names another epoch is refused.

use std::collections::hash_map::RandomState;
use std::collections::{HashMap, VecDeque};
use std::ffi::{CStr, CString};
use std::fmt::Write;
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use freeswitch::Detached;
use freeswitch::session::Locked;
use freeswitch::session::cause::Cause;
use freeswitch::verb::Verb;
use freeswitch::verb::answer::Answer;
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::message::{self, Way};
use super::mirror::Mirror;
use super::said::Said;
use super::turns::{Turns, keep};
use crate::aio::originate;
use crate::aio::session_thread::{SessionThread, next_ticket};

static CALLS: LazyLock<Mutex<HashMap<CString, Arc<Call>>>> = LazyLock::new(Mutex::default);
/// An epoch of a switch that was killed is none of the one that comes after it: they begin at random.
/// They stay below 2^53, the whole numbers that every reader of JSON has.
static EPOCHS: LazyLock<AtomicU64> = LazyLock::new(|| {
    let random = RandomState::new().build_hasher().finish();
    AtomicU64::new(1 + ((random & 0x7fff_ffff) << 20))
});

/// How long a thread has to tell of the end of its call, once the core has the call no longer.
const GONE: Duration = Duration::from_secs(1);

/// How the work of a program for a call has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It has done what it was called for.
    Done,
    /// It has not, for this reason.
    Failed(String),
    /// Its worker ends, and another is to go on.
    Moves,
    /// Its worker is no more, for this reason.
    Died(String),
}

/// A call that is offered to programs outside, or served by one.
pub struct Call {
    uuid: CString,
    /// What serves it.
    name: String,
    epoch: u64,
    way: Way,
    /// Nobody else may accept it.
    wanted: Option<String>,
    thread: Arc<SessionThread>,
    /// It ends with what has placed it.
    is_placed: bool,
    state: Mutex<State>,
    /// Nothing, once another epoch has begun.
    turns: Mutex<Option<Turns>>,
    /// Whoever sends holds it while it collects what is new and sends that, so that messages go in
    /// the order of their news. It is locked before the state.
    telling: Mutex<()>,
}

#[derive(Default)]
struct State {
    worker: Option<String>,
    /// Nobody may accept it any more.
    is_closed: bool,
    outcome: Option<Outcome>,
    has_checkpoint: bool,
    /// How the call ended, where it has.
    lost: Option<String>,
    /// Since when the core knows no such call.
    gone: Option<Instant>,
    /// The numbers of verbs, by the tickets that their thread knows.
    tickets: HashMap<u64, u64>,
    /// What verbs were answered with last.
    answers: VecDeque<(u64, Said)>,
    mirror: Mirror,
}

/// A call is in the list until this goes.
pub struct Listed(Arc<Call>);

impl std::ops::Deref for Listed {
    type Target = Arc<Call>;

    fn deref(&self) -> &Arc<Call> {
        &self.0
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.0.state.lock().is_closed = true;
        let mut calls = CALLS.lock();
        let is_mine = calls
            .get(&self.0.uuid)
            .is_some_and(|call| call.epoch == self.0.epoch);
        if is_mine {
            calls.remove(&self.0.uuid);
        }
    }
}

fn put(call: Call) -> Arc<Call> {
    let call = Arc::new(call);
    CALLS.lock().insert(call.uuid.clone(), call.clone());
    call
}

/// A call that waits for a program that serves a name, by the event socket, or for one worker on the bus.
#[must_use]
pub fn offered(
    uuid: CString,
    name: &str,
    thread: Arc<SessionThread>,
    worker: Option<&str>,
) -> Listed {
    Listed(put(Call {
        uuid,
        name: name.to_owned(),
        epoch: EPOCHS.fetch_add(1, Ordering::Relaxed),
        way: worker.map_or(Way::Socket, |_| Way::Bus),
        wanted: worker.map(str::to_owned),
        thread,
        is_placed: false,
        state: Mutex::default(),
        telling: Mutex::default(),
        turns: Mutex::new(Some(Turns::default())),
    }))
}

/// A call that a program has placed; it is listed until [`take_placed`].
pub fn placed(uuid: CString, thread: Arc<SessionThread>, way: Way, worker: &str) -> Arc<Call> {
    put(Call {
        uuid,
        name: String::new(),
        epoch: EPOCHS.fetch_add(1, Ordering::Relaxed),
        way,
        wanted: None,
        thread,
        is_placed: true,
        state: Mutex::new(State {
            worker: Some(worker.to_owned()),
            ..State::default()
        }),
        telling: Mutex::default(),
        turns: Mutex::new(Some(Turns::default())),
    })
}

/// A call that a program has placed and that is over.
#[must_use]
pub fn take_placed(uuid: &CStr) -> Option<Listed> {
    find(uuid).filter(|call| call.is_placed).map(Listed)
}

/// Tells programs of calls that they have placed and that ended where nobody else tells: before the call's thread came
/// for its work, or before the call was listed.
pub fn tell_of_ends() {
    let all = CALLS.lock();
    let calls: Vec<_> = all.values().filter(|c| c.is_placed).cloned().collect();
    drop(all);
    for call in calls {
        if call.is_long_gone() {
            drop(originate::claim(&call.uuid));
            call.lost("hangup");
            drop(Listed(call));
        }
    }
}

/// The call with this UUID.
#[must_use]
pub fn find(uuid: &CStr) -> Option<Arc<Call>> {
    CALLS.lock().get(uuid).cloned()
}

/// The call with this UUID, of this epoch.
///
/// # Errors
/// There is none, or it is another's by now.
pub fn of_epoch(uuid: &CStr, epoch: u64) -> Result<Arc<Call>, String> {
    let call = find(uuid).ok_or("there is no such call")?;
    if call.epoch != epoch {
        return Err(format!("epoch {epoch} is over: it is {}", call.epoch));
    }
    Ok(call)
}

/// The key of `freeswitch.kv` that what a program keeps of a call is under: `_checkpoints.py` has the same.
#[must_use]
pub fn key(uuid: &CStr, program: &str) -> String {
    let program = program.strip_suffix("::handler").unwrap_or(program);
    format!(
        "calls.{}.{}",
        word(uuid.to_bytes()),
        word(program.as_bytes())
    )
}

fn word(bytes: &[u8]) -> String {
    let is_word = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    if !bytes.is_empty() && bytes.iter().all(is_word) {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    bytes.iter().fold("=".to_owned(), |mut word, byte| {
        // Writing to a String does not fail.
        let _ = write!(word, "{byte:02x}");
        word
    })
}

/// How many calls a program serves.
#[must_use]
pub fn count(worker: &str) -> usize {
    let calls = CALLS.lock();
    calls.values().filter(|call| call.is_of(worker)).count()
}

/// Ends the work of a program that is no more: its calls go on in the dialplan or with another
/// worker, and those that it has placed end.
pub fn give_up(worker: &str, why: &str) {
    let calls: Vec<_> = CALLS.lock().values().cloned().collect();
    for call in calls.iter().filter(|call| call.is_of(worker)) {
        call.end(Outcome::Died(why.to_owned()));
    }
}

/// This thread carries out verbs, runs a command of the switch, or looks after programs.
fn detached() -> Detached {
    // SAFETY: a call's own thread is never attached while it serves, a command is called by
    // threads of the core, or detached, and the thread that looks after programs knows no Python.
    unsafe { Detached::new() }
}

impl Call {
    /// Its number among all that were offered.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Has the core known no such call for so long that its thread has told of its end, if it ever does?
    fn is_long_gone(&self) -> bool {
        let is_there = Locked::find(&self.uuid).is_some();
        let mut state = self.state.lock();
        if is_there {
            state.gone = None;
            return false;
        }
        state.gone.get_or_insert_with(Instant::now).elapsed() > GONE
    }

    fn is_of(&self, worker: &str) -> bool {
        self.state.lock().worker.as_deref() == Some(worker)
    }

    /// The program that has it.
    #[must_use]
    pub fn worker(&self) -> Option<String> {
        self.state.lock().worker.clone()
    }

    /// Gives it to a program; what that is to know of it.
    ///
    /// # Errors
    /// Another one has it, or nobody is to have it any more.
    pub fn accept(&self, worker: &str) -> Result<Value, String> {
        let mut state = self.state.lock();
        if state.is_closed {
            return Err("it is no longer offered".to_owned());
        }
        if let Some(other) = &self.wanted
            && other != worker
        {
            return Err(format!("it is offered to {other}"));
        }
        match &state.worker {
            // It has not got the answer.
            Some(same) if same == worker && self.way == Way::Bus => {}
            Some(other) => return Err(format!("{other} has it")),
            None => state.worker = Some(worker.to_owned()),
        }
        state.mirror = Mirror::default();
        drop(state);
        Ok(self.news())
    }

    /// Nobody is to have it any more; true where nobody has.
    pub fn withdraw(&self) -> bool {
        let mut state = self.state.lock();
        state.is_closed = true;
        state.worker.is_none()
    }

    /// What its program does not know yet.
    #[must_use]
    pub fn news(&self) -> Value {
        let news = self.thread.leg().with(|session| {
            let mut state = self.state.lock();
            state.mirror.news(session)
        });
        news.unwrap_or(Value::Null)
    }

    /// Does what its worker asks for under this number, in its turn and once; nothing, where
    /// something is missing before it.
    ///
    /// # Errors
    /// It is another's, or nobody's, by now.
    pub fn in_turn(
        &self,
        worker: &str,
        number: u64,
        work: impl FnOnce() -> String,
    ) -> Result<Option<String>, String> {
        let mut turns = self.turns.lock();
        let turns = turns
            .as_mut()
            .ok_or_else(|| format!("epoch {} is over", self.epoch))?;
        match self.worker() {
            Some(same) if same == worker => Ok(turns.take(number, work)),
            Some(other) => Err(format!("{other} has it")),
            None => Err("nobody has accepted it".to_owned()),
        }
    }

    /// From now on nothing is carried out that its worker asks for.
    pub fn close(&self) {
        self.state.lock().is_closed = true;
        self.turns.lock().take();
    }

    /// Puts a verb into the line of the call's thread, which answers under this number.
    pub fn ask(self: &Arc<Self>, number: u64, verb: Verb) {
        let call = self.clone();
        let told = Box::new(move |answer: Answer| call.answer(number, &answer));
        let ticket = next_ticket();
        self.state.lock().tickets.insert(number, ticket);
        self.thread.ask(ticket, verb, told);
    }

    fn answer(&self, number: u64, answer: &Answer) {
        let answer: Value = serde_json::from_slice(&answer.to_json()).unwrap_or_default();
        let mut state = self.state.lock();
        state.tickets.remove(&number);
        if self.way == Way::Bus {
            let said = Said::new(answer.clone(), Instant::now());
            keep(&mut state.answers, number, said);
        }
        drop(state);
        self.send(json!({"kind": "answer", "number": number, "answer": answer}));
    }

    /// Says again what its worker has not heard: answers to these verbs, and the call's end. The
    /// news that went with them may be lost, so the first message has all that there is of the call.
    pub fn say_again(&self, numbers: impl Iterator<Item = u64>) {
        let _told = self.telling.lock();
        let mut state = self.state.lock();
        let lost = state.lost.clone();
        let now = Instant::now();
        let numbers: Vec<_> = numbers.collect();
        let answers: Vec<_> = state
            .answers
            .iter_mut()
            .filter(|(number, _)| numbers.contains(number))
            .filter_map(|(number, said)| Some((*number, said.again(now)?)))
            .collect();
        if !answers.is_empty() || lost.is_some() {
            state.mirror.tell_all();
        }
        drop(state);
        for (number, answer) in answers {
            self.tell(json!({"kind": "answer", "number": number, "answer": answer}));
        }
        if let Some(how) = lost {
            self.tell(json!({"kind": "lost", "how": how}));
        }
    }

    /// Ends a verb before its time.
    pub fn cancel(&self, number: u64) {
        let ticket = self.state.lock().tickets.remove(&number);
        if let Some(ticket) = ticket {
            self.thread.cancel(ticket);
        }
    }

    /// Carries out at once a verb that does not take its turn.
    #[must_use]
    pub fn carry_out(self: &Arc<Self>, held: &Detached, verb: &Verb) -> Answer {
        let answer = self.thread.carry_out(held, verb);
        let is_gone = matches!((verb, &answer), (Verb::Transfer { .. }, Answer::Done {}));
        if self.is_placed && is_gone {
            // Its thread says nothing where it has not come for work yet.
            self.lost("transfer");
            drop(Listed(self.clone()));
        }
        answer
    }

    /// Its program has ended its work, or is no more.
    pub fn end(&self, outcome: Outcome) {
        let has_died = matches!(outcome, Outcome::Died(_));
        self.conclude(outcome);
        self.let_go(has_died);
    }

    /// Its thread carries out no more for its program.
    fn let_go(&self, has_died: bool) {
        if self.is_placed {
            // It ends with what has placed it.
            let _ = self.thread.leg().with(|session| {
                let channel = session.channel();
                if channel.is_up() && self.thread.leg().lost().is_none() {
                    channel.hangup(&detached(), Cause::NORMAL_CLEARING);
                }
            });
        }
        if has_died && self.way == Way::Bus {
            self.thread.orphan();
        } else {
            self.thread.break_off();
        }
    }

    /// Ends its work here, and tells its program, which was told to end.
    pub fn kill(&self, why: &str) {
        // Before its program hears of it, whose own word may come at once.
        self.conclude(Outcome::Failed(why.to_owned()));
        self.lost("killed");
        self.let_go(false);
    }

    fn conclude(&self, outcome: Outcome) {
        let mut state = self.state.lock();
        state.is_closed = true;
        // The first word counts: one that has done its work may go.
        state.outcome.get_or_insert(outcome);
    }

    /// How the work of its program has ended, where it has.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        self.state.lock().outcome.clone()
    }

    /// What it was called for is kept somewhere else, so that another worker can go on.
    pub fn has_a_checkpoint(&self) {
        self.state.lock().has_checkpoint = true;
    }

    /// Has its program kept what another needs to go on?
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.state.lock().has_checkpoint
    }

    /// What serves it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Tells its program that the call is over.
    pub fn lost(&self, how: &str) {
        self.state.lock().lost = Some(how.to_owned());
        self.send(json!({"kind": "lost", "how": how}));
    }

    /// Tells its program something, and what it does not know yet of the call.
    pub fn send(&self, body: Value) {
        let _told = self.telling.lock();
        self.tell(body);
    }

    fn tell(&self, mut body: Value) {
        let Some(worker) = self.worker() else { return };
        body["call"] = json!(self.uuid.to_string_lossy());
        body["epoch"] = json!(self.epoch);
        body["news"] = self.news();
        message::send(&detached(), self.way, &worker, body);
    }
}
