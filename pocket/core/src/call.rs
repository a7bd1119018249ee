//! A switch and its calls, as the program that opened the switch drives them.

use std::sync::Arc;
use std::time::Duration;

use bindings::switch_event_types_t;
use bstr::{BStr, BString, ByteSlice};
use parking_lot::Mutex;

use crate::builtin;
use crate::c::*;
use crate::cause;
use crate::clock::{Rank, Signal, Wait, Woken};
use crate::control::Control;
use crate::endpoint::deed;
use crate::endpoint::far_end::{FarEnd, Script};
use crate::endpoint::phone;
use crate::event::names;
use crate::ivr::recognise;
use crate::log::{self, LogLine};
use crate::module::api;
use crate::outbox::Letter;
use crate::place::here;
use crate::session::{Extension, Profile, Session, say, state};
use crate::switch::{Core, OpenError, Options};
use crate::text::c_string;
use crate::transcript::Transcript;

/// How often a waiting driver is asked whether it still wants to wait.
const LOOK: Duration = Duration::from_millis(100);

/// What a call does first.
#[derive(Clone, Debug)]
pub enum First {
    /// It goes to an extension of the dialplan.
    Extension(BString),
    /// It goes straight into an application with its data.
    Application(BString, BString),
}

/// A call into the switch.
#[derive(Clone, Debug)]
pub struct CallOptions {
    /// Where it goes.
    pub first: First,
    /// The context of the dialplan.
    pub context: BString,
    /// The number that was dialled, when it is another than what it does first says.
    pub destination: Option<BString>,
    /// Who calls.
    pub caller_id_name: BString,
    /// Who calls.
    pub caller_id_number: BString,
    /// Variables that are set before it begins.
    pub variables: Vec<(BString, BString)>,
    /// What the caller does.
    pub script: Script,
}

/// An event as it was fired.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Headers in their order; `_body` is the body.
    pub headers: Vec<(BString, BString)>,
}

impl Seen {
    fn of(event: &crate::event::Event) -> Self {
        let mut headers: Vec<_> = event
            .headers()
            .map(|(name, value, _)| (name.to_owned(), value.to_owned()))
            .collect();
        if let Some(body) = event.body() {
            headers.push(("_body".into(), body.to_owned()));
        }
        Self { headers }
    }
}

/// What a test puts in the place of a command: arguments to reply, or an error.
pub type FakeApi = Box<dyn Fn(&BStr) -> Result<BString, String> + Send + Sync>;

/// What it puts in the place of an application: it is given the leg and the data.
pub type FakeApplication = Box<dyn Fn(Call, &BStr) -> Result<(), String> + Send + Sync>;

/// An open switch. The thread that opened it drives it.
pub struct Driver {
    core: Arc<Core>,
}

impl Driver {
    /// Opens a switch; one at a time in a process.
    ///
    /// # Errors
    /// When one is open, or a module does not load.
    pub fn open(options: Options) -> Result<Self, OpenError> {
        Core::open(options, builtin::own()).map(|core| Self { core })
    }

    /// Ends the switch; returns how many of its threads were left behind.
    #[must_use]
    pub fn close(&self) -> usize {
        self.core.close()
    }

    /// From now on the clock stands still while a script works, however long that
    /// takes: a debugger may have stopped it.
    pub fn stand_still(&self) {
        self.core.clock.stand_still();
    }

    /// Microseconds of the switch's clock.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.core.clock.now()
    }

    /// Runs a command line on a thread of its own, as `fs_cli` would have it
    /// run. `None` when `give_up` said so before there was a reply.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn api(
        &self,
        line: &BStr,
        give_up: &mut dyn FnMut() -> bool,
    ) -> Result<Option<BString>, OpenError> {
        let slot: Arc<(Mutex<Option<BString>>, Signal)> =
            Arc::new((Mutex::default(), Signal::new()));
        let (shared, line) = (Arc::clone(&slot), line.to_owned());
        self.core.spawn("pocket api", move |core| {
            let reply = api::console(core, line.as_bstr());
            *shared.0.lock() = Some(reply);
            core.clock.raise(&shared.1);
        })?;
        loop {
            let generation = slot.1.generation();
            let reply = slot.0.lock().take();
            if reply.is_some() || !self.wait(Wait::on(&slot.1, generation, None), give_up) {
                return Ok(reply);
            }
        }
    }

    /// Waits in the clock; false when `give_up` said so.
    fn wait(&self, wait: Wait<'_>, give_up: &mut dyn FnMut() -> bool) -> bool {
        loop {
            let wait = Wait {
                rank: Rank::Driver,
                real_limit: Some(LOOK),
                ..wait
            };
            if self.core.clock.wait(wait) != Woken::RealLimit {
                return true;
            }
            if give_up() {
                return false;
            }
        }
    }

    /// Waits that long in the switch's time; false when `give_up` said so.
    pub fn sleep(&self, micros: i64, give_up: &mut dyn FnMut() -> bool) -> bool {
        let deadline = self.core.clock.now() + micros;
        self.wait(Wait::until(deadline), give_up)
    }

    /// A call comes in; it runs while this returns.
    #[must_use]
    pub fn start_call(&self, options: CallOptions) -> Option<Call> {
        let (destination, first) = match options.first {
            First::Extension(extension) => (extension, None),
            First::Application(name, data) => (
                name.clone(),
                Some(Extension {
                    applications: [(name, data)].into(),
                }),
            ),
        };
        let destination = options.destination.unwrap_or(destination);
        let mut profile = Profile::to(&destination, &options.context);
        profile.call_from(&options.caller_id_name, &options.caller_id_number);
        profile.username = c_string(&options.caller_id_number);
        profile.network_addr = c"127.0.0.1".to_owned();
        profile.source = c"mod_pocket".to_owned();
        profile.chan_name = c_string(&[b"pocket/", &options.caller_id_number[..]].concat());
        let endpoint = Box::new(FarEnd::new(options.script, first));
        let session = self.core.create_session(None, false, endpoint, profile)?;
        for (name, value) in &options.variables {
            session.set_checked(name, value, false);
        }
        session.set_state(CS_INIT);
        session.launch();
        Some(Call { session })
    }

    /// Waits until the call is over; false when it is not at that time of the
    /// clock, or when `give_up` said so.
    pub fn wait_for(&self, call: &Call, deadline: i64, give_up: &mut dyn FnMut() -> bool) -> bool {
        loop {
            let generation = call.session.released().generation();
            if call.is_over() {
                return true;
            }
            if self.core.clock.now() >= deadline {
                return false;
            }
            let wait = Wait::on(call.session.released(), generation, Some(deadline));
            if !self.wait(wait, give_up) {
                return call.is_over();
            }
        }
    }

    /// Lets a server of the event socket in, one at a time; at most `limit` events
    /// and lines wait for it. `None` when there is one.
    ///
    /// # Errors
    /// When the system gives no pair of sockets.
    pub fn control(&self, limit: usize) -> std::io::Result<Option<Control>> {
        Control::open(&self.core, limit)
    }

    /// Log lines since they were last asked for: the newest 100,000, of 64 MiB at most.
    #[must_use]
    pub fn log(&self) -> Vec<LogLine> {
        self.core.log.take()
    }

    /// Legs that are there.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.core
            .sessions
            .all()
            .into_iter()
            .map(|session| Call { session })
            .collect()
    }

    /// Keeps the last `limit` events of these kinds from now on, all kinds when
    /// none is named. The name that is unknown comes back.
    ///
    /// # Errors
    /// When a name is no event's.
    pub fn subscribe(&self, kinds: &[BString], limit: usize) -> Result<(), BString> {
        let kinds: Result<Vec<switch_event_types_t>, BString> = kinds
            .iter()
            .map(|name| names::find(name).ok_or_else(|| name.clone()))
            .collect();
        let kinds = kinds?
            .into_iter()
            .filter(|kind| *kind != names::ALL)
            .collect();
        self.core.events.tap(kinds, limit);
        Ok(())
    }

    /// Events that came since they were last asked for.
    pub fn events(&self) -> impl Iterator<Item = Seen> + use<> {
        let kept = self.core.events.tapped();
        // Each goes as it is seen: there may be very many.
        kept.into_iter().map(|event| Seen::of(&event))
    }

    /// Chat messages that were sent.
    #[must_use]
    pub fn messages(&self) -> Vec<Seen> {
        self.core.outbox.messages().iter().map(Seen::of).collect()
    }

    /// Letters that were sent.
    #[must_use]
    pub fn letters(&self) -> Vec<Letter> {
        self.core.outbox.letters()
    }

    /// A global variable.
    #[must_use]
    pub fn variable(&self, name: &BStr) -> Option<BString> {
        self.core.globals.get(name)
    }

    /// All of them.
    #[must_use]
    pub fn variables(&self) -> Vec<(BString, BString)> {
        self.core.globals.all()
    }

    /// Sets one, or with no text removes it.
    pub fn set_variable(&self, name: &BStr, value: &BStr) {
        self.core.globals.set(name, value);
    }

    /// All legs that there were, the newest 250 of them; of those that are over, 64 MiB at most.
    #[must_use]
    pub fn legs(&self) -> Vec<Call> {
        let legs = self.core.sessions.ever().into_iter();
        legs.map(|session| Call { session }).collect()
    }

    /// From now on calls to that address, or to all that are like it, reach a phone that
    /// follows the script.
    pub fn phone(&self, address: &BStr, script: Script) {
        let phone = phone::phone(address.to_owned(), script);
        self.core.modules.named.phone(address, phone);
    }

    /// Puts a function in the place of a command; an error is logged, and answered as
    /// `-ERR`.
    pub fn fake_api(&self, name: &BStr, fake: FakeApi) {
        let shown = name.to_owned();
        let command = move |call: &api::Invocation<'_>| {
            fake(call.argument).map_or_else(
                |error| {
                    let text = format_args!("the fake of {shown} failed: {error}");
                    call.core.say(log::ERROR, here!(), text);
                    let line = error.lines().last().unwrap_or_default();
                    format!("-ERR {line}\n").into()
                },
                Into::into,
            )
        };
        self.core.modules.named.command(name, Arc::new(command));
    }

    /// Puts a function in the place of an application; an error is logged.
    pub fn fake_application(&self, name: &BStr, fake: FakeApplication) {
        let shown = name.to_owned();
        let application = move |session: &Arc<Session>, data: &BStr| {
            let leg = Call {
                session: Arc::clone(session),
            };
            if let Err(error) = fake(leg, data) {
                say!(session, ERROR, "the fake of {shown} failed: {error}");
            }
        };
        self.core
            .modules
            .named
            .application(name, Arc::new(application));
    }
}

/// A leg, also after it is over.
pub struct Call {
    session: Arc<Session>,
}

impl Call {
    /// Its UUID.
    #[must_use]
    pub fn uuid(&self) -> BString {
        self.session.uuid().to_owned()
    }

    /// Its channel's name.
    #[must_use]
    pub fn name(&self) -> BString {
        self.session.name()
    }

    /// Its state's name.
    #[must_use]
    pub fn state(&self) -> String {
        state::name(self.session.state())
            .to_string_lossy()
            .into_owned()
    }

    /// Why it ended, `None` while it has not.
    #[must_use]
    pub fn cause(&self) -> Option<String> {
        let cause = self.session.cause();
        (cause != cause::NONE).then(|| cause::name(cause).to_string_lossy().into_owned())
    }

    /// Whether it was answered.
    #[must_use]
    pub fn answered(&self) -> bool {
        self.session.has(CF_ANSWERED)
    }

    /// Whether all that ran on it has ended.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.session.is_gone()
    }

    /// Its variables, in order.
    #[must_use]
    pub fn variables(&self) -> Vec<(BString, BString)> {
        self.session.variables()
    }

    /// One variable, by the rules of the dialplan.
    #[must_use]
    pub fn variable(&self, name: &BStr) -> Option<BString> {
        self.session.get(name)
    }

    /// The name of the phone that it has reached, if the test has named one.
    #[must_use]
    pub fn phone(&self) -> Option<BString> {
        self.session.endpoint.phone().map(ToOwned::to_owned)
    }

    /// How many hold a read lock on it.
    #[must_use]
    pub fn readers(&self) -> usize {
        self.session.readers()
    }

    /// What happened on it.
    #[must_use]
    pub fn transcript(&self) -> Arc<Transcript> {
        Arc::clone(&self.session.transcript)
    }

    /// The far end presses digits now.
    pub fn press(&self, digits: &BStr) {
        deed::press(&self.session, digits);
    }

    /// The far end speaks now.
    pub fn says(&self, words: &BStr) {
        recognise::hear(&self.session, words.to_owned());
    }

    /// The far end hangs up now.
    pub fn hangup(&self, cause: &BStr) {
        deed::hang_up(&self.session, cause::parse(cause));
    }
}

#[cfg(test)]
#[path = "call_tests.rs"]
mod tests;
