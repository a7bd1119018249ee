//! API commands.

use crate::module::api::Builtin;

mod directory;
mod expr;
mod general;
mod legs;
mod modules;
mod originate;
pub(crate) mod schedule;
mod show;
pub(crate) mod storage;
mod strings;
mod time;
mod uuid;

/// Commands of pocket's own.
pub(crate) static COMMANDS: &[(&str, Builtin)] = &[
    ("bgapi", general::bgapi),
    ("coalesce", strings::coalesce),
    ("cond", strings::cond),
    ("console", general::console),
    ("console_complete", general::console_complete),
    ("create_uuid", general::create_uuid),
    ("db", storage::db),
    ("domain_exists", directory::domain_exists),
    ("echo", general::echo),
    ("eval", general::eval),
    ("expand", general::expand),
    ("expr", expr::expr),
    ("file_exists", storage::file_exists),
    ("fsctl", general::fsctl),
    ("getenv", general::getenv),
    ("global_getvar", general::global_getvar),
    ("global_setvar", general::global_setvar),
    ("group_call", directory::group_call),
    ("hash", storage::hash),
    ("hostname", general::hostname),
    ("hupall", general::hupall),
    ("json", storage::json),
    ("load", modules::load),
    ("log", storage::log_),
    ("md5", strings::md5),
    ("module_exists", modules::module_exists),
    ("msleep", general::msleep),
    ("originate", originate::originate),
    ("regex", strings::regex),
    ("reload", modules::reload),
    ("reloadxml", modules::reloadxml),
    ("replace", strings::replace),
    ("sched_api", schedule::api),
    ("sched_broadcast", schedule::broadcast),
    ("sched_del", schedule::delete),
    ("sched_hangup", schedule::hangup),
    ("sched_transfer", schedule::transfer),
    ("show", show::show),
    ("sofia_contact", directory::contact),
    ("status", general::status),
    ("strepoch", time::strepoch),
    ("strftime", time::strftime),
    ("strftime_tz", time::strftime_tz),
    ("strmicroepoch", time::strmicroepoch),
    ("switchname", general::hostname),
    ("system", storage::system),
    ("tolower", strings::tolower),
    ("toupper", strings::toupper),
    ("unload", modules::unload),
    ("unsched_api", schedule::unschedule),
    ("uptime", general::uptime),
    ("url_decode", strings::url_decode_),
    ("url_encode", strings::url_encode),
    ("user_data", directory::user_data),
    ("user_exists", directory::user_exists),
    ("uuid_answer", uuid::answer),
    ("uuid_audio", legs::audio),
    ("uuid_break", uuid::break_),
    ("uuid_bridge", legs::bridge),
    ("uuid_broadcast", uuid::broadcast),
    ("uuid_deflect", legs::deflect),
    ("uuid_dump", legs::dump),
    ("uuid_exists", uuid::exists),
    ("uuid_fileman", uuid::fileman),
    ("uuid_flush_dtmf", legs::flush_dtmf),
    ("uuid_getvar", uuid::getvar),
    ("uuid_kill", uuid::kill),
    ("uuid_park", uuid::park),
    ("uuid_pre_answer", legs::pre_answer),
    ("uuid_record", legs::record),
    ("uuid_recv_dtmf", uuid::recv_dtmf),
    ("uuid_send_dtmf", uuid::send_dtmf),
    ("uuid_setvar", uuid::setvar),
    ("uuid_setvar_multi", uuid::setvar_multi),
    ("uuid_transfer", uuid::transfer),
    ("version", general::version),
    ("verto_contact", directory::contact),
];
