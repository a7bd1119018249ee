//! Data of other layers that are kept with something, one of each type.

use std::any::{Any, TypeId};
use std::collections::HashMap;

use parking_lot::{MappedMutexGuard, Mutex, MutexGuard};

#[derive(Default)]
pub(crate) struct Attached(Mutex<HashMap<TypeId, Box<dyn Any + Send>>>);

impl Attached {
    /// What is kept of that type, made when there is none. One at a time: nothing else
    /// that is attached can be had while it is held.
    pub(crate) fn get<T: Any + Default + Send>(&self) -> MappedMutexGuard<'_, T> {
        MutexGuard::map(self.0.lock(), |all| {
            let slot = all
                .entry(TypeId::of::<T>())
                .or_insert_with(|| Box::<T>::default());
            slot.downcast_mut().expect("the key is its type")
        })
    }
}
