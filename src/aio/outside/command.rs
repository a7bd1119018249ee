//! What programs outside ask for: the arguments of the API command `pysocket`.

use std::ffi::CString;

use freeswitch::Detached;
use freeswitch::verb::Verb;
use freeswitch::verb::json;

use super::calls::Call;
use super::{calls, placing, workers};

/// What it is called with.
pub const USAGE: &str = "serve <program> <name>...|beat <program>|leave <program>|\
     accept <uuid> <epoch> <program>|ask <uuid> <epoch> <number> <verb>|now <uuid> <epoch> <verb>|\
     cancel <uuid> <epoch> <number>|release <uuid> <epoch> [why]|\
     place <program> <number> <call>|unplace <program> <number>";

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
            .map_err(|_| format!("-ERR '{word}' is no number"))
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
                call.end(why);
            });
            why.and_then(|()| nothing())
        }
        "place" => {
            let (worker, number) = (words.next()?, words.number()?);
            let wanted = json::read(words.0.as_bytes()).map_err(|why| format!("-ERR {why}"))?;
            placing::place(worker, number, wanted).map_err(refused)?;
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
