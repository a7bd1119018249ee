//! Menus: keys that do things, in menus that lie beneath each other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

use bindings::{
    SWITCH_EVENT_CUSTOM, SWITCH_IVR_ACTION_BACK as BACK, SWITCH_IVR_ACTION_DIE as DIE,
    SWITCH_IVR_ACTION_EXECAPP as EXECAPP, SWITCH_IVR_ACTION_EXECMENU as EXECMENU,
    SWITCH_IVR_ACTION_NOOP as NOOP, SWITCH_IVR_ACTION_PLAYSOUND as PLAYSOUND,
    SWITCH_IVR_ACTION_TOMAIN as TOMAIN, switch_dtmf_t, switch_ivr_action_t,
};
use bstr::{BStr, BString, ByteSlice};
use parking_lot::Mutex;

use super::input::Input;
use super::read::{Reading, collect_count};
use super::{play, speak};
use crate::c::*;
use crate::pattern::{matches, substitute};
use crate::place::here;
use crate::session::{Session, say};

/// Menus in each other, at most.
const DEEPEST: u32 = 12;

/// What configurations call the actions.
const ACTIONS: [(&str, switch_ivr_action_t); 6] = [
    ("menu-exit", DIE),
    ("menu-sub", EXECMENU),
    ("menu-exec-app", EXECAPP),
    ("menu-play-sound", PLAYSOUND),
    ("menu-back", BACK),
    ("menu-top", TOMAIN),
];

pub(crate) fn action(name: &BStr) -> Option<switch_ivr_action_t> {
    ACTIONS
        .iter()
        .find(|(known, _)| name.eq_ignore_ascii_case(known.as_bytes()))
        .map(|(_, action)| *action)
}

/// What a menu sounds like, and how long it waits. Empty texts are none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Look {
    pub(crate) name: BString,
    pub(crate) greeting: BString,
    pub(crate) short_greeting: BString,
    pub(crate) invalid: BString,
    pub(crate) exit: BString,
    pub(crate) transfer: BString,
    pub(crate) confirm_macro: BString,
    pub(crate) confirm_key: BString,
    pub(crate) engine: BString,
    pub(crate) voice: BString,
    pub(crate) confirm_attempts: u32,
    /// Milliseconds: between digits, and for the first.
    pub(crate) between: u32,
    pub(crate) timeout: u32,
    pub(crate) digits: usize,
    pub(crate) failures: u32,
    pub(crate) timeouts: u32,
}

struct Bound {
    keys: BString,
    action: switch_ivr_action_t,
    argument: BString,
}

/// A menu. What C holds is its address, and its pool keeps it.
pub(crate) struct Menu {
    look: Look,
    /// The most digits it takes; longer keys make it take more.
    digits: AtomicUsize,
    bound: Mutex<Vec<Arc<Bound>>>,
    /// Of a topmost menu: those beneath it, and what they share.
    beneath: Mutex<Vec<usize>>,
    depth: AtomicU32,
    to_top: AtomicBool,
}

/// Digits into a buffer; the first ends what plays.
struct Buffer<'a>(&'a mut Vec<u8>);

impl Input for Buffer<'_> {
    fn takes_digits(&self) -> bool {
        true
    }

    fn digit(&mut self, _: &Arc<Session>, digit: switch_dtmf_t) -> Status {
        self.0.clear();
        self.0.push(digit.digit.cast_unsigned());
        BREAK
    }
}

/// Ends what plays at a digit, and leaves the digit for the next reader.
struct Impatient;

impl Input for Impatient {
    fn takes_digits(&self) -> bool {
        false
    }

    fn digit(&mut self, _: &Arc<Session>, _: switch_dtmf_t) -> Status {
        BREAK
    }
}

impl Menu {
    /// The numbers that are 0 or less become what the core makes of them.
    pub(crate) fn new(look: Look) -> Self {
        let or = |value: u32, default: u32| if value == 0 { default } else { value };
        Self {
            digits: AtomicUsize::new(look.digits),
            look: Look {
                confirm_attempts: or(look.confirm_attempts, 3),
                between: or(look.between, look.timeout / 2),
                failures: or(look.failures, 3),
                timeouts: or(look.timeouts, 3),
                timeout: or(look.timeout, 10_000),
                ..look
            },
            bound: Mutex::default(),
            beneath: Mutex::default(),
            depth: AtomicU32::new(0),
            to_top: AtomicBool::new(false),
        }
    }

    pub(crate) fn is_called(&self, name: &BStr) -> bool {
        self.look.name.eq_ignore_ascii_case(name)
    }

    /// Another menu that can be gone to from here.
    pub(crate) fn adopt(&self, other: *mut Self) {
        self.beneath.lock().push(other as usize);
    }

    pub(crate) fn bind(&self, keys: &BStr, action: switch_ivr_action_t, argument: &BStr) {
        if keys.first() != Some(&b'/') {
            self.digits.fetch_max(keys.len(), Ordering::SeqCst);
        }
        self.bound.lock().push(Arc::new(Bound {
            keys: keys.to_owned(),
            action,
            argument: argument.to_owned(),
        }));
    }

    /// The menu of that name, of this one and those beneath it.
    ///
    /// # Safety
    /// The menus beneath are live.
    unsafe fn find(&self, name: &BStr) -> Option<&Self> {
        let is = |menu: &Self| menu.look.name.eq_ignore_ascii_case(name);
        if is(self) {
            return Some(self);
        }
        self.beneath.lock().iter().find_map(|address| {
            // SAFETY: the caller's.
            let menu = unsafe { &*(*address as *const Self) };
            is(menu).then_some(menu)
        })
    }

    /// `switch_ivr_menu_execute`: leads the leg through the menu of that name.
    ///
    /// # Safety
    /// `self` is a topmost menu whose menus beneath are live.
    pub(crate) unsafe fn execute(&self, session: &Arc<Session>, name: &BStr) -> Status {
        let depth = self.depth.fetch_add(1, Ordering::SeqCst) + 1;
        let status = if depth > DEEPEST {
            say!(session, ERROR, "Too many levels of recursion.");
            FAILURE
        // SAFETY: the caller's.
        } else if let Some(menu) = unsafe { self.find(name) } {
            menu.tell(session, "menu::enter");
            // SAFETY: the caller's.
            let mut status = unsafe { menu.lead(session, self) };
            if depth == 1 && !menu.look.exit.is_empty() {
                status = menu.play(session, &menu.look.exit);
            }
            menu.tell(session, "menu::exit");
            status
        } else {
            say!(session, ERROR, "Invalid Menu!");
            FAILURE
        };
        self.depth.fetch_sub(1, Ordering::SeqCst);
        status
    }

    fn tell(&self, session: &Session, subclass: &str) {
        let mut event =
            session
                .core
                .events
                .create(SWITCH_EVENT_CUSTOM, Some(subclass.as_bytes()), here!());
        session.describe(&mut event);
        event.add("Menu-Name", &self.look.name);
        session.core.events.fire(event);
    }

    /// # Safety
    /// As for [`Menu::execute`], of `top`.
    unsafe fn lead(&self, session: &Arc<Session>, top: &Self) -> Status {
        let look = &self.look;
        self.set_voice(session);
        say!(session, DEBUG, "Executing IVR menu {}", look.name);
        session.set("ivr_menu_status", "success");
        let (mut failures, mut timeouts, mut round) = (0, 0, 0);
        let (mut status, mut running) = (SUCCESS, true);
        while running && status == SUCCESS && session.ready() {
            if failures == look.failures {
                session.set("ivr_menu_status", "failure");
                break;
            }
            if timeouts == look.timeouts {
                session.set("ivr_menu_status", "timeout");
                break;
            }
            let greeting = if round > 0 && !look.short_greeting.is_empty() {
                &look.short_greeting
            } else {
                &look.greeting
            };
            round += 1;
            let (ended, digits) = self.ask(session, greeting);
            if digits.is_empty() {
                if ended == TIMEOUT {
                    timeouts += 1;
                } else {
                    say!(session, DEBUG, "IVR menu '{}' no input detected", look.name);
                    failures += 1;
                }
                continue;
            }
            let mut matched = false;
            let bound = self.bound.lock().clone();
            for bound in &bound {
                let Some(argument) = bound.argument_for(digits.as_bstr()) else {
                    continue;
                };
                self.set_voice(session);
                matched = true;
                failures = 0;
                say!(
                    session,
                    DEBUG,
                    "IVR action on menu '{}' matched '{digits}' param '{argument}'",
                    look.name
                );
                match bound.action {
                    BACK => running = false,
                    TOMAIN => top.to_top.store(true, Ordering::SeqCst),
                    EXECMENU if argument != look.name => round = 0,
                    _ => {}
                }
                // SAFETY: the caller's.
                status = unsafe { self.act(session, top, bound.action, argument.as_bstr()) };
            }
            if std::ptr::eq(self, top) && top.to_top.swap(false, Ordering::SeqCst) {
                (status, running) = (SUCCESS, true);
                continue;
            }
            if !matched {
                say!(
                    session,
                    DEBUG,
                    "IVR menu '{}' caught invalid input '{digits}'",
                    look.name
                );
                self.play(session, &look.invalid);
                failures += 1;
                if status == BREAK {
                    status = SUCCESS;
                }
            }
        }
        status
    }

    /// # Safety
    /// As for [`Menu::execute`], of `top`.
    unsafe fn act(
        &self,
        session: &Arc<Session>,
        top: &Self,
        action: switch_ivr_action_t,
        argument: &BStr,
    ) -> Status {
        match action {
            DIE => FAILURE,
            PLAYSOUND => play::play_file(session, None, argument, None),
            EXECMENU if argument == self.look.name => SUCCESS,
            EXECMENU => {
                self.tell(session, "menu::exit");
                // SAFETY: the caller's.
                let status = unsafe { top.execute(session, argument) };
                self.tell(session, "menu::enter");
                status
            }
            EXECAPP => {
                let (name, data) = crate::text::cut(argument, b' ');
                let Some(application) = session.core.modules.application(name) else {
                    return FAILURE;
                };
                if name == "transfer" {
                    self.play(session, &self.look.transfer);
                }
                session.run(&application, argument.contains(&b' ').then_some(data));
                SUCCESS
            }
            TOMAIN => BREAK,
            BACK | NOOP => SUCCESS,
            _ => {
                say!(session, WARNING, "Invalid TODO!");
                SUCCESS
            }
        }
    }

    fn set_voice(&self, session: &Session) {
        if !self.look.engine.is_empty() && !self.look.voice.is_empty() {
            session.set("tts_engine", &self.look.engine);
            session.set("tts_voice", &self.look.voice);
        }
    }

    /// Plays a sound, until a digit that is left to be taken.
    fn play(&self, session: &Arc<Session>, sound: &BString) -> Status {
        if sound.is_empty() {
            return FAILURE;
        }
        let sound = session.expand(sound);
        play::play_file(session, None, sound.as_bstr(), Some(&mut Impatient))
    }

    /// Plays a sound and collects digits, which the caller may have to confirm.
    /// Without a sound nothing is asked, as in the core.
    fn ask(&self, session: &Arc<Session>, sound: &BString) -> (Status, BString) {
        let mut digits = Vec::new();
        if sound.is_empty() {
            return (FAILURE, digits.into());
        }
        let sound = session.expand(sound);
        let terminators = self.terminators(session);
        let most = self.digits.load(Ordering::SeqCst);
        let mut status = play::play_file(
            session,
            None,
            sound.as_bstr(),
            Some(&mut Buffer(&mut digits)),
        );
        if digits.len() < most {
            let mut rest = Vec::new();
            let reading = Reading {
                max: most - digits.len(),
                timeout: if digits.is_empty() {
                    self.look.timeout
                } else {
                    self.look.between
                },
                digit_timeout: self.look.between,
                terminators: terminators.as_bstr(),
                ..Reading::default()
            };
            (status, _) = collect_count(session, &mut rest, &reading, self.look.timeout);
            digits.append(&mut rest);
        }
        if !self.look.confirm_macro.is_empty()
            && status == SUCCESS
            && !digits.is_empty()
            && !self.confirm(session, digits.as_bstr())
        {
            digits.clear();
        }
        (status, digits.into())
    }

    fn terminators(&self, session: &Session) -> BString {
        session
            .get("ivr_menu_terminator")
            .filter(|own| !own.is_empty())
            .unwrap_or_else(|| "#".into())
    }

    /// Says the digits by the macro until the key is pressed. Without a key the
    /// macro is said as often as there are attempts, and the digits are refused.
    fn confirm(&self, session: &Arc<Session>, digits: &BStr) -> bool {
        let look = &self.look;
        let name = look.confirm_macro.as_bstr();
        for _ in 0..look.confirm_attempts {
            if look.confirm_key.is_empty() {
                speak::phrase(session, name, digits, BStr::new(""), None);
                continue;
            }
            let mut pressed = Vec::new();
            let mut buffer = Buffer(&mut pressed);
            speak::phrase(session, name, digits, BStr::new(""), Some(&mut buffer));
            if pressed.is_empty() {
                let terminators = self.terminators(session);
                let reading = Reading {
                    max: 1,
                    timeout: look.timeout,
                    terminators: terminators.as_bstr(),
                    ..Reading::default()
                };
                collect_count(session, &mut pressed, &reading, 0);
            }
            if let Some(first) = pressed.first() {
                return look.confirm_key.first() == Some(first);
            }
        }
        false
    }
}

impl Bound {
    /// The argument when those digits are its keys: exactly, or by an expression in
    /// slashes, whose groups the argument can name.
    fn argument_for(&self, digits: &BStr) -> Option<BString> {
        if self.keys.first() == Some(&b'/') {
            let found = matches(digits, self.keys.as_bstr())?;
            return Some(substitute(self.argument.as_bstr(), &found));
        }
        (self.keys == digits).then(|| self.argument.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_exact_or_expressions() {
        let bound = |keys: &str, argument: &str| Bound {
            keys: keys.into(),
            action: EXECAPP,
            argument: argument.into(),
        };
        let exact = bound("1", "playback a.wav");
        assert_eq!(
            exact.argument_for("1".into()),
            Some("playback a.wav".into())
        );
        assert_eq!(exact.argument_for("11".into()), None);
        let expression = bound("/^(10[0-9]{2})$/", "transfer $1 XML default");
        assert_eq!(
            expression.argument_for("1004".into()),
            Some("transfer 1004 XML default".into())
        );
        assert_eq!(expression.argument_for("2004".into()), None);
    }

    #[test]
    fn actions_have_the_names_of_configurations() {
        assert_eq!(action("menu-SUB".into()), Some(EXECMENU));
        assert_eq!(action("menu-nonsense".into()), None);
    }

    #[test]
    fn longer_keys_make_a_menu_take_more_digits() {
        let menu = Menu::new(Look::default());
        menu.bind("123".into(), EXECAPP, "".into());
        menu.bind("/^[0-9]{9}$/".into(), EXECAPP, "".into());
        assert_eq!(menu.digits.load(Ordering::SeqCst), 3);
        assert_eq!((menu.look.failures, menu.look.timeout), (3, 10_000));
    }
}
