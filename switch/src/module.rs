//! How the module presents itself to the loader.

use std::ffi::{CStr, c_int};
use std::ptr::NonNull;

use bindings::{
    SWITCH_API_INTERFACE, SWITCH_APPLICATION_INTERFACE, SWITCH_CHAT_APPLICATION_INTERFACE,
    SWITCH_DIALPLAN_INTERFACE, SWITCH_JSON_API_INTERFACE, switch_api_function_t,
    switch_api_interface, switch_application_function_t, switch_application_interface,
    switch_chat_application_function_t, switch_chat_application_interface,
    switch_core_perform_alloc, switch_dialplan_hunt_function_t, switch_dialplan_interface,
    switch_json_api_function_t, switch_json_api_interface, switch_loadable_module_create_interface,
    switch_loadable_module_create_module_interface, switch_loadable_module_interface_t,
    switch_memory_pool_t, switch_module_interface_name_t,
};

/// The module's entry in the core, while it is being filled at load.
///
/// Everything that the core keeps a pointer to lies in the module's pool: the
/// core frees it with the module, and reads it until then.
pub struct Interfaces {
    pool: *mut switch_memory_pool_t,
    module: NonNull<switch_loadable_module_interface_t>,
}

impl Interfaces {
    /// Starts it (`switch_loadable_module_create_module_interface`).
    ///
    /// # Safety
    /// `pool` is the pool that the loader gave for this load, and `out` where it
    /// wants the entry.
    #[must_use]
    pub unsafe fn new(
        pool: *mut switch_memory_pool_t,
        out: *mut *mut switch_loadable_module_interface_t,
        name: &CStr,
    ) -> Option<Self> {
        // SAFETY: the caller vouches for the pool.
        let name = unsafe { kept(pool, name) }?;
        // SAFETY: the caller vouches for the pool, and the name lies in it.
        let module = unsafe { switch_loadable_module_create_module_interface(pool, name.as_ptr()) };
        let module = NonNull::new(module)?;
        // SAFETY: the caller vouches for it.
        unsafe { out.write(module.as_ptr()) };
        Some(Self { pool, module })
    }

    fn create<T>(&mut self, kind: switch_module_interface_name_t) -> Option<NonNull<T>> {
        // SAFETY: the entry is being filled by this thread alone; the core gives
        // a zeroed structure of that kind, linked to it.
        let made = unsafe { switch_loadable_module_create_interface(self.module.as_ptr(), kind) };
        NonNull::new(made.cast())
    }

    fn keep(&self, text: &CStr) -> *const std::ffi::c_char {
        // SAFETY: the pool is the module's. Without memory a name stays NULL,
        // and the core skips an interface without one.
        unsafe { kept(self.pool, text) }.map_or(std::ptr::null(), CStr::as_ptr)
    }

    /// Adds an API command.
    pub fn api(
        &mut self,
        name: &CStr,
        description: &CStr,
        syntax: &CStr,
        function: switch_api_function_t,
    ) {
        if let Some(mut api) = self.create::<switch_api_interface>(SWITCH_API_INTERFACE) {
            // SAFETY: made for us, and read by the core only when load has returned.
            let api = unsafe { api.as_mut() };
            api.interface_name = self.keep(name);
            api.desc = self.keep(description);
            api.syntax = self.keep(syntax);
            api.function = function;
        }
    }

    /// Adds a dialplan application; `flags` are `SAF_` values.
    pub fn application(
        &mut self,
        name: &CStr,
        description: &CStr,
        syntax: &CStr,
        flags: u32,
        function: switch_application_function_t,
    ) {
        let made = self.create::<switch_application_interface>(SWITCH_APPLICATION_INTERFACE);
        if let Some(mut app) = made {
            // SAFETY: as in api().
            let app = unsafe { app.as_mut() };
            app.interface_name = self.keep(name);
            app.short_desc = self.keep(description);
            app.long_desc = app.short_desc;
            app.syntax = self.keep(syntax);
            app.flags = flags;
            app.application_function = function;
        }
    }
}

impl Interfaces {
    /// Adds a chat application.
    pub fn chat_application(
        &mut self,
        name: &CStr,
        description: &CStr,
        syntax: &CStr,
        function: switch_chat_application_function_t,
    ) {
        let made =
            self.create::<switch_chat_application_interface>(SWITCH_CHAT_APPLICATION_INTERFACE);
        if let Some(mut app) = made {
            // SAFETY: as in api().
            let app = unsafe { app.as_mut() };
            app.interface_name = self.keep(name);
            app.short_desc = self.keep(description);
            app.long_desc = app.short_desc;
            app.syntax = self.keep(syntax);
            app.chat_application_function = function;
        }
    }

    /// Adds a dialplan.
    pub fn dialplan(&mut self, name: &CStr, function: switch_dialplan_hunt_function_t) {
        if let Some(mut dialplan) =
            self.create::<switch_dialplan_interface>(SWITCH_DIALPLAN_INTERFACE)
        {
            // SAFETY: as in api().
            let dialplan = unsafe { dialplan.as_mut() };
            dialplan.interface_name = self.keep(name);
            dialplan.hunt_function = function;
        }
    }

    /// Adds a JSON command.
    pub fn json_api(
        &mut self,
        name: &CStr,
        description: &CStr,
        syntax: &CStr,
        function: switch_json_api_function_t,
    ) {
        if let Some(mut api) = self.create::<switch_json_api_interface>(SWITCH_JSON_API_INTERFACE) {
            // SAFETY: as in api().
            let api = unsafe { api.as_mut() };
            api.interface_name = self.keep(name);
            api.desc = self.keep(description);
            api.syntax = self.keep(syntax);
            api.function = function;
        }
    }
}

/// Copies text into a pool.
///
/// # Safety
/// The pool lives for `'p`.
unsafe fn kept<'p>(pool: *mut switch_memory_pool_t, text: &CStr) -> Option<&'p CStr> {
    let bytes = text.to_bytes_with_nul();
    // SAFETY: the caller vouches for the pool; the strings are constants.
    let room = unsafe {
        switch_core_perform_alloc(
            pool,
            bytes.len(),
            c"mod_rust".as_ptr(),
            c"keep".as_ptr(),
            line!() as c_int,
        )
    };
    let room = NonNull::new(room.cast::<u8>())?;
    // SAFETY: the room is as long as the bytes, which end with NUL.
    unsafe {
        room.as_ptr()
            .copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
        Some(CStr::from_ptr(room.as_ptr().cast()))
    }
}
