//! One switch: everything that belongs to it, from opening to closing.

use std::ffi::CStr;
use std::fmt::Arguments;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bindings::{SWITCH_EVENT_RELOADXML, SWITCH_EVENT_SHUTDOWN, SWITCH_EVENT_STARTUP};
use bstr::{BStr, BString, ByteSlice};
use parking_lot::{Mutex, RwLock};

use crate::attached::Attached;
use crate::cause;
use crate::clock::{Clock, Wait};
use crate::completion::Completions;
use crate::database::Cache;
use crate::dirs::Dirs;
use crate::edge;
use crate::event::dispatch::Bus;
use crate::globals::Globals;
use crate::log::{self, Log};
use crate::module::own::Own;
use crate::module::{Modules, Table};
use crate::outbox::Outbox;
use crate::place::{Place, here};
use crate::presence;
use crate::session::endpoint::Endpoint;
use crate::session::machine::STACK;
use crate::session::table::Table as Sessions;
use crate::session::{Profile, Session};
use crate::sound::OfMissing;
use crate::timers::Timers;
use crate::transcript::Kind;
use crate::xml::store::{Sources, Store};

/// The version that pocket behaves as.
pub(crate) const VERSION: &CStr = c"1.11.1-pocket~64bit";

/// How long closing waits, in real time, for what still runs.
const PATIENCE: Duration = Duration::from_secs(10);

static CURRENT: RwLock<Option<Arc<Core>>> = RwLock::new(None);

/// The switch that is open.
pub(crate) fn current() -> Option<Arc<Core>> {
    CURRENT.read().clone()
}

/// How a switch is opened.
#[derive(Default)]
pub struct Options {
    /// The folder for all that the switch keeps.
    pub base: PathBuf,
    /// The folder of the scripts.
    pub scripts: PathBuf,
    /// The folder of the configuration, if there is one.
    pub conf: Option<PathBuf>,
    /// The folder of the sounds; one below the base when there is none.
    pub sounds: Option<PathBuf>,
    /// How long a sound that is not there plays, in microseconds; `None`: it is an error.
    pub missing_sounds: Option<i64>,
    /// Configurations by text.
    pub config: Vec<BString>,
    /// Extensions or contexts of the XML dialplan.
    pub dialplan: BString,
    /// Global variables.
    pub variables: Vec<(BString, BString)>,
    /// Whether the clock is the real one.
    pub real_time: bool,
    /// Modules that can be loaded, by name.
    pub offered: Vec<(&'static str, &'static Table)>,
    /// Modules that are loaded at once.
    pub load: Vec<String>,
}

/// Why a switch could not be opened.
#[derive(Debug)]
pub enum OpenError {
    /// Another one is open.
    AlreadyOpen,
    /// A module did not load; the text is what `load` shows.
    Module(String, String),
    /// The system gave no thread.
    Thread(std::io::Error),
}

impl std::fmt::Display for OpenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AlreadyOpen => {
                write!(f, "another switch is open in this process; close it first")
            }
            Self::Module(name, why) => write!(f, "module {name} could not be loaded: {why}"),
            Self::Thread(error) => write!(f, "cannot start a thread: {error}"),
        }
    }
}

impl std::error::Error for OpenError {}

/// What belongs to one switch.
pub(crate) struct Core {
    pub(crate) clock: Arc<Clock>,
    pub(crate) log: Log,
    pub(crate) events: Bus,
    pub(crate) globals: Globals,
    pub(crate) dirs: Dirs,
    pub(crate) sounds: OfMissing,
    pub(crate) modules: Modules,
    pub(crate) completions: Completions,
    pub(crate) sessions: Sessions,
    pub(crate) xml: Store,
    pub(crate) timers: Timers,
    pub(crate) databases: Cache,
    pub(crate) outbox: Outbox,
    /// What layers above keep with the switch.
    pub(crate) attached: Attached,
    closing: AtomicBool,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Core {
    /// Opens a switch: its folders, its threads, its modules. The calling
    /// thread drives it, and counts in its clock until it is closed.
    pub(crate) fn open(options: Options, own: Own) -> Result<Arc<Self>, OpenError> {
        presence::stay_out_of_children();
        edge::report_to(|line| {
            if let Some(core) = current() {
                core.log.write(log::CRIT, here!(), b"", None, line);
            }
        });
        let clock = Arc::new(Clock::new(options.real_time));
        let uuid = uuid::Uuid::new_v4().to_string();
        let core = Arc::new(Self {
            log: Log::new(Arc::clone(&clock)),
            events: Bus::new(Arc::clone(&clock), uuid.clone()),
            globals: Globals::new(),
            dirs: Dirs::new(
                &options.base,
                options.conf.as_deref(),
                &options.scripts,
                options.sounds.as_deref(),
            ),
            sounds: OfMissing::new(options.missing_sounds),
            modules: Modules::new(own),
            completions: Completions::default(),
            sessions: Sessions::new(),
            xml: Store::new(Sources {
                conf: options.conf,
                config: options.config,
                dialplan: options.dialplan,
            }),
            timers: Timers::new(Arc::clone(&clock)),
            databases: Cache::default(),
            outbox: Outbox::default(),
            attached: Attached::default(),
            closing: AtomicBool::new(false),
            threads: Mutex::default(),
            clock,
        });
        {
            let mut current = CURRENT.write();
            if current.is_some() {
                return Err(OpenError::AlreadyOpen);
            }
            *current = Some(Arc::clone(&core));
        }
        core.clock.join_driver();
        let started = core.start(&uuid, &options.variables, options.offered, &options.load);
        if let Err(error) = started {
            core.close();
            return Err(error);
        }
        // To open it takes its time, most of all on a busy machine: the calls have the whole grace.
        core.clock.follow_from_here();
        Ok(core)
    }

    fn start(
        self: &Arc<Self>,
        uuid: &str,
        variables: &[(BString, BString)],
        offered: Vec<(&'static str, &'static Table)>,
        load: &[String],
    ) -> Result<(), OpenError> {
        self.dirs.show();
        if let Some(pulse) = self.clock.pulse() {
            self.keep_thread(pulse.start().map_err(OpenError::Thread)?);
        }
        let own: [(&str, &[u8]); 5] = [
            ("hostname", b"pocket"),
            ("local_ip_v4", b"127.0.0.1"),
            ("local_mask_v4", b"255.0.0.0"),
            ("local_ip_v6", b"::1"),
            ("core_uuid", uuid.as_bytes()),
        ];
        for (name, value) in own.into_iter().chain(self.dirs.variables()) {
            self.globals.set(name.as_bytes(), value);
        }
        for (name, value) in variables {
            self.globals.set(name, value);
        }
        self.spawn("pocket far end", |core| core.timers.run())?;
        // A faulty document is in the log; the empty one stays in its place.
        let _ = self.xml.reload(&self.log, &|name| self.globals.get(name));
        for (name, table) in offered {
            self.modules.offer(name, table);
        }
        for name in load {
            self.modules
                .load(self, name)
                .map_err(|why| OpenError::Module(name.clone(), why))?;
        }
        let mut event = self.events.create(SWITCH_EVENT_STARTUP, None, here!());
        event.add("Event-Info", "System Ready");
        self.events.fire(event);
        Ok(())
    }

    /// Starts a thread of the switch's own, which counts.
    pub(crate) fn spawn(
        self: &Arc<Self>,
        name: &str,
        work: impl FnOnce(&Arc<Self>) + Send + 'static,
    ) -> Result<(), OpenError> {
        self.spawn_with(name, STACK, work)
    }

    /// As [`Self::spawn`], with so many bytes of stack.
    pub(crate) fn spawn_with(
        self: &Arc<Self>,
        name: &str,
        stack: usize,
        work: impl FnOnce(&Arc<Self>) + Send + 'static,
    ) -> Result<(), OpenError> {
        let (core, ticket) = (Arc::clone(self), self.clock.reserve());
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .stack_size(stack)
            .spawn(move || {
                let _here = ticket.enter();
                work(&core);
            })
            .map_err(OpenError::Thread)?;
        self.keep_thread(thread);
        Ok(())
    }

    /// Keeps a thread to be waited for when the switch closes.
    pub(crate) fn keep_thread(&self, thread: JoinHandle<()>) {
        let mut threads = self.threads.lock();
        threads.retain(|thread| !thread.is_finished());
        threads.push(thread);
    }

    pub(crate) fn say(&self, level: i32, place: Place<'_>, text: Arguments<'_>) {
        self.log.format(level, place, b"", None, text);
    }

    pub(crate) fn closing(&self) -> bool {
        self.closing.load(Ordering::SeqCst)
    }

    /// A new leg in the table, not started; `None` when its UUID is taken, or
    /// when the switch closes.
    pub(crate) fn create_session(
        self: &Arc<Self>,
        uuid: Option<&BStr>,
        outbound: bool,
        endpoint: Box<dyn Endpoint>,
        profile: Profile,
    ) -> Option<Arc<Session>> {
        if self.closing() {
            return None;
        }
        let own = uuid::Uuid::new_v4().to_string();
        let uuid = uuid.unwrap_or(own.as_bytes().as_bstr());
        let session = Session::new(
            self,
            self.sessions.next_id(),
            uuid,
            outbound,
            endpoint,
            profile,
        );
        if !self.sessions.insert(&session) {
            self.say(log::CRIT, here!(), format_args!("Duplicate UUID!"));
            return None;
        }
        session.note(
            Kind::Created,
            session.name(),
            vec![("uuid", uuid.to_owned())],
        );
        self.say(
            log::NOTICE,
            here!(),
            format_args!("New Channel {} [{uuid}]", session.name()),
        );
        if session.has_codec() {
            session.tell_codec();
        }
        Some(session)
    }

    /// Reads the configuration again, and says so in an event.
    pub(crate) fn reload_xml(&self) -> Result<(), String> {
        self.xml.reload(&self.log, &|name| self.globals.get(name))?;
        self.events
            .fire(self.events.create(SWITCH_EVENT_RELOADXML, None, here!()));
        Ok(())
    }

    /// Ends the switch: hangs up, shuts modules down, waits for threads. Returns
    /// how many of them did not end in time; they are left behind.
    pub(crate) fn close(self: &Arc<Self>) -> usize {
        if self.closing.swap(true, Ordering::SeqCst) {
            return 0;
        }
        let mut event = self.events.create(SWITCH_EVENT_SHUTDOWN, None, here!());
        event.add("Event-Info", "System Shutting Down");
        self.events.fire(event);
        for session in self.sessions.all() {
            session.hangup(cause::SYSTEM_SHUTDOWN);
        }
        let give_up = Instant::now() + PATIENCE;
        self.wait_for_sessions(give_up);
        self.modules.shut_down_all(self);
        self.wait_for_sessions(give_up);
        self.modules.named.forget();
        self.sessions.forget();
        self.databases.clear();
        self.timers.close();
        self.events.close();
        self.clock.leave_driver();
        if let Some(pulse) = self.clock.pulse() {
            pulse.end();
        }
        let left = self.join_threads(give_up);
        Dirs::hide();
        *CURRENT.write() = None;
        left
    }

    fn wait_for_sessions(&self, give_up: Instant) {
        loop {
            let generation = self.sessions.left.generation();
            if self.sessions.count() == 0 || Instant::now() >= give_up {
                return;
            }
            self.clock.wait(Wait {
                real_limit: Some(Duration::from_millis(20)),
                ..Wait::on(&self.sessions.left, generation, None)
            });
        }
    }

    fn join_threads(&self, give_up: Instant) -> usize {
        loop {
            let finished: Vec<_> = {
                let mut threads = self.threads.lock();
                let (finished, running) = threads
                    .drain(..)
                    .partition(std::thread::JoinHandle::is_finished);
                *threads = running;
                finished
            };
            for thread in finished {
                // A panic of it was reported where it was caught.
                let _ = thread.join();
            }
            let left = self.threads.lock().len();
            if left == 0 || Instant::now() >= give_up {
                return left;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
