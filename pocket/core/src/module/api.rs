//! Running API commands: what they are asked, what they answer.

use std::sync::Arc;

use bindings::{SWITCH_EVENT_API, switch_status_t, switch_stream_handle};
use bstr::{BStr, BString, ByteSlice};

use crate::c::{FAILURE, SUCCESS};
use crate::event::Event;
use crate::log;
use crate::place::here;
use crate::session::Session;
use crate::stream::Stream;
use crate::switch::Core;

/// What a command is asked.
pub(crate) struct Invocation<'a> {
    pub(crate) core: &'a Arc<Core>,
    pub(crate) argument: &'a BStr,
    pub(crate) session: Option<&'a Arc<Session>>,
}

/// What it answers.
pub(crate) struct Reply {
    pub(crate) status: switch_status_t,
    pub(crate) text: BString,
}

impl<T: Into<BString>> From<T> for Reply {
    fn from(text: T) -> Self {
        Self {
            status: SUCCESS,
            text: text.into(),
        }
    }
}

/// A command of pocket's own.
pub(crate) type Builtin = fn(&Invocation<'_>) -> Reply;

/// Writes to a stream by its own function.
///
/// # Safety
/// `stream` is a live stream that nobody else uses.
pub(crate) unsafe fn write(stream: *mut switch_stream_handle, text: &[u8]) {
    // SAFETY: the stream is live; its function does not keep the text, nor
    // change it, whatever its type says.
    unsafe {
        if let Some(function) = (*stream).raw_write_function {
            function(stream, text.as_ptr().cast_mut(), text.len());
        }
    }
}

/// `switch_api_execute`: runs a command with the API event as the stream's
/// parameters, and fires that event afterwards.
///
/// # Safety
/// `stream` is a live stream that nobody else uses.
pub(crate) unsafe fn execute(
    core: &Arc<Core>,
    name: &BStr,
    argument: &BStr,
    session: Option<&Arc<Session>>,
    stream: *mut switch_stream_handle,
) -> switch_status_t {
    let (name, argument) = (name.trim_ascii().as_bstr(), argument.trim_ascii().as_bstr());
    // SAFETY: the stream and its event are the caller's, and live.
    unsafe {
        if (*stream).param_event.is_null() {
            let event = core.events.create_to_tell(SWITCH_EVENT_API, here!());
            (*stream).param_event = event.give();
        }
        Event::with((*stream).param_event, |event| {
            event.add("API-Command", name);
            event.add("API-Command-Argument", argument);
        });
    }
    let status = if let Some(command) = core.modules.command(name) {
        let invocation = Invocation {
            core,
            argument,
            session,
        };
        // SAFETY: the caller's stream.
        unsafe {
            let status = command.call(&invocation, stream);
            if status != SUCCESS {
                write(stream, b"COMMAND RETURNED ERROR!\n");
            }
            status
        }
    } else {
        core.say(
            log::WARNING,
            here!(),
            format_args!("pocket has no command [{name}]; on FreeSWITCH a module may have it"),
        );
        // SAFETY: the caller's stream.
        unsafe { write(stream, b"INVALID COMMAND!\n") };
        FAILURE
    };
    // SAFETY: whatever event the command left in the stream is ours to fire.
    unsafe {
        let event = Event::take((*stream).param_event);
        (*stream).param_event = std::ptr::null_mut();
        if let Some(event) = event {
            core.events.fire_if_wanted(event);
        }
    }
    status
}

/// Runs a command and returns what it wrote.
pub(crate) fn run(
    core: &Arc<Core>,
    name: &BStr,
    argument: &BStr,
    session: Option<&Arc<Session>>,
    event: Option<Event>,
) -> Reply {
    let mut stream = Stream::new(event);
    // SAFETY: our own stream.
    let status = unsafe { execute(core, name, argument, session, stream.as_ptr()) };
    Reply {
        status,
        text: stream.text(),
    }
}

/// A command line as the console takes it, answered as `fs_cli` shows it.
pub(crate) fn console(core: &Arc<Core>, line: &BStr) -> BString {
    let line = line.trim_ascii_start().as_bstr();
    let mut stream = Stream::new(None);
    let mut status = FAILURE;
    for command in line.split_str(";;") {
        let end = command.find_byteset(b"\r\n").unwrap_or(command.len());
        let (name, argument) = crate::text::cut(&command[..end], b' ');
        // SAFETY: our own stream.
        status = unsafe { execute(core, name, argument, None, stream.as_ptr()) };
    }
    if status != SUCCESS {
        return format!("-ERR {line} Command not found!\n").into();
    }
    let text = stream.text();
    if text.is_empty() {
        "-ERR no reply\n".into()
    } else {
        text
    }
}

/// The usage line that commands answer to arguments they do not take.
pub(crate) fn usage(syntax: &str) -> Reply {
    format!("-USAGE: {syntax}\n").into()
}
