//! Events for clients, in the formats that they ask for.

use bstr::BString;
use parking_lot::Mutex;

use crate::event::{Event, serial};
use crate::xml::write;

/// An event that was fired. Nobody changes it any more.
pub struct Fired(Mutex<Event>);

impl Fired {
    /// The name of its kind.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.0.lock().name().to_str().unwrap_or_default()
    }

    /// Its subclass, which CUSTOM ones have.
    #[must_use]
    pub fn subclass(&self) -> Option<BString> {
        self.0.lock().subclass().map(ToOwned::to_owned)
    }

    /// A header's value, by any case of its name; `_body` is the body.
    #[must_use]
    pub fn get(&self, name: &[u8]) -> Option<BString> {
        let event = self.0.lock();
        let value = match event.get(name) {
            None if name == b"_body" => event.body(),
            value => value,
        };
        value.map(ToOwned::to_owned)
    }

    /// As lines, values percent-encoded.
    #[must_use]
    pub fn plain(&self) -> BString {
        serial::lines(&self.0.lock(), true)
    }

    /// As an object of JSON.
    #[must_use]
    pub fn json(&self) -> BString {
        serial::json(&self.0.lock())
    }

    /// As XML.
    #[must_use]
    pub fn xml(&self) -> BString {
        let tree = serial::xml(&self.0.lock(), None);
        // SAFETY: the tree was made here, and lives.
        unsafe { write::write(tree.as_ptr(), false, true) }
    }
}

impl From<Event> for Fired {
    fn from(event: Event) -> Self {
        Self(Mutex::new(event))
    }
}
