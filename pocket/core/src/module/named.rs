//! What a test has named: phones, and fakes of commands and applications. They come
//! before all that modules and pocket itself have.

use std::collections::HashMap;
use std::sync::Arc;

use bstr::{BStr, BString, ByteSlice};
use parking_lot::Mutex;

use super::own::{FakeApplication, FakeCommand, Phone};
use crate::text::is_like;

#[derive(Default)]
pub(crate) struct Named {
    /// Addresses and patterns of them, in the order in which they were named.
    phones: Mutex<Vec<(BString, Phone)>>,
    commands: Mutex<HashMap<BString, FakeCommand>>,
    applications: Mutex<HashMap<BString, FakeApplication>>,
}

impl Named {
    /// A phone under an address or a pattern; it takes the place of one of the same name.
    pub(crate) fn phone(&self, address: &BStr, phone: Phone) {
        let mut phones = self.phones.lock();
        phones.retain(|(known, _)| known != address);
        phones.push((address.to_owned(), phone));
    }

    pub(crate) fn command(&self, name: &BStr, fake: FakeCommand) {
        self.commands.lock().insert(super::key(name), fake);
    }

    pub(crate) fn application(&self, name: &BStr, fake: FakeApplication) {
        self.applications.lock().insert(super::key(name), fake);
    }

    /// The phone of an address: one that is named just so, else one that is named without what
    /// follows who is called (`@host`, `%domain`, `;parameters`), else the one whose pattern was
    /// named last.
    pub(crate) fn find_phone(&self, address: &BStr) -> Option<Phone> {
        let phones = self.phones.lock();
        let bare = &address[..address.find_byteset(b"@;%").unwrap_or(address.len())];
        let named = |name: &BStr| {
            phones
                .iter()
                .find(|(known, _)| known.eq_ignore_ascii_case(name))
        };
        let like = |(known, _): &&(BString, Phone)| is_like(known, address) || is_like(known, bare);
        named(address)
            .or_else(|| named(bare))
            .or_else(|| phones.iter().rev().find(like))
            .map(|(_, phone)| Arc::clone(phone))
    }

    pub(crate) fn find_command(&self, name: &[u8]) -> Option<FakeCommand> {
        self.commands.lock().get(&super::key(name)).cloned()
    }

    pub(crate) fn find_application(&self, name: &[u8]) -> Option<(BString, FakeApplication)> {
        let name = super::key(name);
        let fake = self.applications.lock().get(&name).cloned()?;
        Some((name, fake))
    }

    /// Lets all of it go, when the switch ends.
    pub(crate) fn forget(&self) {
        self.phones.lock().clear();
        self.commands.lock().clear();
        self.applications.lock().clear();
    }

    /// Names of fakes: commands, then applications.
    pub(crate) fn fakes(&self) -> [Vec<BString>; 2] {
        [
            self.commands.lock().keys().cloned().collect(),
            self.applications.lock().keys().cloned().collect(),
        ]
    }
}
