//! Two legs that hear each other.

use std::sync::Arc;

use bindings::{SWITCH_EVENT_CHANNEL_BRIDGE, SWITCH_EVENT_CHANNEL_UNBRIDGE};
use bstr::BString;

use crate::c::*;
use crate::cause;
use crate::clock::FRAME;
use crate::session::lock::Locked;
use crate::session::{Role, Session, say};
use crate::transcript::Kind;

/// What the B leg's thread needs to know.
pub(crate) struct BridgeLeg {
    pub(crate) other: BString,
}

/// How long one side waits for the other to be there, in microseconds.
const PATIENCE: i64 = 10_000_000;

/// `switch_ivr_multi_threaded_bridge`: the A leg's thread passes its digits on,
/// the B leg's thread does the same the other way round.
pub(crate) fn bridge(a: &Arc<Session>, b: &Locked) -> Status {
    a.set_flag(CF_BRIDGE_ORIGINATOR, 1);
    b.clear_flag(CF_BRIDGE_ORIGINATOR);
    if b.has(CF_ANSWERED) && !a.has(CF_ANSWERED) {
        a.answer();
    } else if b.has(CF_EARLY_MEDIA) && !a.has(CF_ANSWERED) {
        a.pre_answer();
    }
    if !b.has(CF_ANSWERED) && !b.has(CF_EARLY_MEDIA) {
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
    *b.role.lock() = Role::Bridged(BridgeLeg {
        other: a.uuid().to_owned(),
    });
    b.set_state(CS_EXCHANGE_MEDIA);
    exchange(a, b);
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
    a.fire(SWITCH_EVENT_CHANNEL_UNBRIDGE, describe);
    if !a.has(CF_TRANSFER) && a.is_up() && a.is_true("hangup_after_bridge") && b.has(CF_ANSWERED) {
        let cause = b.cause();
        a.hangup(if cause == cause::NONE {
            cause::NORMAL_CLEARING
        } else {
            cause
        });
    }
    SUCCESS
}

/// The B leg's side, in CS_EXCHANGE_MEDIA.
pub(crate) fn run_peer(b: &Arc<Session>, leg: &BridgeLeg) {
    match b.core.sessions.force_locate(&leg.other) {
        Some(a) => exchange(b, &a),
        None => b.hangup(cause::DESTINATION_OUT_OF_ORDER),
    }
    if !b.has(CF_TRANSFER) && !b.has(CF_REDIRECT) && b.state() == CS_EXCHANGE_MEDIA {
        b.hangup(if b.has(CF_ANSWERED) {
            cause::NORMAL_CLEARING
        } else {
            cause::ORIGINATOR_CANCEL
        });
    }
}

/// One direction of a bridge; ends when either leg leaves it.
fn exchange(own: &Arc<Session>, other: &Arc<Session>) {
    own.set_flag(CF_BRIDGED, 1);
    let give_up = own.core.clock.now() + PATIENCE;
    while !other.has(CF_BRIDGED) && own.ready() && other.is_up() && own.core.clock.now() < give_up {
        own.core.clock.sleep(FRAME);
    }
    while own.ready()
        && other.is_up()
        && other.has(CF_BRIDGED)
        && !own.has(CF_TRANSFER)
        && !other.has(CF_TRANSFER)
    {
        own.parse_all_events();
        while let Some(digit) = own.take_digit() {
            other.send_digit(digit);
            other.kick();
        }
        if !own.has(CF_ANSWERED) && own.has(CF_BRIDGE_ORIGINATOR) && other.has(CF_ANSWERED) {
            own.answer();
        }
        if own.read_frame() != SUCCESS {
            break;
        }
    }
    own.clear_flag(CF_BRIDGED);
    other.kick();
}
