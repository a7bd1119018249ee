//! Global variables.

use bindings::SWITCH_EVENT_CHANNEL_DATA;
use bstr::BString;
use parking_lot::Mutex;

use crate::event::Event;

/// The variables of a switch; their names are found in any case.
pub(crate) struct Globals(Mutex<Event>);

impl Globals {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Event::plain(SWITCH_EVENT_CHANNEL_DATA)))
    }

    pub(crate) fn get(&self, name: &[u8]) -> Option<BString> {
        self.0.lock().get(name).map(ToOwned::to_owned)
    }

    /// Sets, or with an empty value removes.
    pub(crate) fn set(&self, name: &[u8], value: &[u8]) {
        let mut variables = self.0.lock();
        variables.remove(name, None);
        if !value.is_empty() {
            variables.add(name, value);
        }
    }

    /// The values of those whose names begin so, in any case.
    pub(crate) fn beginning_with(&self, prefix: &str) -> Vec<BString> {
        self.0.lock().beginning_with(prefix)
    }

    pub(crate) fn all(&self) -> Vec<(BString, BString)> {
        self.0
            .lock()
            .headers()
            .map(|(name, value, _)| (name.to_owned(), value.to_owned()))
            .collect()
    }
}
