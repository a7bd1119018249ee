//! Two legs that hear each other.

use std::ffi::{c_uint, c_void};
use std::sync::Arc;

use bindings::{
    SWITCH_EVENT_CHANNEL_BRIDGE, SWITCH_EVENT_CHANNEL_EXECUTE, SWITCH_EVENT_CHANNEL_UNBRIDGE,
    SWITCH_INPUT_TYPE_DTMF, SWITCH_INPUT_TYPE_EVENT, SWITCH_STACK_PUSH, switch_core_session_t,
    switch_dtmf_t, switch_input_type_t, switch_status_t,
};
use bstr::{BStr, ByteSlice};

use super::answer::wait_for_answer;
use super::transfer::transfer;
use crate::c::*;
use crate::cause;
use crate::clock::FRAME;
use crate::event::Event;
use crate::ivr::failure::handle_failure;
use crate::session::lock::Locked;
use crate::session::{Extension, Role, Session, say};
use crate::text::{is_true, split};
use crate::transcript::Kind;

/// Who is told of a leg's digits and events: a module's function, and what it
/// wants to be given.
#[derive(Clone, Copy)]
pub(crate) struct Listener {
    pub(crate) function: Callback,
    pub(crate) data: usize,
}

type Callback = unsafe extern "C" fn(
    *mut switch_core_session_t,
    *mut c_void,
    switch_input_type_t,
    *mut c_void,
    c_uint,
) -> switch_status_t;

impl Listener {
    fn call(
        &self,
        session: &Arc<Session>,
        input: *mut c_void,
        kind: switch_input_type_t,
    ) -> Status {
        // SAFETY: the module vouched for its function and its data when it asked
        // for the bridge; session and input live over the call.
        unsafe { (self.function)(session.as_ptr(), input, kind, self.data as *mut c_void, 0) }
    }

    fn digit(&self, session: &Arc<Session>, mut digit: switch_dtmf_t) -> Status {
        self.call(session, (&raw mut digit).cast(), SWITCH_INPUT_TYPE_DTMF)
    }

    fn event(&self, session: &Arc<Session>, event: &Event) {
        self.call(session, event.as_ptr().cast(), SWITCH_INPUT_TYPE_EVENT);
    }
}

/// Frames that a leg has heard before its hooks run.
const LEAD_FRAMES: u32 = 10;

/// How long one side waits for the other to be there, in microseconds.
const PATIENCE: i64 = 10_000_000;

/// `switch_ivr_multi_threaded_bridge`: the A leg's thread passes its digits on,
/// the B leg's thread does the same the other way round. The listeners are the A
/// leg's and the B leg's; each is called on its own leg's thread.
pub(crate) fn bridge(a: &Arc<Session>, b: &Locked, listeners: [Option<Listener>; 2]) -> Status {
    let [own, peers] = listeners;
    a.set_flag(CF_BRIDGE_ORIGINATOR, 1);
    b.clear_flag(CF_BRIDGE_ORIGINATOR);
    if b.has(CF_ANSWERED) && !a.has(CF_ANSWERED) {
        a.answer();
    } else if b.has(CF_EARLY_MEDIA) && !a.has(CF_ANSWERED) {
        a.pre_answer();
    }
    let has_media = |leg: &Session| leg.has(CF_ANSWERED) || leg.has(CF_EARLY_MEDIA);
    if !has_media(b) && !b.has(CF_RING_READY) {
        say!(a, WARNING, "Bridge Failed {}->{}", a.name(), b.name());
        b.hangup(cause::NO_ANSWER);
        return FAILURE;
    }
    b.set_state(CS_CONSUME_MEDIA);
    b.set("call_uuid", a.uuid());
    for (leg, other) in [(a, &**b), (&**b, a)] {
        leg.mark_time(|times, now| times.bridged = now);
        for name in ["bridge_to", "last_bridge_to", "bridge_uuid", "signal_bond"] {
            leg.set(name, other.uuid());
        }
        leg.set("bridge_channel", other.name());
        leg.note(
            Kind::Bridged,
            other.name(),
            vec![("uuid", other.uuid().to_owned())],
        );
    }
    let describe = |event: &mut crate::event::Event| {
        event.add("Bridge-A-Unique-ID", a.uuid());
        event.add("Bridge-B-Unique-ID", b.uuid());
    };
    a.fire(SWITCH_EVENT_CHANNEL_BRIDGE, describe);
    if !has_media(b) && (wait_for_answer(Some(a), b) != SUCCESS || !a.ready()) {
        b.hangup(cause::ALLOTTED_TIMEOUT);
        b.set("call_uuid", b.uuid());
        a.fire(SWITCH_EVENT_CHANNEL_UNBRIDGE, describe);
        return FAILURE;
    }
    if b.has(CF_ANSWERED) {
        a.answer();
    }
    // The A leg's variables say what either leg runs when it hears the other.
    for (prefix, leg) in [("aleg", a), ("bleg", &**b)] {
        for part in ["app", "data"] {
            if let Some(value) = a.get(format!("bridge_pre_execute_{prefix}_{part}")) {
                leg.set(format!("bridge_pre_execute_{part}"), value);
            }
        }
    }
    let other = a.uuid().to_owned();
    let run = move |b: &Arc<Session>| run_peer(b, other.as_bstr(), peers);
    *b.role.lock() = Role::Bridged(CS_EXCHANGE_MEDIA, Box::new(run));
    b.set_state(CS_EXCHANGE_MEDIA);
    exchange(a, b, own);
    a.clear_flag(CF_BRIDGE_ORIGINATOR);
    while b.state() == CS_EXCHANGE_MEDIA {
        a.core.clock.sleep(FRAME);
    }
    for (leg, other) in [(a, &**b), (&**b, a)] {
        if other.cause() != cause::NONE {
            leg.set("bridge_hangup_cause", cause::name(other.cause()).to_bytes());
        }
        for name in ["bridge_to", "signal_bond"] {
            leg.unset(name);
        }
    }
    b.set("call_uuid", b.uuid());
    a.fire(SWITCH_EVENT_CHANNEL_UNBRIDGE, describe);
    if !a.has(CF_TRANSFER) && !a.has(CF_REDIRECT) && a.is_up() {
        after(a, b);
    }
    SUCCESS
}

/// `switch_ivr_uuid_bridge`: two legs that did something else until now; the one with
/// media, the first if both have, runs the bridge.
pub(crate) fn join(a: &Arc<Session>, b: &Arc<Session>) -> Status {
    if !a.is_up() || Arc::ptr_eq(a, b) {
        return FAILURE;
    }
    let has_media = |leg: &Session| leg.has(CF_ANSWERED) || leg.has(CF_EARLY_MEDIA);
    let (a, b) = match (has_media(a), has_media(b)) {
        (true, _) => (a, b),
        (false, true) => {
            say!(b, WARNING, "reversing order of channels so this will work!");
            (b, a)
        }
        (false, false) => {
            say!(a, CRIT, "Neither channel is answered, cannot bridge them.");
            return FAILURE;
        }
    };
    for (leg, other) in [(a, b), (b, a)] {
        leg.set("bridge_channel", other.name());
        leg.set("bridge_uuid", other.uuid());
        leg.set("signal_bond", other.uuid());
        leg.no_longer_originated();
        leg.stop_broadcast();
        leg.clear_flag(CF_ORIGINATING);
        let source = format!(
            "{}:{}:uuid_br:{}",
            leg.core.clock.epoch_now() / 1_000_000,
            uuid::Uuid::new_v4(),
            other.uuid()
        );
        leg.add_checked(
            b"transfer_history",
            source.as_bytes(),
            false,
            SWITCH_STACK_PUSH,
        );
        leg.set_checked(b"transfer_source", source.as_bytes(), false);
    }
    let other = b.uuid().to_owned();
    // Set before anything is woken: the legs' threads must not take what they did further.
    a.set_flag(CF_TRANSFER, 1);
    b.set_flag(CF_TRANSFER, 1);
    let run = move |a: &Arc<Session>| run_joined(a, other.as_bstr());
    *a.role.lock() = Role::Bridged(CS_SOFT_EXECUTE, Box::new(run));
    b.set_state(CS_SOFT_EXECUTE);
    a.set_state(CS_SOFT_EXECUTE);
    SUCCESS
}

/// The side that runs the bridge, in `CS_SOFT_EXECUTE`; afterwards its extension goes on.
fn run_joined(a: &Arc<Session>, other: &BStr) {
    let Some(b) = a.core.sessions.locate(other) else {
        a.hangup(cause::DESTINATION_OUT_OF_ORDER);
        return;
    };
    let give_up = a.core.clock.now() + PATIENCE;
    while b.running_state() != CS_SOFT_EXECUTE && b.is_up() && a.is_up() {
        if a.core.clock.now() > give_up {
            a.hangup(cause::DESTINATION_OUT_OF_ORDER);
            b.hangup(cause::DESTINATION_OUT_OF_ORDER);
            return;
        }
        a.core.clock.sleep(FRAME);
    }
    if !a.ready() || !b.is_up() {
        let left = if b.is_up() { &b } else { a };
        left.hangup(cause::DESTINATION_OUT_OF_ORDER);
        return;
    }
    for (leg, other) in [(a, &*b), (&*b, a)] {
        leg.fire(SWITCH_EVENT_CHANNEL_EXECUTE, |event| {
            event.add("Application", "uuid_bridge");
            event.add("Application-Data", other.uuid());
        });
    }
    bridge(a, &b, [None, None]);
    let goes_elsewhere = a.has(CF_TRANSFER) || a.has(CF_REDIRECT);
    if !goes_elsewhere && a.is_up() && ![CS_ROUTING, CS_PARK].contains(&a.state()) {
        a.set_state(CS_EXECUTE);
    }
}

/// What the A leg does when it is alone again.
fn after(a: &Arc<Session>, b: &Session) {
    let cause = match b.cause() {
        cause::NONE => cause::NORMAL_CLEARING,
        cause => cause,
    };
    let hangs_up = a.get("hangup_after_bridge").unwrap_or_default();
    let answered = b.has(CF_ANSWERED);
    if !answered {
        handle_failure(a, cause);
    }
    if hangs_up.eq_ignore_ascii_case(b"explicit") {
        a.hangup(cause);
    }
    if !a.is_up() || a.has(CF_TRANSFER) {
        return;
    }
    let target = || {
        let own = answered.then(|| a.get("transfer_after_bridge")).flatten();
        own.or_else(|| a.get("transfer_after_early_bridge"))
    };
    if (answered && a.is_true("park_after_bridge")) || a.is_true("park_after_early_bridge") {
        park_session(a);
    } else if let Some(target) = target() {
        transfer_after(a, target.as_bstr());
    } else if answered && is_true(&hangs_up) {
        a.hangup(cause);
    }
}

/// `extension:dialplan:context`, once.
fn transfer_after(session: &Arc<Session>, target: &BStr) {
    session.unset("transfer_after_bridge");
    let parts = split(target, b':', 4);
    let part = |at: usize| parts.get(at).map_or(BStr::new(""), |part| part.as_bstr());
    transfer(session, part(0), part(1), part(2));
}

/// `switch_ivr_park_session`: the leg's own thread parks it.
fn park_session(session: &Arc<Session>) {
    session.set_flag(CF_TRANSFER, 1);
    session.set_state(CS_PARK);
}

/// The B leg's side, in `CS_EXCHANGE_MEDIA`.
fn run_peer(b: &Arc<Session>, other: &BStr, listener: Option<Listener>) {
    match b.core.sessions.force_locate(other) {
        Some(a) => exchange(b, &a, listener),
        None => b.hangup(cause::DESTINATION_OUT_OF_ORDER),
    }
    if b.has(CF_TRANSFER) || b.has(CF_REDIRECT) || b.state() != CS_EXCHANGE_MEDIA {
        return;
    }
    if b.is_true("park_after_bridge") {
        park_session(b);
    } else if let Some(target) = b.get("transfer_after_bridge") {
        transfer_after(b, target.as_bstr());
    } else if b.has(CF_ANSWERED) {
        b.hangup(cause::NORMAL_CLEARING);
    } else if !b.run_on("execute_on_orphaned_bleg", "api_on_orphaned_bleg") {
        b.hangup(cause::ORIGINATOR_CANCEL);
    }
    if b.state() == CS_EXCHANGE_MEDIA {
        b.set("park_timeout", "3");
        b.set_state(CS_PARK);
    }
}

/// One direction of a bridge; ends when either leg leaves it.
fn exchange(own: &Arc<Session>, other: &Arc<Session>, listener: Option<Listener>) {
    own.set_flag(CF_BRIDGED, 1);
    let give_up = own.core.clock.now() + PATIENCE;
    // Who has begun the bridge may have left it before the other side came.
    let lasts = || own.has(CF_BRIDGE_ORIGINATOR) || other.has(CF_BRIDGE_ORIGINATOR);
    while !other.has(CF_BRIDGED)
        && lasts()
        && own.ready()
        && other.is_up()
        && own.core.clock.now() < give_up
    {
        own.core.clock.sleep(FRAME);
    }
    let filters = own.is_true("bridge_filter_dtmf");
    let ends = own
        .get("bridge_terminate_key")
        .filter(|_| listener.is_none())
        .unwrap_or_default();
    let mut frames = 0;
    'bridge: while own.ready()
        && other.is_up()
        && other.has(CF_BRIDGED)
        && !own.has(CF_TRANSFER)
        && !other.has(CF_TRANSFER)
    {
        own.parse_all_events();
        while let Some(digit) = own.take_digit() {
            if ends.contains(&digit.digit.cast_unsigned()) {
                say!(own, DEBUG, "{} ended call via DTMF", own.name());
                break 'bridge;
            }
            match listener.map_or(SUCCESS, |listener| listener.digit(own, digit)) {
                IGNORE => {}
                SUCCESS if filters => {}
                SUCCESS => {
                    other.send_digit(digit);
                    other.kick();
                }
                _ => {
                    say!(own, DEBUG, "{} ended call via DTMF", own.name());
                    break 'bridge;
                }
            }
        }
        if let Some(event) = own.take_diverted()
            && let Some(listener) = listener
        {
            listener.event(own, &event);
        }
        if !own.has(CF_ANSWERED) && own.has(CF_BRIDGE_ORIGINATOR) && other.has(CF_ANSWERED) {
            own.take_callee_id(other);
            own.answer();
        }
        if own.read_frame() != SUCCESS {
            break;
        }
        frames += 1;
        if frames == LEAD_FRAMES {
            begin_hooks(own);
        }
    }
    end_hooks(own);
    own.clear_flag(CF_BRIDGED);
    other.kick();
}

/// What a leg runs when it hears the other.
fn begin_hooks(own: &Arc<Session>) {
    own.run_on("execute_on_pre_bridge", "api_before_bridge");
    if let Some(name) = own.get("bridge_pre_execute_app") {
        let data = own.get("bridge_pre_execute_data");
        let data = data.as_ref().map(|data| data.as_bstr());
        own.queue_private_event(own.command_event(name.as_bstr(), data));
    }
}

/// What it runs when it hears the other no longer; an application that it goes on
/// with takes the place of what is left of its extension.
fn end_hooks(own: &Arc<Session>) {
    own.run_on("execute_on_post_bridge", "api_after_bridge");
    if !own.is_up() || own.has(CF_REDIRECT) {
        return;
    }
    let Some(name) = own.get("exec_after_bridge_app") else {
        return;
    };
    let data = own.get("exec_after_bridge_arg").unwrap_or_default();
    let mut extension = Extension::default();
    extension.add(own, name.as_bstr(), data.as_bstr());
    *own.extension.lock() = Some(extension);
    if own.state() == CS_EXECUTE {
        own.set_flag(CF_RESET, 1);
    } else {
        own.set_state(CS_EXECUTE);
    }
}
