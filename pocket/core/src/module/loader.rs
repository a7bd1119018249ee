//! Loading and unloading, as FreeSWITCH's loader does it.

use std::collections::{BTreeMap, HashMap};
use std::ffi::{CString, c_void};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bindings::{
    SWITCH_API_INTERFACE as API, SWITCH_APPLICATION_INTERFACE as APPLICATION,
    SWITCH_CHAT_APPLICATION_INTERFACE as CHAT, SWITCH_DIALPLAN_INTERFACE as DIALPLAN,
    SWITCH_EVENT_MODULE_LOAD, SWITCH_EVENT_MODULE_UNLOAD, SWITCH_JSON_API_INTERFACE as JSON,
    SWITCH_STATUS_NOUNLOAD as NOUNLOAD, SWITCH_STATUS_TERM as TERM, switch_api_interface,
    switch_application_interface, switch_chat_application_interface, switch_dialplan_interface,
    switch_event_types_t, switch_json_api_interface, switch_loadable_module_function_table_t,
    switch_loadable_module_interface_t, switch_module_interface_name_t,
};
use bstr::{BString, ByteSlice};
use parking_lot::Mutex;

use super::{Entry, Modules, Registered, key};
use crate::c::SUCCESS;
use crate::log;
use crate::place::here;
use crate::pool::Pool;
use crate::session::machine::STACK;
use crate::switch::Core;

/// The functions that a module shows.
pub type Table = switch_loadable_module_function_table_t;

/// What a module makes to register things. C holds its address.
pub(crate) struct Interface {
    pool: *const Pool,
    made: Mutex<Vec<(switch_module_interface_name_t, usize)>>,
    _name: CString,
}

/// Room for an interface of a kind that pocket does not know the members of.
const ROOM: usize = 256;

impl Interface {
    pub(crate) fn create(pool: &Pool, name: &[u8]) -> *mut switch_loadable_module_interface_t {
        let interface = Box::new(Self {
            pool: std::ptr::from_ref(pool),
            made: Mutex::default(),
            _name: crate::text::c_string(name),
        });
        Box::into_raw(interface).cast()
    }

    /// A zeroed interface of that kind, for the module to fill.
    pub(crate) fn add(&self, kind: switch_module_interface_name_t) -> *mut c_void {
        // SAFETY: the pool is the module's, which outlives its interface.
        let block = unsafe { (*self.pool).allocate(ROOM) };
        self.made.lock().push((kind, block as usize));
        block
    }

    /// # Safety
    /// `interface` is NULL or came from [`Interface::create`] and lives.
    pub(crate) unsafe fn from_ptr<'a>(
        interface: *mut switch_loadable_module_interface_t,
    ) -> Option<&'a Self> {
        // SAFETY: the caller's.
        unsafe { interface.cast::<Self>().as_ref() }
    }
}

const _: () = assert!(
    size_of::<switch_application_interface>() <= ROOM
        && size_of::<switch_api_interface>() <= ROOM
        && size_of::<switch_chat_application_interface>() <= ROOM
        && size_of::<switch_dialplan_interface>() <= ROOM
        && size_of::<switch_json_api_interface>() <= ROOM
);

/// A module that is loaded.
pub(crate) struct Loaded {
    name: String,
    table: &'static Table,
    interface: *mut switch_loadable_module_interface_t,
    _pool: Box<Pool>,
    users: AtomicUsize,
    leaving: AtomicBool,
}

// SAFETY: the interface is only read, its list has a lock, and the pool too.
unsafe impl Send for Loaded {}
// SAFETY: a shared module is only read, but for its atomics and what the interface's
// list has a lock for.
unsafe impl Sync for Loaded {}

impl Drop for Loaded {
    fn drop(&mut self) {
        if !self.interface.is_null() {
            // SAFETY: made by Interface::create, and nobody uses it any more.
            drop(unsafe { Box::from_raw(self.interface.cast::<Interface>()) });
        }
    }
}

/// While it lives, its module is not unloaded.
pub(super) struct InUse(Arc<Loaded>);

impl InUse {
    pub(super) fn new(module: &Arc<Loaded>) -> Self {
        module.users.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(module))
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        self.0.users.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Modules {
    /// Loads by name; the error is what `load` shows in brackets.
    pub(crate) fn load(&self, core: &Arc<Core>, name: &str) -> Result<(), String> {
        let _reloading = self.reloading.lock();
        if self.exists(name.as_bytes()) {
            core.say(
                log::WARNING,
                here!(),
                format_args!("Module {name} Already Loaded!"),
            );
            return Err("Module already loaded".to_owned());
        }
        let Some(table) = self.available.lock().get(name).copied() else {
            core.say(
                log::CRIT,
                here!(),
                format_args!("Error Loading module {name}: no such module"),
            );
            return Err("module load file routine returned an error".to_owned());
        };
        let pool = Box::new(Pool::default());
        let mut interface = std::ptr::null_mut();
        let Some(load) = table.load else {
            return Err("module load file routine returned an error".to_owned());
        };
        // SAFETY: the table is the module's; pool and cell live over the call.
        let status = unsafe { load(&raw mut interface, pool.as_ptr()) };
        let module = Arc::new(Loaded {
            name: name.to_owned(),
            table,
            interface,
            _pool: pool,
            users: AtomicUsize::new(0),
            leaving: AtomicBool::new(false),
        });
        if (status != SUCCESS && status != NOUNLOAD && status != TERM) || interface.is_null() {
            core.say(
                log::CRIT,
                here!(),
                format_args!(
                    "Error Loading module {name}\n**Module load routine returned an error**"
                ),
            );
            // Threads that it started may still look into its pool.
            self.retired.lock().push(module);
            return Err("module load file routine returned an error".to_owned());
        }
        core.say(
            log::CONSOLE,
            here!(),
            format_args!("Successfully Loaded [{name}]"),
        );
        self.loaded
            .lock()
            .insert(name.to_owned(), Arc::clone(&module));
        self.register(core, &module);
        if status == SUCCESS
            && let Some(runtime) = module.table.runtime
        {
            start_runtime(core, &module, runtime);
        }
        Ok(())
    }

    fn register(&self, core: &Arc<Core>, module: &Arc<Loaded>) {
        for (kind, name, description) in interfaces(module) {
            let entry = Entry {
                interface: kind.1,
                module: Arc::clone(module),
            };
            let mut registered = self.registered.lock();
            let (map, word) = registered.of(kind.0);
            map.insert(key(&name), entry);
            drop(registered);
            core.say(
                log::NOTICE,
                here!(),
                format_args!("Adding {} '{name}'", title(word)),
            );
            announce(
                core,
                SWITCH_EVENT_MODULE_LOAD,
                module,
                word,
                &name,
                &description,
            );
        }
    }

    /// Unloads by name; refused while the module is in use unless forced.
    pub(crate) fn unload(&self, core: &Arc<Core>, name: &str, force: bool) -> Result<(), String> {
        let _reloading = self.reloading.lock();
        let Some(module) = self.loaded.lock().get(name).cloned() else {
            return Err("No such module!".to_owned());
        };
        if !force && module.users.load(Ordering::SeqCst) > 0 {
            core.say(
                log::WARNING,
                here!(),
                format_args!("Module {name} is in use, cannot unload."),
            );
            return Err("Module in use.".to_owned());
        }
        self.loaded.lock().remove(name);
        self.shut_down(core, &module);
        Ok(())
    }

    fn shut_down(&self, core: &Arc<Core>, module: &Arc<Loaded>) {
        module.leaving.store(true, Ordering::SeqCst);
        for (kind, name, _) in interfaces(module) {
            let mut registered = self.registered.lock();
            let (map, word) = registered.of(kind.0);
            if map
                .get(&key(&name))
                .is_some_and(|entry| Arc::ptr_eq(&entry.module, module))
            {
                map.remove(&key(&name));
            }
            drop(registered);
            core.say(
                log::NOTICE,
                here!(),
                format_args!("Deleting {} '{name}'", title(word)),
            );
            announce(core, SWITCH_EVENT_MODULE_UNLOAD, module, word, &name, b"");
        }
        core.say(
            log::CONSOLE,
            here!(),
            format_args!("Stopping: {}", module.name),
        );
        if let Some(shutdown) = module.table.shutdown {
            // SAFETY: the module is loaded, and is shut down once.
            unsafe { shutdown() };
        }
        self.retired.lock().push(Arc::clone(module));
    }

    /// Shuts all modules down, when the switch ends.
    pub(crate) fn shut_down_all(&self, core: &Arc<Core>) {
        let modules: Vec<_> = self
            .loaded
            .lock()
            .drain()
            .map(|(_, module)| module)
            .collect();
        for module in modules {
            self.shut_down(core, &module);
        }
    }
}

impl Modules {
    /// Name, description, syntax and module of all of a kind, by name: what a test has put
    /// in its place, what modules have, and what pocket itself has.
    pub(super) fn listed(
        &self,
        kind: switch_module_interface_name_t,
        own: impl Iterator<Item = &'static str>,
        own_module: &str,
        fakes: &[BString],
    ) -> Vec<[BString; 4]> {
        let mut all: BTreeMap<BString, [BString; 4]> = own
            .map(|name| [name, "pocket's own", "", own_module])
            .map(|row| (row[0].into(), row.map(BString::from)))
            .collect();
        let loaded: Vec<_> = self.loaded.lock().values().cloned().collect();
        for module in &loaded {
            for (made, name, description) in interfaces(module) {
                if made.0 == kind {
                    let syntax = syntax(made);
                    let row = [name, description, syntax, module.name.as_str().into()];
                    all.insert(key(&row[0]), row);
                }
            }
        }
        for name in fakes {
            let row = [
                name.clone(),
                "the test's".into(),
                "".into(),
                "pocket".into(),
            ];
            all.insert(name.clone(), row);
        }
        all.into_values().collect()
    }
}

/// How a command or an application is called.
fn syntax((kind, address): (switch_module_interface_name_t, usize)) -> BString {
    // SAFETY: a block of ROOM bytes that a module which is loaded filled as this kind.
    let syntax = unsafe {
        match kind {
            API => (*(address as *const switch_api_interface)).syntax,
            _ => (*(address as *const switch_application_interface)).syntax,
        }
    };
    // SAFETY: the module's own string.
    unsafe { crate::text::borrow(syntax) }
        .unwrap_or_default()
        .to_owned()
}

impl Registered {
    /// Where interfaces of a kind are kept, and what events call the kind.
    fn of(
        &mut self,
        kind: switch_module_interface_name_t,
    ) -> (&mut HashMap<BString, Entry>, &'static str) {
        match kind {
            APPLICATION => (&mut self.applications, "application"),
            API => (&mut self.commands, "api"),
            DIALPLAN => (&mut self.dialplans, "dialplan"),
            JSON => (&mut self.json, "json_api"),
            _ => (&mut self.chats, "chat_application"),
        }
    }
}

fn title(word: &str) -> &'static str {
    match word {
        "application" => "Application",
        "api" => "API Function",
        "dialplan" => "Dialplan",
        "json_api" => "JSON API Function",
        _ => "Chat Application",
    }
}

/// Kind and address, name, description of what a module made.
#[allow(clippy::type_complexity, reason = "a list for two loops beside it")]
fn interfaces(module: &Loaded) -> Vec<((switch_module_interface_name_t, usize), BString, BString)> {
    // SAFETY: the module's own interface, live as the module.
    let Some(interface) = (unsafe { Interface::from_ptr(module.interface) }) else {
        return Vec::new();
    };
    let made = interface.made.lock().clone();
    made.into_iter()
        .filter_map(|(kind, address)| {
            // SAFETY: a block of ROOM bytes that the module filled as this kind.
            let (name, description) = unsafe {
                match kind {
                    APPLICATION => {
                        let interface = address as *const switch_application_interface;
                        ((*interface).interface_name, (*interface).short_desc)
                    }
                    API => {
                        let interface = address as *const switch_api_interface;
                        ((*interface).interface_name, (*interface).desc)
                    }
                    CHAT => {
                        let interface = address as *const switch_chat_application_interface;
                        ((*interface).interface_name, (*interface).short_desc)
                    }
                    DIALPLAN => {
                        let interface = address as *const switch_dialplan_interface;
                        ((*interface).interface_name, std::ptr::null())
                    }
                    JSON => {
                        let interface = address as *const switch_json_api_interface;
                        ((*interface).interface_name, (*interface).desc)
                    }
                    _ => return None,
                }
            };
            // SAFETY: the module's own strings.
            let (name, description) =
                unsafe { (crate::text::borrow(name)?, crate::text::borrow(description)) };
            Some((
                (kind, address),
                name.to_owned(),
                description.unwrap_or_default().to_owned(),
            ))
        })
        .collect()
}

fn announce(
    core: &Core,
    kind: switch_event_types_t,
    module: &Loaded,
    word: &str,
    name: &[u8],
    description: &[u8],
) {
    let mut event = core.events.create(kind, None, here!());
    event.add("type", word);
    event.add("name", name);
    event.add("description", description);
    event.add("key", &module.name);
    event.add("filename", format!("{}.so", module.name));
    core.events.fire(event);
}

fn start_runtime(
    core: &Arc<Core>,
    module: &Arc<Loaded>,
    runtime: unsafe extern "C" fn() -> bindings::switch_status_t,
) {
    let (module, ticket) = (Arc::clone(module), core.clock.reserve());
    let name = module.name.as_bytes().as_bstr().to_string();
    let thread = std::thread::Builder::new()
        .name(name)
        .stack_size(STACK)
        .spawn(move || {
            let _here = ticket.enter();
            let mut status = SUCCESS;
            while status != TERM && !module.leaving.load(Ordering::SeqCst) {
                // SAFETY: the module is loaded: this thread keeps it.
                status = unsafe { runtime() };
            }
        });
    match thread {
        Ok(thread) => core.keep_thread(thread),
        Err(error) => core.say(
            log::CRIT,
            here!(),
            format_args!("cannot start a runtime thread: {error}"),
        ),
    }
}
