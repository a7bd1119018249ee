//! The commands that a text could do harm with, whether the text is a command of its own or
//! stands within another that the core expands.

/// Stands for what nobody can know before it is expanded, in a text that is looked at.
pub(super) const UNKNOWN: u8 = 1;

/// Which word of a command is a file.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// The first word.
    First,
    /// Any word.
    Words,
    /// The word with this number is a file, or `app::data`.
    Broadcast(usize),
    /// The rest from the word with this number is a command.
    Command(usize),
    /// `expand [uuid:x] command`.
    Expand,
    /// `uuid_transfer`.
    Transfer,
    /// `uuid_dual_transfer`, with `extension/dialplan/context` twice.
    Transfers,
    /// `originate`, with `&app(data)`.
    Originate,
    /// Reads one variable of a call.
    GetVariable,
    /// Reads the session of the caller, whatever call it is given.
    OfCaller,
    /// Wants one word more than it looks for.
    Avmd,
    /// A JSON request, which is looked at where it is the command itself.
    Json,
    /// Keeps the call's lock where it does not know the third word.
    DropDtmf,
}

const COMMANDS: [(&[u8], Kind); 24] = [
    (b"lua", Kind::First),
    (b"luarun", Kind::First),
    (b"load", Kind::First),
    (b"unload", Kind::Words),
    (b"reload", Kind::Words),
    (b"uuid_displace", Kind::Words),
    (b"uuid_record", Kind::Words),
    (b"conference", Kind::Words),
    (b"voicemail_inject", Kind::Words),
    (b"uuid_broadcast", Kind::Broadcast(1)),
    (b"sched_broadcast", Kind::Broadcast(2)),
    (b"bgapi", Kind::Command(0)),
    (b"sched_api", Kind::Command(2)),
    (b"unsched_api", Kind::Words),
    (b"expand", Kind::Expand),
    (b"uuid_transfer", Kind::Transfer),
    (b"sched_transfer", Kind::Transfer),
    (b"uuid_dual_transfer", Kind::Transfers),
    (b"originate", Kind::Originate),
    (b"uuid_getvar", Kind::GetVariable),
    (b"uuid_media_params", Kind::OfCaller),
    (b"avmd", Kind::Avmd),
    (b"json", Kind::Json),
    (b"uuid_drop_dtmf", Kind::DropDtmf),
];

/// What kind a command is of; its name as the core finds it, with no blanks around it.
pub(super) fn kind_of(command: &[u8]) -> Option<Kind> {
    let known = |(name, _): &&(&[u8], Kind)| command.eq_ignore_ascii_case(name);
    COMMANDS.iter().find(known).map(|(_, kind)| *kind)
}

pub(super) const NO_SESSION: &str =
    "uuid_media_params reads the session of the caller: use API(session)";
pub(super) const ALONE: &str = "avmd needs start or stop behind the UUID";
pub(super) const JSON_WITHIN: &str =
    "a JSON request within another command is not looked at: give it to API().json()";

/// Could a JSON request run a command or an application?
#[must_use]
pub fn json_runs(request: &[u8]) -> bool {
    // A name may be written with escapes.
    request.contains(&b'\\')
        || [&b"fsapi"[..], b"execute"].iter().any(|name| {
            request
                .windows(name.len())
                .any(|w| w.eq_ignore_ascii_case(name))
        })
}
