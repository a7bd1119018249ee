//! Dialplan applications.

use std::sync::Arc;

use bindings::{
    SAF_NONE as NONE, SAF_ROUTING_EXEC as ROUTING, SAF_SUPPORT_NOMEDIA as NOMEDIA,
    SAF_SUPPORT_TEXT_ONLY as TEXT_ONLY, SAF_ZOMBIE_EXEC as ZOMBIE,
};
use bstr::BStr;

use crate::module::own::App;
use crate::session::Session;

mod call;
mod media;
mod speech;
mod variables;

const INLINE: u32 = NOMEDIA.0 | ROUTING.0 | ZOMBIE.0;

const fn app(name: &'static str, flags: u32, run: fn(&Arc<Session>, &BStr)) -> App {
    App { name, flags, run }
}

/// Applications of pocket's own.
pub(crate) static APPS: [App; 40] = [
    app("answer", NOMEDIA.0, call::answer),
    app("break", NOMEDIA.0, call::break_),
    app("bridge", NOMEDIA.0, call::bridge),
    app("detect_speech", NONE.0, speech::detect_speech),
    app("early_hangup", NOMEDIA.0 | ROUTING.0, speech::early_hangup),
    app("echo", TEXT_ONLY.0, media::echo),
    app("endless_playback", NONE.0, media::endless_playback),
    app("eval", INLINE, variables::eval),
    app("event", INLINE, variables::event),
    app("execute_extension", NOMEDIA.0, call::execute_extension),
    app("export", INLINE, variables::export),
    app("flush_dtmf", NOMEDIA.0, media::flush_dtmf),
    app("hangup", NOMEDIA.0, call::hangup),
    app("info", INLINE, variables::info),
    app("log", INLINE, variables::log),
    app("loop_playback", NONE.0, media::loop_playback),
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
    app("queue_dtmf", NOMEDIA.0 | ROUTING.0, media::send_dtmf),
    app("read", NONE.0, media::read),
    app("record", NONE.0, speech::record),
    app("respond", NOMEDIA.0, call::respond),
    app("ring_ready", NOMEDIA.0, call::ring_ready),
    app("say", NONE.0, speech::say),
    app("sched_hangup", NOMEDIA.0 | ROUTING.0, call::sched_hangup),
    app("send_dtmf", NOMEDIA.0, media::send_dtmf),
    app("set", INLINE, variables::set),
    app("set_global", INLINE, variables::set_global),
    app("sleep", NOMEDIA.0, media::sleep),
    app("speak", NONE.0, speech::speak),
    app("start_dtmf", NOMEDIA.0, variables::eval),
    app("stop_dtmf", NOMEDIA.0, variables::eval),
    app("transfer", NOMEDIA.0 | ROUTING.0, call::transfer),
    app("unset", INLINE, variables::unset),
    app("wait_for_answer", NOMEDIA.0, call::wait_for_answer),
];
