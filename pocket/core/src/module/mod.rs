//! Modules, and what they and pocket itself register.

use std::collections::HashMap;
use std::ffi::CString;
use std::sync::Arc;

use bindings::{
    SWITCH_API_INTERFACE as API, SWITCH_APPLICATION_INTERFACE as APPLICATION, cJSON,
    switch_api_interface, switch_application_interface, switch_caller_extension_t,
    switch_chat_application_interface, switch_core_session_t, switch_dialplan_interface,
    switch_event, switch_json_api_interface, switch_status_t, switch_stream_handle,
};
use bstr::{BStr, BString, ByteSlice};
use parking_lot::Mutex;

use crate::event::Event;
use crate::session::{Extension, Profile, Session};

pub(crate) mod api;
mod loader;
pub(crate) mod named;
pub(crate) mod own;

pub use loader::Table;
pub(crate) use loader::{Interface, Loaded};

use api::{Builtin, Invocation};
use loader::InUse;
use named::Named;
use own::{App, Chat, Dial, FakeApplication, FakeCommand, Hunt, Own, States};

/// An application that can be run. One of a module keeps it from being unloaded.
pub(crate) enum Application {
    Own(&'static App),
    Fake(BString, FakeApplication),
    Foreign(Foreign<switch_application_interface>),
}

/// Something that a module registered.
pub(crate) struct Foreign<T> {
    interface: *const T,
    _in_use: InUse,
}

/// A command that can be run.
pub(crate) enum Command {
    Own(Builtin),
    Fake(FakeCommand),
    Foreign(Foreign<switch_api_interface>),
}

impl Application {
    pub(crate) fn name(&self) -> BString {
        match self {
            Self::Own(app) => app.name.into(),
            Self::Fake(name, _) => name.clone(),
            Self::Foreign(foreign) => {
                // SAFETY: in a module that is in use, so it and its strings live.
                let name = unsafe { crate::text::borrow((*foreign.interface).interface_name) };
                name.unwrap_or_default().to_owned()
            }
        }
    }

    pub(crate) fn flags(&self) -> u32 {
        match self {
            Self::Own(app) => app.flags,
            Self::Fake(..) => bindings::SAF_SUPPORT_NOMEDIA.0,
            // SAFETY: in a module that is in use.
            Self::Foreign(foreign) => unsafe { (*foreign.interface).flags },
        }
    }

    pub(crate) fn call(&self, session: &Arc<Session>, data: Option<&BStr>) {
        match self {
            Self::Own(app) => (app.run)(session, data.unwrap_or_default()),
            Self::Fake(_, run) => run(session, data.unwrap_or_default()),
            Self::Foreign(foreign) => {
                let data: Option<CString> = data.map(|data| crate::text::c_string(data));
                let data = data.as_ref().map_or(std::ptr::null(), |data| data.as_ptr());
                // SAFETY: in a module that is in use; the session is its own
                // thread's or locked, and lives over the call as the data does.
                unsafe {
                    if let Some(function) = (*foreign.interface).application_function {
                        function(session.as_ptr(), data);
                    }
                }
            }
        }
    }
}

/// A dialplan that can be asked.
pub(crate) enum Dialplan {
    Own(Hunt),
    Foreign(Foreign<switch_dialplan_interface>),
}

/// A chat application that can be run.
pub(crate) enum ChatApplication {
    Own(Chat),
    Foreign(Foreign<switch_chat_application_interface>),
}

impl ChatApplication {
    /// Runs it on a message, with data or none.
    ///
    /// # Safety
    /// `message` is a live event that nobody else uses.
    pub(crate) unsafe fn call(
        &self,
        message: *mut switch_event,
        data: Option<&[u8]>,
    ) -> switch_status_t {
        match self {
            // SAFETY: the caller's event.
            Self::Own(run) => unsafe {
                Event::with(message, |message| run(message, data.unwrap_or_default()));
                crate::c::SUCCESS
            },
            Self::Foreign(foreign) => {
                let data = data.map(crate::text::c_string);
                let data = data.as_ref().map_or(std::ptr::null(), |data| data.as_ptr());
                // SAFETY: in a module that is in use; the event is the caller's.
                unsafe {
                    match (*foreign.interface).chat_application_function {
                        Some(function) => function(message, data),
                        None => crate::c::FAILURE,
                    }
                }
            }
        }
    }
}

impl Command {
    /// Runs the command; its output goes to the stream.
    ///
    /// # Safety
    /// `stream` is a live stream that nobody else uses.
    pub(crate) unsafe fn call(
        &self,
        invocation: &Invocation<'_>,
        stream: *mut switch_stream_handle,
    ) -> switch_status_t {
        match self {
            Self::Own(function) => {
                // SAFETY: the caller's stream.
                unsafe { answer(function(invocation), stream) }
            }
            Self::Fake(function) => {
                // SAFETY: the caller's stream.
                unsafe { answer(function(invocation), stream) }
            }
            Self::Foreign(foreign) => {
                let argument = crate::text::c_string(invocation.argument);
                let session: *mut switch_core_session_t = invocation
                    .session
                    .map_or(std::ptr::null_mut(), Session::as_ptr);
                // SAFETY: in a module that is in use; all else lives over the call.
                unsafe {
                    match (*foreign.interface).function {
                        Some(function) => function(argument.as_ptr(), session, stream),
                        None => crate::c::FAILURE,
                    }
                }
            }
        }
    }
}

/// Writes what a command answers.
///
/// # Safety
/// `stream` is a live stream that nobody else uses.
unsafe fn answer(reply: api::Reply, stream: *mut switch_stream_handle) -> switch_status_t {
    // SAFETY: the caller's stream.
    unsafe { api::write(stream, &reply.text) };
    reply.status
}

impl Dialplan {
    /// Asks the dialplan for an extension.
    pub(crate) fn hunt(
        &self,
        session: &Arc<Session>,
        profile: &Profile,
        argument: &BStr,
    ) -> Option<Extension> {
        match self {
            Self::Own(hunt) => hunt(session, profile, argument),
            Self::Foreign(foreign) => {
                let given = foreign.hunt(session, argument).cast::<Extension>();
                // SAFETY: it is NULL, or the session keeps it.
                unsafe { given.as_ref() }.cloned()
            }
        }
    }
}

impl Foreign<switch_dialplan_interface> {
    /// Asks the dialplan for an extension, which the session keeps; NULL for none.
    fn hunt(&self, session: &Arc<Session>, argument: &[u8]) -> *mut switch_caller_extension_t {
        let argument = (!argument.is_empty()).then(|| crate::text::c_string(argument));
        let argument = argument.as_ref().map_or(std::ptr::null_mut(), |argument| {
            argument.as_ptr().cast_mut().cast()
        });
        // SAFETY: in a module that is in use; the session is its own thread's.
        unsafe {
            (*self.interface)
                .hunt_function
                .map_or(std::ptr::null_mut(), |hunt| {
                    hunt(session.as_ptr(), argument, std::ptr::null_mut())
                })
        }
    }
}

impl Foreign<switch_json_api_interface> {
    /// Answers a request; the reply's tree is the caller's.
    ///
    /// # Safety
    /// `request` is a live tree.
    pub(crate) unsafe fn answer(
        &self,
        request: *const cJSON,
        session: Option<&Arc<Session>>,
    ) -> (switch_status_t, *mut cJSON) {
        let mut reply = std::ptr::null_mut();
        let session = session.map_or(std::ptr::null_mut(), super::session::Session::as_ptr);
        // SAFETY: in a module that is in use; the tree is the caller's.
        let status = unsafe {
            (*self.interface)
                .function
                .map_or(crate::c::FAILURE, |answer| {
                    answer(request, session, &raw mut reply)
                })
        };
        (status, reply)
    }
}

/// One registered interface: where it lies, and whose it is.
#[derive(Clone)]
struct Entry {
    interface: usize,
    module: Arc<Loaded>,
}

/// Interfaces of modules by kind and name; pocket's own come after them.
#[derive(Default)]
struct Registered {
    applications: HashMap<BString, Entry>,
    commands: HashMap<BString, Entry>,
    chats: HashMap<BString, Entry>,
    dialplans: HashMap<BString, Entry>,
    json: HashMap<BString, Entry>,
}

/// What is loaded, and what that has registered.
pub(crate) struct Modules {
    own: Own,
    /// What a test has named.
    pub(crate) named: Named,
    available: Mutex<HashMap<String, &'static Table>>,
    loaded: Mutex<HashMap<String, Arc<Loaded>>>,
    registered: Mutex<Registered>,
    /// Unloaded, but mapped: somebody may still hold what lies in their pools.
    retired: Mutex<Vec<Arc<Loaded>>>,
    /// One load or unload at a time.
    reloading: Mutex<()>,
}

fn key(name: &[u8]) -> BString {
    name.to_ascii_lowercase().into()
}

impl Modules {
    pub(crate) fn new(own: Own) -> Self {
        Self {
            own,
            named: Named::default(),
            available: Mutex::default(),
            loaded: Mutex::default(),
            registered: Mutex::default(),
            retired: Mutex::default(),
            reloading: Mutex::default(),
        }
    }

    pub(crate) fn application(&self, name: &[u8]) -> Option<Application> {
        if let Some((name, fake)) = self.named.find_application(name) {
            return Some(Application::Fake(name, fake));
        }
        let entry = self.registered.lock().applications.get(&key(name)).cloned();
        match entry {
            Some(entry) => Some(Application::Foreign(Foreign {
                interface: entry.interface as *const switch_application_interface,
                _in_use: InUse::new(&entry.module),
            })),
            None => self
                .own
                .applications
                .iter()
                .find(|app| name.eq_ignore_ascii_case(app.name.as_bytes()))
                .map(Application::Own),
        }
    }

    pub(crate) fn command(&self, name: &[u8]) -> Option<Command> {
        if let Some(fake) = self.named.find_command(name) {
            return Some(Command::Fake(fake));
        }
        let entry = self.registered.lock().commands.get(&key(name)).cloned();
        match entry {
            Some(entry) => Some(Command::Foreign(Foreign {
                interface: entry.interface as *const switch_api_interface,
                _in_use: InUse::new(&entry.module),
            })),
            None => own::find(self.own.commands, name).map(Command::Own),
        }
    }

    pub(crate) fn chat_application(&self, name: &[u8]) -> Option<ChatApplication> {
        let entry = self.registered.lock().chats.get(&key(name)).cloned();
        match entry {
            Some(entry) => Some(ChatApplication::Foreign(Foreign {
                interface: entry.interface as *const switch_chat_application_interface,
                _in_use: InUse::new(&entry.module),
            })),
            None => own::find(self.own.chats, name).map(ChatApplication::Own),
        }
    }

    pub(crate) fn dialplan(&self, name: &[u8]) -> Option<Dialplan> {
        let entry = self.registered.lock().dialplans.get(&key(name)).cloned();
        match entry {
            Some(entry) => Some(Dialplan::Foreign(Foreign {
                interface: entry.interface as *const switch_dialplan_interface,
                _in_use: InUse::new(&entry.module),
            })),
            None => own::find(self.own.dialplans, name).map(Dialplan::Own),
        }
    }

    /// What makes legs of an endpoint's kind. As in FreeSWITCH its name is looked up as it
    /// is written.
    pub(crate) fn endpoint(&self, name: &[u8]) -> Option<Dial> {
        let mut known = self.own.endpoints.iter();
        known
            .find(|(known, _)| known.as_bytes() == name)
            .map(|(_, dial)| *dial)
    }

    /// Name, description, syntax and module of each command.
    pub(crate) fn commands(&self) -> Vec<[BString; 4]> {
        let own = self.own.commands.iter().map(|(name, _)| *name);
        self.listed(API, own, "mod_commands", &self.named.fakes()[0])
    }

    /// The same of each application.
    pub(crate) fn applications(&self) -> Vec<[BString; 4]> {
        let own = self.own.applications.iter().map(|app| app.name);
        self.listed(APPLICATION, own, "mod_dptools", &self.named.fakes()[1])
    }

    pub(crate) fn states(&self) -> &States {
        &self.own.states
    }

    pub(crate) fn json(&self, name: &[u8]) -> Option<Foreign<switch_json_api_interface>> {
        let entry = self.registered.lock().json.get(&key(name)).cloned()?;
        Some(Foreign {
            interface: entry.interface as *const switch_json_api_interface,
            _in_use: InUse::new(&entry.module),
        })
    }

    /// A module that can be loaded by name.
    pub(crate) fn offer(&self, name: &str, table: &'static Table) {
        self.available.lock().insert(name.to_owned(), table);
    }

    pub(crate) fn exists(&self, name: &[u8]) -> bool {
        std::str::from_utf8(name).is_ok_and(|name| self.loaded.lock().contains_key(name))
            || BUILT_IN.iter().any(|own| own.as_bytes().as_bstr() == name)
    }
}

/// Modules of FreeSWITCH whose part pocket does itself.
const BUILT_IN: [&str; 8] = [
    "mod_commands",
    "mod_console",
    "mod_dialplan_xml",
    "mod_dptools",
    "mod_loopback",
    "mod_sms",
    "mod_sndfile",
    "mod_tone_stream",
];
