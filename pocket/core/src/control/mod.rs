//! The switch as a server of the event socket uses it, from a thread that the
//! switch's clock does not count.

use std::os::unix::net::UnixStream;
use std::sync::Arc;

use bindings::{SWITCH_EVENT_BACKGROUND_JOB, switch_event_types_t};
use bstr::{BStr, BString, ByteSlice};
use parking_lot::Mutex;

use crate::c::SUCCESS;
use crate::event::dispatch::Feed;
use crate::event::names;
use crate::module::api;
use crate::pattern::perform;
use crate::place::here;
use crate::session::client::{Server, Serving};
use crate::switch::Core;

pub(crate) mod fired;
pub(crate) mod inbox;
pub(crate) mod leg;
mod message;

use inbox::{Inbox, Item};
use leg::Leg;
use message::{Headers, message};

/// A server's hold on the switch. A switch has one at a time.
pub struct Control {
    core: Arc<Core>,
    inbox: Arc<Inbox>,
    bell: Mutex<Option<UnixStream>>,
}

impl Control {
    pub(crate) fn open(core: &Arc<Core>, limit: usize) -> std::io::Result<Option<Self>> {
        let (inbox, bell) = Inbox::new(limit)?;
        let inbox = Arc::new(inbox);
        {
            let mut serving = core.attached.get::<Serving>();
            if serving.0.is_some() {
                return Ok(None);
            }
            serving.0 = Some(Arc::clone(&inbox) as Arc<dyn Server>);
        }
        Ok(Some(Self {
            core: Arc::clone(core),
            inbox,
            bell: Mutex::new(Some(bell)),
        }))
    }

    /// The socket that becomes readable when there is something to take; `None` the
    /// second time.
    #[must_use]
    pub fn bell(&self) -> Option<UnixStream> {
        self.bell.lock().take()
    }

    /// From here on events of these kinds are taken in, all for `ALL`.
    ///
    /// # Errors
    /// When a name is no event's: that name.
    pub fn listen(&self, kinds: &[BString]) -> Result<(), BString> {
        let mut found = Vec::new();
        for name in kinds {
            match names::find(name).ok_or_else(|| name.clone())? {
                names::ALL => found.extend((0..names::ALL.0).map(switch_event_types_t)),
                kind => found.push(kind),
            }
        }
        let inbox = Arc::clone(&self.inbox);
        self.core.events.feed((!found.is_empty()).then(|| Feed {
            kinds: found,
            give: Box::new(move |event| inbox.put_event(event)),
        }));
        Ok(())
    }

    /// From here on log lines up to that level are taken in; `None`: no lines.
    pub fn hear(&self, level: Option<i32>) {
        let inbox = Arc::clone(&self.inbox);
        self.core.log.feed(level.map(|level| {
            let give: Box<dyn Fn(crate::log::LogLine) + Send + Sync> =
                Box::new(move |line| inbox.put_line(line));
            (level, give)
        }));
    }

    /// At most so many items, how many are left, and how many were lost.
    #[must_use]
    pub fn take(&self, limit: usize) -> (Vec<Item>, usize, u64) {
        self.inbox.take(limit)
    }

    /// Runs a command, or a line as the console takes it, on a thread of its own; its
    /// answer comes with the ticket. False when the system gives no thread.
    #[must_use]
    pub fn command(&self, ticket: u64, name: &BStr, argument: Option<&BStr>) -> bool {
        let inbox = Arc::clone(&self.inbox);
        let (name, argument) = (name.to_owned(), argument.map(ToOwned::to_owned));
        self.spawn(move |core| {
            let reply = match argument {
                Some(argument) => run(core, name.as_bstr(), argument.as_bstr()),
                None => api::console(core, name.as_bstr()),
            };
            inbox.put_answer(Item::Reply(ticket, reply));
        })
    }

    /// Runs a command as a background job: the event `BACKGROUND_JOB` has its answer.
    /// False when the system gives no thread.
    #[must_use]
    pub fn background(
        &self,
        job: &BStr,
        owner: &BStr,
        name: &BStr,
        argument: Option<&BStr>,
    ) -> bool {
        let (job, owner) = (job.to_owned(), owner.to_owned());
        let (name, argument) = (name.to_owned(), argument.map(ToOwned::to_owned));
        self.spawn(move |core| {
            let given = argument
                .as_ref()
                .map_or(BStr::new(""), |text| text.as_bstr());
            let reply = run(core, name.as_bstr(), given);
            let events = &core.events;
            let mut event = events.create(SWITCH_EVENT_BACKGROUND_JOB, None, here!());
            event.add("Job-UUID", &job);
            event.add("Job-Owner-UUID", &owner);
            event.add("Job-Command", &name);
            if let Some(argument) = &argument {
                event.add("Job-Command-Arg", argument);
            }
            event.set_body(Some(&reply));
            events.fire(event);
        })
    }

    fn spawn(&self, work: impl FnOnce(&Arc<Core>) + Send + 'static) -> bool {
        self.core.spawn("pocket api", work).is_ok()
    }

    /// Fires an event that a client has made; one with the Unique-ID of a call goes to
    /// that call alone.
    pub fn send_event(&self, kind: Option<&[u8]>, headers: &Headers, body: Option<&[u8]>) {
        let mut event = message(headers, body);
        if let Some(kind) = kind.and_then(names::find) {
            event.set_kind(kind);
        }
        if event.kind() == bindings::SWITCH_EVENT_CUSTOM
            && let Some(subclass) = event.get(b"Event-Subclass").map(ToOwned::to_owned)
        {
            event.set_subclass(&subclass);
        }
        let call = event
            .get(b"Unique-ID")
            .and_then(|uuid| self.core.sessions.locate(uuid));
        if let Some(call) = call {
            call.divert(event);
        } else {
            self.core.events.stamp(&mut event, here!());
            self.core.events.fire(event);
        }
    }

    /// Queues a message for the thread of a call; false when none is up that has this
    /// UUID.
    #[must_use]
    pub fn send_message(&self, uuid: &[u8], headers: &Headers, body: Option<&[u8]>) -> bool {
        let call = self.core.sessions.locate(uuid);
        if let Some(call) = &call {
            call.queue_private_event(message(headers, body));
        }
        call.is_some()
    }

    /// A call that is up.
    #[must_use]
    pub fn leg(&self, uuid: &[u8]) -> Option<Leg> {
        let lock = self.core.sessions.locate(uuid)?;
        Some(Leg::new(lock, None))
    }

    /// Whether a text fits a regular expression, as the dialplan takes it.
    #[must_use]
    pub fn fits(&self, text: &BStr, expression: &BStr) -> bool {
        perform(&self.core.log, text, expression).is_some()
    }

    /// Writes to the log.
    pub fn say(&self, level: i32, text: &BStr) {
        self.core.say(level, here!(), format_args!("{text}"));
    }

    /// Microseconds since 1970 at the zero of the log lines' times.
    #[must_use]
    pub fn epoch(&self) -> i64 {
        self.core.clock.epoch_now() - self.core.clock.now()
    }

    /// Ends it: calls that were handed over and not taken go on.
    pub fn close(&self) {
        {
            let mut serving = self.core.attached.get::<Serving>();
            let ours = serving.0.as_ref().is_some_and(|server| {
                std::ptr::addr_eq(Arc::as_ptr(server), Arc::as_ptr(&self.inbox))
            });
            if !ours {
                return;
            }
            serving.0 = None;
        }
        self.core.events.feed(None);
        self.core.log.feed(None);
        self.inbox.close();
    }
}

/// `switch_api_execute`, with what the event socket says where that fails.
fn run(core: &Arc<Core>, name: &BStr, argument: &BStr) -> BString {
    let reply = api::run(core, name, argument, None, None);
    if reply.status == SUCCESS {
        reply.text
    } else {
        format!("-ERR {name} Command not found!\n").into()
    }
}
