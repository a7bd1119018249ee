//! What programs outside ask for: the arguments of the API command `pysocket`.

use std::ffi::CString;

use freeswitch::Detached;
use freeswitch::verb::Verb;
use freeswitch::verb::json;

use super::calls::{Call, Outcome};
use super::counters::REFUSED;
use super::message::Way;
use super::{calls, placing, workers};

/// What it is called with.
pub const USAGE: &str = "serve <program> <name>...|beat <program>|leave <program>|\
     accept <uuid> <epoch> <program>|ask <uuid> <epoch> <number> <verb>|now <uuid> <epoch> <verb>|\
     cancel <uuid> <epoch> <number>|release <uuid> <epoch> [why]|checkpoint <uuid> <epoch>|move <uuid> <epoch>|\
     place <program> <number> <call>|unplace <program> <number>";

/// What a worker on the bus is told that asks when something is missing before that, or too much
/// waits: to ask again.
pub const BUSY: &str = "-LATER";

/// Words off the front of a line.
struct Words<'a>(&'a str);

impl<'a> Words<'a> {
    fn next(&mut self) -> Result<&'a str, String> {
        let (word, rest) = self.0.split_once(' ').unwrap_or((self.0, ""));
        self.0 = rest;
        if word.is_empty() {
            return Err(format!("-USAGE: pysocket {USAGE}"));
        }
        Ok(word)
    }

    fn number(&mut self) -> Result<u64, String> {
        let word = self.next()?;
        word.parse()
            .map_err(|_| format!("-ERR not a number: '{word}'"))
    }

    fn call(&mut self) -> Result<std::sync::Arc<Call>, String> {
        let uuid = self.next()?;
        let uuid = CString::new(uuid).map_err(|error| format!("-ERR {error}"))?;
        calls::of_epoch(&uuid, self.number()?).map_err(refused)
    }

    fn verb(&self) -> Result<Verb, String> {
        Verb::from_json(self.0.as_bytes()).map_err(|why| format!("-ERR {why}"))
    }
}

fn refused(why: String) -> String {
    format!("-ERR {why}")
}

/// Does what a line asks for, and gives the reply.
#[must_use]
pub fn carry_out(held: &Detached, line: &str) -> String {
    match answer(held, Words(line.trim())) {
        Ok(reply) => format!("+OK {reply}").trim_end().to_owned(),
        Err(why) => why,
    }
}

/// Does what a worker on the bus asks for, and gives the reply. What is of a call it says as
/// `in <worker> <uuid> <epoch> <number> <what> ...`, where the numbers of one call count from 1.
#[must_use]
pub fn by_bus(held: &Detached, line: &str) -> String {
    let mut words = Words(line.trim());
    let reply = match words.next() {
        Ok("in") => in_turn(held, words),
        Ok("still") => still(words),
        Ok("gone") => gone(words),
        Ok("accept" | "place" | "unplace") => return carry_out(held, line),
        _ => Err("-USAGE: in <worker> <uuid> <epoch> <number> ...|still ...|gone ...|accept ...|place ...|unplace ...".to_owned()),
    };
    reply.unwrap_or_else(|why| why)
}

fn in_turn(held: &Detached, mut words: Words<'_>) -> Result<String, String> {
    let worker = words.next()?;
    let (uuid, epoch) = (words.next()?, words.next()?);
    let number = words.number()?;
    let (what, rest) = (words.next()?, words.0);
    let work = || carry_out(held, &format!("{what} {uuid} {epoch} {rest}"));
    let call = Words(&format!("{uuid} {epoch} ")).call();
    let done = call.and_then(|call| call.in_turn(worker, number, work).map_err(refused));
    match done {
        Ok(Some(reply)) => Ok(reply),
        Ok(None) => Ok(BUSY.to_owned()),
        Err(why) => {
            // A call that is over is not asked for by anybody who lies.
            if what != "release" && calls::find(&CString::new(uuid).unwrap_or_default()).is_some() {
                REFUSED.add();
                let shown = why.trim_start_matches("-ERR ");
                freeswitch::once_a_second!(times => {
                    tracing::warn!("MR0025 '{what}' of worker {worker} for call {uuid} is refused: {shown} ({times} times since the last such line)");
                });
            }
            Err(why)
        }
    }
}

/// `still <worker> <uuid> <epoch> <number,number|-> ...`: which of these calls are not the worker's any
/// more, as JSON; of those that are, what it has not heard is said again.
fn still(mut words: Words<'_>) -> Result<String, String> {
    let worker = words.next()?;
    let mut gone = serde_json::Map::new();
    while !words.0.is_empty() {
        let (uuid, epoch, numbers) = (words.next()?, words.number()?, words.next()?);
        let key = CString::new(uuid).map_err(|error| format!("-ERR {error}"))?;
        let mine = calls::of_epoch(&key, epoch).and_then(|call| match call.worker() {
            Some(same) if same == worker => Ok(call),
            _ => Err("another has it".to_owned()),
        });
        match mine {
            Ok(call) => call.say_again(numbers.split(',').filter_map(|text| text.parse().ok())),
            Err(why) => drop(gone.insert(uuid.to_owned(), why.into())),
        }
    }
    Ok(format!("+OK {}", serde_json::Value::from(gone)))
}

/// `gone <worker> <uuid> <epoch> ...`: these calls the worker serves no more, since it took this switch for dead.
fn gone(mut words: Words<'_>) -> Result<String, String> {
    let worker = words.next()?;
    while !words.0.is_empty() {
        let (uuid, epoch) = (words.next()?, words.number()?);
        let key = CString::new(uuid).map_err(|error| format!("-ERR {error}"))?;
        if let Ok(call) = calls::of_epoch(&key, epoch)
            && call.worker().as_deref() == Some(worker)
        {
            call.end(Outcome::Died("it took this switch for dead".to_owned()));
        }
    }
    Ok("+OK".to_owned())
}

fn answer(held: &Detached, mut words: Words<'_>) -> Result<String, String> {
    let nothing = || Ok(String::new());
    match words.next()? {
        "serve" => {
            let worker = words.next()?;
            let names = words.0.split(' ').filter(|name| !name.is_empty());
            workers::serve(worker, names.map(str::to_owned));
            nothing()
        }
        "beat" => {
            let worker = words.next()?;
            if !workers::beat(worker) {
                return Err(format!("-ERR {worker} was given up"));
            }
            Ok(calls::count(worker).to_string())
        }
        "leave" => {
            workers::leave(words.next()?);
            nothing()
        }
        "accept" => {
            let call = words.call()?;
            let worker = words.next()?;
            if !workers::beat(worker) {
                return Err(format!("-ERR {worker} was given up"));
            }
            Ok(call.accept(worker).map_err(refused)?.to_string())
        }
        "ask" => {
            let call = words.call()?;
            let number = words.number()?;
            let verb = words.verb()?;
            if !verb.takes_its_turn() {
                return Err("-ERR this verb does not take its turn: say 'now'".to_owned());
            }
            call.ask(number, verb);
            nothing()
        }
        "now" => {
            let call = words.call()?;
            let verb = words.verb()?;
            if verb.takes_its_turn() {
                return Err("-ERR this verb takes its turn: say 'ask'".to_owned());
            }
            let answer = call.carry_out(held, &verb);
            Ok(String::from_utf8_lossy(&answer.to_json()).into_owned())
        }
        "cancel" => {
            words.call()?.cancel(words.number()?);
            nothing()
        }
        "release" => {
            let why = words.call().map(|call| {
                let why = (!words.0.is_empty()).then(|| words.0.to_owned());
                call.end(why.map_or(Outcome::Done, Outcome::Failed));
            });
            why.and_then(|()| nothing())
        }
        "checkpoint" => {
            words.call()?.has_a_checkpoint();
            nothing()
        }
        "move" => {
            let call = words.call()?;
            let worker = call.worker();
            if !workers::serves(call.name(), Way::Bus, worker.as_deref()) {
                return Err(format!("-ERR no other worker serves '{}'", call.name()));
            }
            call.end(Outcome::Moves);
            nothing()
        }
        "place" => {
            let (worker, number) = (words.next()?, words.number()?);
            let request = json::read(words.0.as_bytes()).map_err(|why| format!("-ERR {why}"))?;
            placing::place(worker, number, request).map_err(refused)?;
            nothing()
        }
        "unplace" => {
            let worker = words.next()?;
            placing::cancel(worker, words.number()?);
            nothing()
        }
        other => Err(format!("-USAGE: pysocket {USAGE}; not '{other}'")),
    }
}
