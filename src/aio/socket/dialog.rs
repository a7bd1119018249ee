//! What is said on one connection: who waits for which answer, and what a message
//! is. Answers come in the order of the commands.

use std::collections::VecDeque;

use super::framing::Frame;

/// Why a connection is not made, or ends.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Failure {
    /// It can be tried again.
    #[error("{0}")]
    Lost(String),
    /// The password is wrong.
    #[error("it has refused the password ({0}): give the one of its event_socket.conf")]
    Password(String),
    /// It does not speak as a switch does.
    #[error("not the event socket of a FreeSWITCH: {0}")]
    NoSwitch(String),
    /// The switch does not want us.
    #[error("it has refused the connection ({0}): see apply-inbound-acl in its event_socket.conf")]
    Unwanted(String),
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// It is to ask for the password.
    Greeting,
    /// It is to take it.
    Password,
    Ready,
}

enum Waiting<A> {
    /// Our own.
    Own,
    Asked(A),
}

/// What a message means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard<'a, A> {
    /// Nothing to anybody.
    Nothing,
    /// The switch takes commands from now on.
    Ready,
    /// An event.
    Event(&'a [u8]),
    /// The answer that somebody has waited for.
    Answer(A, &'a [u8]),
}

/// One connection, from its first message; `A` is who waits for an answer.
pub(super) struct Dialog<A> {
    phase: Phase,
    password: Vec<u8>,
    waiting: VecDeque<Waiting<A>>,
    /// What is to be sent.
    pub(super) out: Vec<u8>,
}

fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes.trim_ascii());
    text.chars().take(120).collect()
}

impl<A> Dialog<A> {
    pub(super) fn new(password: Vec<u8>) -> Self {
        Self {
            phase: Phase::Greeting,
            password,
            waiting: VecDeque::new(),
            out: Vec::new(),
        }
    }

    /// Does the switch take commands?
    pub(super) fn is_ready(&self) -> bool {
        self.phase == Phase::Ready
    }

    /// How many answers are to come.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Sends a command, with the empty line that ends it.
    pub(super) fn ask(&mut self, command: &[u8], who: A) {
        self.out.extend_from_slice(command);
        self.waiting.push_back(Waiting::Asked(who));
    }

    /// Sends a command whose answer nobody looks at.
    pub(super) fn tell(&mut self, command: &[u8]) {
        self.out.extend_from_slice(command);
        self.waiting.push_back(Waiting::Own);
    }

    /// Those who wait for an answer that will not come.
    pub(super) fn left(self) -> impl Iterator<Item = A> {
        self.waiting.into_iter().filter_map(|one| match one {
            Waiting::Own => None,
            Waiting::Asked(who) => Some(who),
        })
    }

    /// Takes a message in.
    ///
    /// # Errors
    /// [`Failure`]: the connection is to be closed.
    pub(super) fn hear<'a>(&mut self, frame: &Frame<'a>) -> Result<Heard<'a, A>, Failure> {
        let kind = frame.header("Content-Type").unwrap_or_default();
        let text = frame.header("Reply-Text").unwrap_or_default();
        match (self.phase, kind) {
            (Phase::Ready, b"text/event-plain") => Ok(Heard::Event(frame.body)),
            (_, b"text/disconnect-notice") => Err(Failure::Lost(format!(
                "it has closed the connection: {}",
                shown(frame.body)
            ))),
            (_, b"text/rude-rejection") => Err(Failure::Unwanted(shown(frame.body))),
            (Phase::Greeting, b"auth/request") => {
                self.out.extend_from_slice(b"auth ");
                self.out.extend_from_slice(&self.password);
                self.out.extend_from_slice(b"\n\n");
                self.phase = Phase::Password;
                Ok(Heard::Nothing)
            }
            (Phase::Greeting, _) => Err(Failure::NoSwitch(format!(
                "its first message is '{}'",
                shown(frame.head)
            ))),
            (Phase::Password, b"command/reply") if text.starts_with(b"+OK") => {
                self.phase = Phase::Ready;
                Ok(Heard::Ready)
            }
            (Phase::Password, b"command/reply") => Err(Failure::Password(shown(text))),
            (Phase::Ready, b"command/reply") => self.answer(text),
            (Phase::Ready, b"api/response") => self.answer(frame.body),
            // A log line, say, or what a later version sends.
            _ => Ok(Heard::Nothing),
        }
    }

    fn answer<'a>(&mut self, text: &'a [u8]) -> Result<Heard<'a, A>, Failure> {
        match self.waiting.pop_front() {
            Some(Waiting::Asked(who)) => Ok(Heard::Answer(who, text)),
            Some(Waiting::Own) => Ok(Heard::Nothing),
            None => Err(Failure::Lost(format!(
                "it has answered what it was not asked: '{}'",
                shown(text)
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame<'a>(head: &'a str, body: &'a str) -> Frame<'a> {
        Frame {
            head: head.as_bytes(),
            body: body.as_bytes(),
        }
    }

    const REPLY: &str = "Content-Type: command/reply\nReply-Text: +OK";

    fn ready() -> Dialog<u32> {
        let mut dialog = Dialog::new(b"secret".to_vec());
        let greeting = frame("Content-Type: auth/request", "");
        assert_eq!(dialog.hear(&greeting), Ok(Heard::Nothing));
        assert_eq!(std::mem::take(&mut dialog.out), b"auth secret\n\n");
        assert_eq!(dialog.hear(&frame(REPLY, "")), Ok(Heard::Ready));
        dialog
    }

    #[test]
    fn answers_are_those_of_the_commands_in_order() {
        let mut dialog = ready();
        dialog.ask(b"api a\n\n", 1);
        dialog.tell(b"event plain DTMF\n\n");
        dialog.ask(b"api b\n\n", 2);
        assert_eq!(dialog.out, b"api a\n\nevent plain DTMF\n\napi b\n\n");
        let one = frame("Content-Type: api/response", "+OK a");
        assert_eq!(dialog.hear(&one), Ok(Heard::Answer(1, b"+OK a")));
        let event = frame("Content-Type: text/event-plain", "Event-Name: DTMF\n\n");
        assert_eq!(
            dialog.hear(&event),
            Ok(Heard::Event(b"Event-Name: DTMF\n\n"))
        );
        assert_eq!(dialog.hear(&frame(REPLY, "")), Ok(Heard::Nothing));
        let log = frame("Content-Type: log/data", "a line");
        assert_eq!(dialog.hear(&log), Ok(Heard::Nothing));
        assert_eq!(dialog.hear(&frame(REPLY, "")), Ok(Heard::Answer(2, b"+OK")));
        assert!(matches!(
            dialog.hear(&frame(REPLY, "")),
            Err(Failure::Lost(_))
        ));
    }

    #[test]
    fn who_waits_is_told_when_it_ends() {
        let mut dialog = ready();
        dialog.ask(b"api a\n\n", 1);
        dialog.tell(b"nixevent plain DTMF\n\n");
        dialog.ask(b"api b\n\n", 2);
        let notice = frame(
            "Content-Type: text/disconnect-notice",
            "Disconnected, goodbye.\n",
        );
        assert!(matches!(dialog.hear(&notice), Err(Failure::Lost(why)) if why.contains("goodbye")));
        assert_eq!(dialog.left().collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn who_is_no_switch_is_found_out() {
        let refused = "Content-Type: command/reply\nReply-Text: -ERR invalid";
        let mut dialog = Dialog::<()>::new(b"wrong".to_vec());
        dialog
            .hear(&frame("Content-Type: auth/request", ""))
            .unwrap();
        let answer = dialog.hear(&frame(refused, ""));
        assert_eq!(answer, Err(Failure::Password("-ERR invalid".to_owned())));

        let mut dialog = Dialog::<()>::new(Vec::new());
        let rude = frame(
            "Content-Type: text/rude-rejection",
            "Access Denied, go away.\n",
        );
        assert!(matches!(dialog.hear(&rude), Err(Failure::Unwanted(_))));

        let mut dialog = Dialog::<()>::new(Vec::new());
        let other = frame("HTTP/1.1 400 Bad Request", "");
        assert!(matches!(dialog.hear(&other), Err(Failure::NoSwitch(_))));
    }
}
