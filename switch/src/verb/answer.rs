//! What came of a verb.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::text;

/// What came of a verb. Its serialised form is built as a verb's: `{"done": {}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Answer {
    /// It was done.
    Done {},
    /// It was ended before its time, by input or by the script.
    Broken {},
    /// It has read digits, or was ended by one.
    Digits {
        /// The digits.
        #[serde(with = "text")]
        digits: Vec<u8>,
        /// The one that ended it.
        #[serde(default, with = "terminator")]
        terminator: Option<u8>,
    },
    /// It failed.
    Failed {
        /// For this reason.
        why: String,
        /// The same for programs, where one tells it from other reasons.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<Code>,
    },
    /// The call was over before.
    Gone {
        /// How the call was lost, if that is known: `hangup`, `transfer` or `taken`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        how: Option<String>,
    },
}

/// A reason that programs tell from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The other call of a bridge is no more.
    OtherGone,
}

impl Answer {
    /// It failed, for this reason.
    #[must_use]
    pub fn failed(why: impl Into<String>) -> Self {
        Self::Failed {
            why: why.into(),
            code: None,
        }
    }

    /// The call that was to be bridged with is no more.
    #[must_use]
    pub fn other_gone() -> Self {
        Self::Failed {
            why: "the other call is gone".to_owned(),
            code: Some(Code::OtherGone),
        }
    }
}

/// An answer, and whether it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Performed {
    /// The answer.
    pub answer: Answer,
    /// It stands. Otherwise it may have been the call's end that ended the verb: media can end a
    /// moment before the call does, and then there is no answer.
    pub is_settled: bool,
    /// It is given though the call is over: the verb has ended the call.
    pub is_last: bool,
}

impl Performed {
    /// This, whatever happens to the call.
    #[must_use]
    pub fn settled(answer: Answer) -> Self {
        Self::settled_if(true, answer)
    }

    /// This, unless the call ends in a moment.
    #[must_use]
    pub fn unsettled(answer: Answer) -> Self {
        Self::settled_if(false, answer)
    }

    /// This, which stands or does not.
    #[must_use]
    pub fn settled_if(is_settled: bool, answer: Answer) -> Self {
        Self {
            answer,
            is_settled,
            is_last: false,
        }
    }

    /// A failure is given though the call is over: what has failed has ended it.
    #[must_use]
    pub fn though_it_is_over(self) -> Self {
        let is_last = matches!(self.answer, Answer::Failed { .. });
        Self { is_last, ..self }
    }
}

/// The digit that ended a verb: a string of one character, or null.
mod terminator {
    use super::{Deserialize, Deserializer, Error, Serialize, Serializer};

    #[expect(
        clippy::ref_option,
        clippy::trivially_copy_pass_by_ref,
        reason = "serde gives a field by reference"
    )]
    pub(super) fn serialize<S: Serializer>(
        digit: &Option<u8>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        digit.map(char::from).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<u8>, D::Error> {
        let Some(digit) = Option::<char>::deserialize(deserializer)? else {
            return Ok(None);
        };
        match u8::try_from(digit) {
            Ok(digit) => Ok(Some(digit)),
            Err(_) => Err(D::Error::custom(format_args!("{digit:?} is no digit"))),
        }
    }
}
