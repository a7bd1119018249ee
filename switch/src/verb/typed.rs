//! Digits that were pressed and that no verb has read.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::event::shared::Event;
use crate::media::input::{Dtmf, Input, InputAction};
use crate::session::Session;

/// How many are kept for the next verb that reads some.
const MOST: usize = 128;

/// Digits that were pressed and that no verb has read. As an [`Input`] it keeps them.
#[derive(Default)]
pub struct Typed(Mutex<VecDeque<Dtmf>>);

impl Typed {
    /// Takes digits for a verb that wants `max`, or one of `terminators`.
    #[must_use]
    pub fn take(&self, max: usize, terminators: &[u8]) -> Vec<u8> {
        let mut typed = self.0.lock();
        let mut taken = Vec::new();
        while taken.len() < max {
            let Some(dtmf) = typed.pop_front() else { break };
            taken.push(dtmf.digit);
            if terminators.contains(&dtmf.digit) {
                break;
            }
        }
        taken
    }

    /// Gives back what was taken, before the others.
    pub fn put_back(&self, digits: &[u8]) {
        let mut typed = self.0.lock();
        for &digit in digits.iter().rev() {
            typed.push_front(Dtmf::of(digit));
        }
        typed.truncate(MOST);
    }

    /// Takes the first digit, if it is one of these.
    #[must_use]
    pub fn take_first(&self, digits: &[u8]) -> Option<u8> {
        let mut typed = self.0.lock();
        let first = typed.front()?.digit;
        if !digits.contains(&first) {
            return None;
        }
        typed.pop_front();
        Some(first)
    }

    /// Takes all.
    #[must_use]
    pub fn take_all(&self) -> Vec<Dtmf> {
        self.0.lock().drain(..).collect()
    }

    /// Forgets them.
    pub fn clear(&self) {
        self.0.lock().clear();
    }
}

impl Input for Typed {
    fn digit(&self, _: Session<'_>, dtmf: Dtmf) -> InputAction {
        let mut typed = self.0.lock();
        if typed.len() >= MOST {
            typed.pop_front();
        }
        typed.push_back(dtmf);
        InputAction::GoOn
    }

    fn event(&self, _: Session<'_>, _: &Arc<Event>) -> InputAction {
        InputAction::GoOn
    }
}

/// Keeps digits for later, and ends what plays at one of these.
pub(super) struct DigitFilter<'a> {
    pub(super) typed: &'a Typed,
    pub(super) terminators: &'a [u8],
    /// The digit that has ended it.
    pub(super) ended: Cell<Option<u8>>,
}

impl Input for DigitFilter<'_> {
    fn digit(&self, session: Session<'_>, dtmf: Dtmf) -> InputAction {
        if self.terminators.contains(&dtmf.digit) {
            self.ended.set(Some(dtmf.digit));
            return InputAction::Stop;
        }
        self.typed.digit(session, dtmf)
    }

    fn event(&self, _: Session<'_>, _: &Arc<Event>) -> InputAction {
        InputAction::GoOn
    }
}
