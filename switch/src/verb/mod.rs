//! Verbs as data: what a coroutine asks of a call, wherever the coroutine runs.
//!
//! [`perform`](perform::perform) carries one out. [`json`] has the form in which they are sent.

pub mod answer;
pub mod json;
pub mod perform;
pub mod text;
pub mod typed;

use serde::{Deserialize, Serialize};

use text::{Text, not_empty};

/// What is asked of a call.
///
/// Times end in their unit; 0 milliseconds are no limit, where nothing else is said. Text is what
/// the core takes: bytes without a NUL.
///
/// Serialised it is an object with one member, the verb's name, whose value is the object of its
/// arguments: `{"play": {"file": "a.wav", "offset": 0, "terminators": "#"}}`. What has a default
/// may be left out. A member that the verb does not have is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Verb {
    /// Answer the call (`switch_channel_perform_answer`).
    Answer {},
    /// Begin early media (`switch_channel_perform_pre_answer`).
    PreAnswer {},
    /// Play a file, a tone or a stream (`switch_ivr_play_file`).
    Play {
        /// What to play.
        file: Text,
        /// The first sample.
        #[serde(default)]
        offset: u32,
        /// Digits that end it.
        #[serde(default)]
        terminators: Text,
    },
    /// Record to a file (`switch_ivr_record_file`).
    Record {
        /// The file.
        file: Text,
        /// How long at most; 0 is no limit.
        #[serde(default)]
        limit_s: u32,
        /// The energy below which it is silent.
        #[serde(default)]
        threshold: u32,
        /// So many seconds of silence end it.
        #[serde(default)]
        silence_s: u32,
        /// Digits that end it.
        #[serde(default)]
        terminators: Text,
    },
    /// Wait, with media flowing (`switch_ivr_sleep`).
    Sleep {
        /// How long.
        ms: u32,
    },
    /// Speak by a TTS engine (`switch_ivr_speak_text`).
    Speak {
        /// The words.
        text: Text,
        /// The engine.
        engine: Text,
        /// Its voice.
        voice: Text,
        /// Digits that end it.
        #[serde(default)]
        terminators: Text,
    },
    /// Say a number, a date and the like with recorded words (`switch_ivr_say`).
    Say {
        /// What to say.
        what: Text,
        /// The module, as `en`.
        module: Text,
        /// The kind, as `number`.
        #[serde(rename = "type")]
        kind: Text,
        /// The method, as `pronounced`.
        method: Text,
        /// The gender.
        #[serde(default)]
        gender: Option<Text>,
    },
    /// Read digits (`switch_ivr_collect_digits_callback`).
    GetDigits(GetDigits),
    /// Ask for digits, and again while the answer is invalid (`switch_play_and_get_digits`).
    PlayAndGetDigits(PlayAndGetDigits),
    /// Run a dialplan application to its end (`switch_core_session_execute_application`).
    Execute {
        /// The application.
        #[serde(deserialize_with = "not_empty")]
        app: Text,
        /// Its data.
        #[serde(default)]
        data: Option<Text>,
    },
    /// Wait until the call is answered or has early media.
    WaitForAnswer {},
    /// Join the call with another until one ends it (`switch_ivr_multi_threaded_bridge`).
    Bridge {
        /// The other's UUID.
        other: Text,
        /// The core's running number of the other session: another one that has its UUID by now
        /// is not meant. Any, where it is left out.
        #[serde(default)]
        number: Option<usize>,
    },
    /// Hang up (`switch_channel_perform_hangup`).
    Hangup {
        /// The cause by its name.
        cause: Text,
    },
    /// Send the call to another extension (`switch_ivr_session_transfer`).
    Transfer {
        /// The extension.
        extension: Text,
        /// Its dialplan; the call's own, where it is left out.
        #[serde(default)]
        dialplan: Option<Text>,
        /// Its context; the call's own, where it is left out.
        #[serde(default)]
        context: Option<Text>,
    },
    /// Send digits to the far end (the command `uuid_send_dtmf`).
    SendDtmf {
        /// The digits.
        digits: Text,
    },
    /// Set a variable of the call, or remove it.
    SetVariable {
        /// Its name.
        #[serde(deserialize_with = "not_empty")]
        name: Text,
        /// Its value; removed, where it is left out.
        #[serde(default)]
        value: Option<Text>,
    },
    /// Forget digits that were pressed and not read.
    FlushDigits {},
    /// Take back digits that a verb has read and that nobody has got.
    PutBack {
        /// The digits, in their order.
        digits: Text,
    },
}

/// Which digits [`Verb::GetDigits`] reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GetDigits {
    /// How many.
    pub max_digits: u32,
    /// Digits that end it, and are no part of it.
    #[serde(default)]
    pub terminators: Text,
    /// How long to wait for the first.
    #[serde(default)]
    pub timeout_ms: u32,
    /// How long between two.
    #[serde(default)]
    pub between_ms: u32,
    /// How long in all.
    #[serde(default)]
    pub total_ms: u32,
}

/// What [`Verb::PlayAndGetDigits`] asks, and which answers are valid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlayAndGetDigits {
    /// What is played.
    #[serde(default)]
    pub file: Option<Text>,
    /// How few digits are valid.
    pub min_digits: u32,
    /// How many are read.
    pub max_digits: u32,
    /// How often it is asked.
    pub tries: u32,
    /// How long to wait for the first digit.
    pub timeout_ms: u32,
    /// How long between two; `timeout_ms` where it is 0.
    #[serde(default)]
    pub between_ms: u32,
    /// Digits that end it.
    #[serde(default)]
    pub terminators: Option<Text>,
    /// What is played after an invalid answer.
    #[serde(default)]
    pub invalid_file: Option<Text>,
    /// What a valid answer matches.
    #[serde(default)]
    pub regex: Option<Text>,
    /// The variable that gets the answer.
    #[serde(default)]
    pub variable: Option<Text>,
}

impl Verb {
    /// Does it wait for the verbs that were asked for before, and is it carried out by the call's
    /// own thread? The others are carried out at once, on any thread, while another verb runs.
    #[must_use]
    pub fn takes_its_turn(&self) -> bool {
        match self {
            Self::Answer {}
            | Self::PreAnswer {}
            | Self::Play { .. }
            | Self::Record { .. }
            | Self::Sleep { .. }
            | Self::Speak { .. }
            | Self::Say { .. }
            | Self::GetDigits(_)
            | Self::PlayAndGetDigits(_)
            | Self::Execute { .. }
            | Self::WaitForAnswer {}
            | Self::Bridge { .. } => true,
            Self::Hangup { .. }
            | Self::Transfer { .. }
            | Self::SendDtmf { .. }
            | Self::SetVariable { .. }
            | Self::FlushDigits {}
            | Self::PutBack { .. } => false,
        }
    }

    /// Does nobody gain by its end when who has asked for it is no more? What runs in the dialplan,
    /// or has joined the call with another, goes on.
    #[must_use]
    pub fn needs_its_owner(&self) -> bool {
        !matches!(
            self,
            Self::Answer {} | Self::PreAnswer {} | Self::Execute { .. } | Self::Bridge { .. }
        )
    }
}
