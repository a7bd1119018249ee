//! Calls that are offered to programs outside, or served by one. The call's own thread is the
//! only arbiter: the first to accept has it, and what names another epoch is refused.

use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use freeswitch::Detached;
use freeswitch::session::cause::Cause;
use freeswitch::verb::Verb;
use freeswitch::verb::answer::Answer;
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::message;
use super::mirror::Mirror;
use crate::aio::session_thread::{SessionThread, next_ticket};

static CALLS: Mutex<Option<HashMap<CString, Arc<Call>>>> = Mutex::new(None);
static EPOCHS: AtomicU64 = AtomicU64::new(1);

/// A call that is offered to programs outside, or served by one.
pub struct Call {
    uuid: CString,
    epoch: u64,
    thread: Arc<SessionThread>,
    /// It ends with what has placed it.
    is_placed: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    worker: Option<String>,
    /// Nobody may accept it any more.
    is_closed: bool,
    /// Why its program did not do what it was called for.
    failed: Option<String>,
    /// The numbers of verbs, by the tickets that their thread knows.
    tickets: HashMap<u64, u64>,
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
        if let Some(calls) = CALLS.lock().as_mut() {
            let is_mine = calls
                .get(&self.0.uuid)
                .is_some_and(|call| call.epoch == self.0.epoch);
            if is_mine {
                calls.remove(&self.0.uuid);
            }
        }
    }
}

fn put(call: Call) -> Arc<Call> {
    let call = Arc::new(call);
    let mut calls = CALLS.lock();
    calls
        .get_or_insert_default()
        .insert(call.uuid.clone(), call.clone());
    call
}

/// A call that waits for a program.
#[must_use]
pub fn offered(uuid: CString, thread: Arc<SessionThread>) -> Listed {
    Listed(put(Call {
        uuid,
        epoch: EPOCHS.fetch_add(1, Ordering::Relaxed),
        thread,
        is_placed: false,
        state: Mutex::default(),
    }))
}

/// A call that a program has placed; it is listed until [`take_placed`].
pub fn placed(uuid: CString, thread: Arc<SessionThread>, worker: &str) -> Arc<Call> {
    put(Call {
        uuid,
        epoch: EPOCHS.fetch_add(1, Ordering::Relaxed),
        thread,
        is_placed: true,
        state: Mutex::new(State {
            worker: Some(worker.to_owned()),
            ..State::default()
        }),
    })
}

/// A call that a program has placed and that is over.
#[must_use]
pub fn take_placed(uuid: &CStr) -> Option<Listed> {
    find(uuid).filter(|call| call.is_placed).map(Listed)
}

/// The call with this UUID.
#[must_use]
pub fn find(uuid: &CStr) -> Option<Arc<Call>> {
    CALLS.lock().as_ref()?.get(uuid).cloned()
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

/// How many calls a program serves.
#[must_use]
pub fn count(worker: &str) -> usize {
    let calls = CALLS.lock();
    let all = calls.iter().flat_map(HashMap::values);
    all.filter(|call| call.is_of(worker)).count()
}

/// Ends the work of a program that is no more: its calls go on in the dialplan, and those that it
/// has placed end.
pub fn give_up(worker: &str, why: &str) {
    let calls: Vec<Arc<Call>> = match CALLS.lock().as_ref() {
        Some(calls) => calls.values().cloned().collect(),
        None => return,
    };
    for call in calls.iter().filter(|call| call.is_of(worker)) {
        call.end(Some(why.to_owned()));
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
        if let Some(other) = &state.worker {
            return Err(format!("{other} has it"));
        }
        state.worker = Some(worker.to_owned());
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

    /// Puts a verb into the line of the call's thread, which answers under this number.
    pub fn ask(self: &Arc<Self>, number: u64, verb: Verb) {
        let call = self.clone();
        let told = Box::new(move |answer: Answer| call.answer(number, &answer));
        let ticket = next_ticket();
        self.state.lock().tickets.insert(number, ticket);
        self.thread.ask(ticket, verb, told);
    }

    fn answer(&self, number: u64, answer: &Answer) {
        self.state.lock().tickets.remove(&number);
        let answer: Value = serde_json::from_slice(&answer.to_json()).unwrap_or_default();
        self.send(json!({"kind": "answer", "number": number, "answer": answer}));
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
    pub fn carry_out(&self, held: &Detached, verb: &Verb) -> Answer {
        self.thread.carry_out(held, verb)
    }

    /// Its program has ended its work, or is no more, for this reason.
    pub fn end(&self, failed: Option<String>) {
        let mut state = self.state.lock();
        state.is_closed = true;
        state.failed = state.failed.take().or(failed);
        drop(state);
        if self.is_placed {
            // It ends with what has placed it.
            let _ = self.thread.leg().with(|session| {
                let channel = session.channel();
                if channel.is_up() && self.thread.leg().lost().is_none() {
                    channel.hangup(&detached(), Cause::NORMAL_CLEARING);
                }
            });
        }
        self.thread.break_off();
    }

    /// Why its program did not do what it was called for.
    #[must_use]
    pub fn failed(&self) -> Option<String> {
        self.state.lock().failed.clone()
    }

    /// Tells its program that the call is over.
    pub fn lost(&self, how: &str) {
        self.send(json!({"kind": "lost", "how": how}));
    }

    /// Tells its program something, and what it does not know yet of the call.
    pub fn send(&self, mut body: Value) {
        let Some(worker) = self.worker() else { return };
        body["call"] = json!(self.uuid.to_string_lossy());
        body["epoch"] = json!(self.epoch);
        body["news"] = self.news();
        message::send(&detached(), &worker, &body);
    }
}
