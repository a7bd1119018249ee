//! API commands.

use crate::module::api::Builtin;

mod general;
mod modules;
mod originate;
mod show;
mod time;
mod uuid;

/// Commands of pocket's own.
pub(crate) static COMMANDS: &[(&str, Builtin)] = &[
    ("bgapi", general::bgapi),
    ("console", general::console),
    ("console_complete", general::console_complete),
    ("create_uuid", general::create_uuid),
    ("echo", general::echo),
    ("eval", general::eval),
    ("expand", general::expand),
    ("fsctl", general::fsctl),
    ("global_getvar", general::global_getvar),
    ("global_setvar", general::global_setvar),
    ("hupall", general::hupall),
    ("load", modules::load),
    ("module_exists", modules::module_exists),
    ("msleep", general::msleep),
    ("originate", originate::originate),
    ("reload", modules::reload),
    ("reloadxml", modules::reloadxml),
    ("show", show::show),
    ("status", general::status),
    ("strepoch", time::strepoch),
    ("strftime", time::strftime),
    ("strftime_tz", time::strftime_tz),
    ("strmicroepoch", time::strmicroepoch),
    ("unload", modules::unload),
    ("uuid_answer", uuid::answer),
    ("uuid_break", uuid::break_),
    ("uuid_broadcast", uuid::broadcast),
    ("uuid_exists", uuid::exists),
    ("uuid_fileman", uuid::fileman),
    ("uuid_getvar", uuid::getvar),
    ("uuid_kill", uuid::kill),
    ("uuid_park", uuid::park),
    ("uuid_recv_dtmf", uuid::recv_dtmf),
    ("uuid_send_dtmf", uuid::send_dtmf),
    ("uuid_setvar", uuid::setvar),
    ("uuid_setvar_multi", uuid::setvar_multi),
    ("uuid_transfer", uuid::transfer),
    ("version", general::version),
];
