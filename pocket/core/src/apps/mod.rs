//! Dialplan applications.

use std::sync::Arc;

use bindings::{
    SAF_NONE as NONE, SAF_ROUTING_EXEC as ROUTING, SAF_SUPPORT_NOMEDIA as NOMEDIA,
    SAF_SUPPORT_TEXT_ONLY as TEXT_ONLY, SAF_ZOMBIE_EXEC as ZOMBIE,
};
use bstr::BStr;

use crate::command::storage;
use crate::module::own::App;
use crate::session::Session;

mod call;
mod later;
mod machine;
mod media;
mod menu;
mod socket;
mod speech;
mod stand_in;
mod user;
mod variables;

const INLINE: u32 = NOMEDIA.0 | ROUTING.0 | ZOMBIE.0;

const fn app(name: &'static str, flags: u32, run: fn(&Arc<Session>, &BStr)) -> App {
    App { name, flags, run }
}

/// Applications of pocket's own.
pub(crate) static APPS: [App; 60] = [
    app("answer", NOMEDIA.0, call::answer),
    app("break", NOMEDIA.0, call::break_),
    app("bridge", NOMEDIA.0, call::bridge),
    app("conference", NONE.0, stand_in::conference),
    app(
        "db",
        NOMEDIA.0 | ROUTING.0 | ZOMBIE.0,
        storage::db_application,
    ),
    app("deflect", NOMEDIA.0, stand_in::deflect),
    app("detect_speech", NONE.0, speech::detect_speech),
    app("early_hangup", NOMEDIA.0 | ROUTING.0, speech::early_hangup),
    app("echo", TEXT_ONLY.0, media::echo),
    app("endless_playback", NONE.0, media::endless_playback),
    app("eval", INLINE, variables::eval),
    app("event", INLINE, variables::event),
    app("execute_extension", NOMEDIA.0, call::execute_extension),
    app("export", INLINE, variables::export),
    app("flush_dtmf", NOMEDIA.0, media::flush_dtmf),
    app("gentones", NONE.0, media::gentones),
    app("hangup", NOMEDIA.0, call::hangup),
    app("hash", NOMEDIA.0 | ZOMBIE.0, storage::hash_application),
    app("info", INLINE, variables::info),
    app("ivr", NONE.0, menu::ivr),
    app("log", INLINE, variables::log),
    app("loop_playback", NONE.0, media::loop_playback),
    app("mkdir", NOMEDIA.0, machine::mkdir),
    app("multiset", INLINE, variables::multiset),
    app("park", NOMEDIA.0, call::park),
    app("phrase", NONE.0, speech::phrase),
    app(
        "play_and_detect_speech",
        NONE.0,
        speech::play_and_detect_speech,
    ),
    app("play_and_get_digits", NONE.0, media::play_and_get_digits),
    app("playback", NONE.0, media::playback),
    app("pre_answer", NOMEDIA.0, call::pre_answer),
    app("privacy", NOMEDIA.0 | ROUTING.0, variables::privacy),
    app("push", INLINE, variables::push),
    app("queue_dtmf", NOMEDIA.0 | ROUTING.0, media::send_dtmf),
    app("read", NONE.0, media::read),
    app("record", NONE.0, speech::record),
    app("record_session", NONE.0, later::record_session),
    app("redirect", NOMEDIA.0, stand_in::redirect),
    app("rename", NOMEDIA.0 | ZOMBIE.0, machine::rename),
    app("respond", NOMEDIA.0, call::respond),
    app("ring_ready", NOMEDIA.0, call::ring_ready),
    app("say", NONE.0, speech::say),
    app(
        "sched_broadcast",
        NOMEDIA.0 | ROUTING.0,
        later::sched_broadcast,
    ),
    app("sched_hangup", NOMEDIA.0 | ROUTING.0, later::sched_hangup),
    app(
        "sched_transfer",
        NOMEDIA.0 | ROUTING.0,
        later::sched_transfer,
    ),
    app("send_dtmf", NOMEDIA.0, media::send_dtmf),
    app("set", INLINE, variables::set),
    app("set_global", INLINE, variables::set_global),
    app("set_user", NOMEDIA.0 | ROUTING.0, user::set_user),
    app("sleep", NOMEDIA.0, media::sleep),
    app("socket", NOMEDIA.0, socket::socket),
    app("speak", NONE.0, speech::speak),
    app("start_dtmf", NOMEDIA.0, variables::eval),
    app("stop_dtmf", NOMEDIA.0, variables::eval),
    app("stop_record_session", NONE.0, later::stop_record_session),
    app("system", NOMEDIA.0 | ROUTING.0 | ZOMBIE.0, machine::system),
    app("transfer", NOMEDIA.0 | ROUTING.0, call::transfer),
    app("unset", INLINE, variables::unset),
    app("unshift", INLINE, variables::unshift),
    app("voicemail", NONE.0, stand_in::voicemail),
    app("wait_for_answer", NOMEDIA.0, call::wait_for_answer),
];
