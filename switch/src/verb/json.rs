//! The form in which verbs and answers are sent: JSON.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Verb;
use super::answer::Answer;

/// The longest text that is looked at, in bytes: the most that a message of NATS holds where
/// nobody has set more.
pub const MOST_BYTES: usize = 1 << 20;

/// A text that is no verb, or no answer.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misread {
    /// It is too long.
    #[error("it has {0} bytes, and may have {MOST_BYTES}")]
    TooLong(usize),
    /// It is something else: where, which value, and what it should be.
    #[error("{0}")]
    Other(String),
}

impl Verb {
    /// Its JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        written(self)
    }

    /// The verb of a JSON text.
    ///
    /// # Errors
    /// [`Misread`], which names the value that is wrong.
    pub fn from_json(text: &[u8]) -> Result<Self, Misread> {
        read(text)
    }
}

impl Answer {
    /// Its JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        written(self)
    }

    /// The answer of a JSON text.
    ///
    /// # Errors
    /// [`Misread`], which names the value that is wrong.
    pub fn from_json(text: &[u8]) -> Result<Self, Misread> {
        read(text)
    }
}

fn written(value: &impl Serialize) -> Vec<u8> {
    // Every key of theirs is a string, and nothing of theirs refuses to be written.
    serde_json::to_vec(value).unwrap_or_default()
}

/// Reads a JSON text that is no longer than a verb may be.
///
/// # Errors
/// [`Misread`], which names the value that is wrong.
pub fn read<T: DeserializeOwned>(text: &[u8]) -> Result<T, Misread> {
    if text.len() > MOST_BYTES {
        return Err(Misread::TooLong(text.len()));
    }
    let mut json = serde_json::Deserializer::from_slice(text);
    let value = serde_path_to_error::deserialize(&mut json)
        .map_err(|error| Misread::Other(error.to_string()))?;
    json.end()
        .map_err(|error| Misread::Other(error.to_string()))?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use std::ffi::CString;

    use super::*;
    use crate::verb::text::Text;
    use crate::verb::{GetDigits, PlayAndGetDigits};

    fn text(bytes: impl Into<Vec<u8>>) -> Text {
        CString::new(bytes).unwrap().into()
    }

    /// Each verb with every argument, and its form. A verb that is added has no arm here, and
    /// does not compile.
    fn form_of(verb: &Verb) -> &'static str {
        match verb {
            Verb::Answer {} => r#"{"answer":{}}"#,
            Verb::PreAnswer {} => r#"{"pre_answer":{}}"#,
            Verb::Play { .. } => r##"{"play":{"file":"a b.wav","offset":8000,"terminators":"#"}}"##,
            Verb::Record { .. } => {
                r#"{"record":{"file":"r.wav","limit_s":30,"threshold":200,"silence_s":3,"terminators":"*"}}"#
            }
            Verb::Sleep { .. } => r#"{"sleep":{"ms":4294967295}}"#,
            Verb::Speak { .. } => {
                r#"{"speak":{"text":"grüß \"dich\"","engine":"flite","voice":"slt","terminators":""}}"#
            }
            Verb::Say { .. } => {
                r#"{"say":{"what":"12","module":"en","type":"number","method":"pronounced","gender":"NEUTER"}}"#
            }
            Verb::GetDigits(_) => {
                r##"{"get_digits":{"max_digits":4,"terminators":"#","timeout_ms":5000,"between_ms":2000,"total_ms":9000}}"##
            }
            Verb::PlayAndGetDigits(_) => {
                r##"{"play_and_get_digits":{"file":"ask.wav","min_digits":1,"max_digits":4,"tries":3,"timeout_ms":5000,"between_ms":0,"terminators":"#","invalid_file":null,"regex":"\\d+","variable":"pin"}}"##
            }
            Verb::Execute { .. } => r#"{"execute":{"app":"set","data":"a=b"}}"#,
            Verb::WaitForAnswer {} => r#"{"wait_for_answer":{}}"#,
            Verb::Bridge { .. } => r#"{"bridge":{"other":"a1b2","number":7}}"#,
            Verb::Hangup { .. } => r#"{"hangup":{"cause":"USER_BUSY"}}"#,
            Verb::Transfer { .. } => {
                r#"{"transfer":{"extension":"1000","dialplan":"XML","context":null}}"#
            }
            Verb::SendDtmf { .. } => r#"{"send_dtmf":{"digits":"12w3"}}"#,
            Verb::SetVariable { .. } => r#"{"set_variable":{"name":"name","value":[255,102]}}"#,
            Verb::FlushDigits {} => r#"{"flush_digits":{}}"#,
            Verb::PutBack { .. } => r#"{"put_back":{"digits":"12#"}}"#,
        }
    }

    fn every_verb() -> Vec<Verb> {
        vec![
            Verb::Answer {},
            Verb::PreAnswer {},
            Verb::Play {
                file: text("a b.wav"),
                offset: 8000,
                terminators: text("#"),
            },
            Verb::Record {
                file: text("r.wav"),
                limit_s: 30,
                threshold: 200,
                silence_s: 3,
                terminators: text("*"),
            },
            Verb::Sleep { ms: u32::MAX },
            Verb::Speak {
                text: text("grüß \"dich\""),
                engine: text("flite"),
                voice: text("slt"),
                terminators: Text::default(),
            },
            Verb::Say {
                what: text("12"),
                module: text("en"),
                kind: text("number"),
                method: text("pronounced"),
                gender: Some(text("NEUTER")),
            },
            Verb::GetDigits(GetDigits {
                max_digits: 4,
                terminators: text("#"),
                timeout_ms: 5000,
                between_ms: 2000,
                total_ms: 9000,
            }),
            Verb::PlayAndGetDigits(PlayAndGetDigits {
                file: Some(text("ask.wav")),
                min_digits: 1,
                max_digits: 4,
                tries: 3,
                timeout_ms: 5000,
                between_ms: 0,
                terminators: Some(text("#")),
                invalid_file: None,
                regex: Some(text("\\d+")),
                variable: Some(text("pin")),
            }),
            Verb::Execute {
                app: text("set"),
                data: Some(text("a=b")),
            },
            Verb::WaitForAnswer {},
            Verb::Bridge {
                other: text("a1b2"),
                number: Some(7),
            },
            Verb::Hangup {
                cause: text("USER_BUSY"),
            },
            Verb::Transfer {
                extension: text("1000"),
                dialplan: Some(text("XML")),
                context: None,
            },
            Verb::SendDtmf {
                digits: text("12w3"),
            },
            Verb::SetVariable {
                name: text("name"),
                value: Some(text(*b"\xfff")),
            },
            Verb::FlushDigits {},
            Verb::PutBack {
                digits: text("12#"),
            },
        ]
    }

    #[test]
    fn each_verb_has_its_form_and_comes_back() {
        for verb in every_verb() {
            let form = form_of(&verb);
            assert_eq!(String::from_utf8(verb.to_json()).unwrap(), form);
            assert_eq!(Verb::from_json(form.as_bytes()).as_ref(), Ok(&verb));
        }
    }

    #[test]
    fn each_verb_is_tried() {
        let unknown = Verb::from_json(br#"{"jump":{}}"#).unwrap_err().to_string();
        let names = unknown.matches('`').count() / 2 - 1;
        assert_eq!(every_verb().len(), names, "{unknown}");
    }

    #[test]
    fn each_answer_comes_back() {
        let digits = |digits: &[u8], terminator| Answer::Digits {
            digits: digits.to_vec(),
            terminator,
        };
        let forms = [
            (Answer::Done {}, r#"{"done":{}}"#),
            (Answer::Broken {}, r#"{"broken":{}}"#),
            (
                digits(b"12", Some(b'#')),
                r##"{"digits":{"digits":"12","terminator":"#"}}"##,
            ),
            (
                digits(b"", None),
                r#"{"digits":{"digits":"","terminator":null}}"#,
            ),
            (Answer::failed("no"), r#"{"failed":{"why":"no"}}"#),
            (
                Answer::other_gone(),
                r#"{"failed":{"why":"the other call is gone","code":"other_gone"}}"#,
            ),
            (Answer::Gone { how: None }, r#"{"gone":{}}"#),
            (
                Answer::Gone {
                    how: Some("hangup".to_owned()),
                },
                r#"{"gone":{"how":"hangup"}}"#,
            ),
        ];
        for (answer, form) in forms {
            assert_eq!(String::from_utf8(answer.to_json()).unwrap(), form);
            assert_eq!(Answer::from_json(form.as_bytes()), Ok(answer));
        }
    }

    #[test]
    fn what_has_a_default_may_be_left_out() {
        let short = Verb::from_json(br#"{"play":{"file":"a.wav"}}"#).unwrap();
        let play = Verb::Play {
            file: text("a.wav"),
            offset: 0,
            terminators: Text::default(),
        };
        assert_eq!(short, play);
        let short = Verb::from_json(br#"{"set_variable":{"name":"a"}}"#).unwrap();
        let unset = Verb::SetVariable {
            name: text("a"),
            value: None,
        };
        assert_eq!(short, unset);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let wrong: [(&str, &[&str]); 19] = [
            (r#"{"jump":{}}"#, &["unknown variant `jump`"]),
            (r#"{"play":{"file":5}}"#, &["play.file", "`5`", "text"]),
            (r#"{"play":{"file":null}}"#, &["play.file", "null"]),
            (r#"{"play":{}}"#, &["play", "missing field `file`"]),
            (
                r#"{"play":{"file":"a\u0000b"}}"#,
                &["play.file", "NUL at position 1"],
            ),
            (
                r#"{"play":{"file":[97,256]}}"#,
                &["play.file[1]", "`256`", "u8"],
            ),
            (
                r#"{"play":{"file":"a","offset":-1}}"#,
                &["play.offset", "`-1`"],
            ),
            (
                r#"{"play":{"file":"a","offset":4294967296}}"#,
                &["play.offset", "`4294967296`", "u32"],
            ),
            (r#"{"play":{"file":"a","volume":1}}"#, &["play", "`volume`"]),
            (r#"{"sleep":{"ms":1.5}}"#, &["sleep.ms", "`1.5`"]),
            (r#"{"sleep":{"ms":"1"}}"#, &["sleep.ms", "\"1\""]),
            (r#"{"execute":{"app":""}}"#, &["execute.app", "not empty"]),
            (
                r#"{"get_digits":{"max_digits":1,"timeout":5}}"#,
                &["get_digits", "`timeout`"],
            ),
            (r#"{"answer":{"now":1}}"#, &["answer", "`now`"]),
            (r#"{"answer":{},"play":{}}"#, &["line 1"]),
            (r#"{"answer":{}} {}"#, &["trailing characters"]),
            ("[1]", &["line 1 column 1"]),
            (r#""answer""#, &["unit variant"]),
            ("", &["EOF"]),
        ];
        for (form, parts) in wrong {
            let why = Verb::from_json(form.as_bytes()).unwrap_err().to_string();
            for part in parts {
                assert!(why.contains(part), "{form}: {why}");
            }
        }
    }

    #[test]
    fn a_wrong_answer_is_named() {
        for (form, part) in [
            (r#"{"maybe":{}}"#, "`maybe`"),
            (
                r#"{"digits":{"digits":"1","terminator":"12"}}"#,
                "digits.terminator",
            ),
            (
                r#"{"digits":{"digits":"1","terminator":"€"}}"#,
                "is no digit",
            ),
            (r#"{"done":{"twice":true}}"#, "`twice`"),
        ] {
            let why = Answer::from_json(form.as_bytes()).unwrap_err().to_string();
            assert!(why.contains(part), "{form}: {why}");
        }
    }

    #[test]
    fn a_text_that_is_too_long_is_not_looked_at() {
        let long = format!(r#"{{"play":{{"file":"{}"}}}}"#, "a".repeat(MOST_BYTES));
        let why = Verb::from_json(long.as_bytes()).unwrap_err();
        assert_eq!(why, Misread::TooLong(long.len()));
        assert!(why.to_string().contains(&long.len().to_string()));
    }

    #[test]
    fn deep_nesting_is_an_error() {
        let deep = "[".repeat(100_000);
        assert!(Verb::from_json(deep.as_bytes()).is_err());
        let inside = format!(r#"{{"play":{{"file":{deep}"#);
        assert!(Verb::from_json(inside.as_bytes()).is_err());
    }
}
