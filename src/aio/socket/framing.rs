//! Messages in a stream of bytes: lines `Name: value` up to an empty one, then as
//! many bytes as `Content-Length` says.

use freeswitch::event::wire::find;
use memchr::memmem;

/// How long the lines of a message may be together.
const LONGEST_HEAD: usize = 64 << 10;
/// How long its body may be: `show channels as json` of tens of thousands.
const LONGEST_BODY: usize = 256 << 20;
/// How much is read at once at least.
const ROOM: usize = 64 << 10;

/// What is no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Malformed {
    /// The lines do not end.
    #[error("a message of its begins with more than {LONGEST_HEAD} bytes of headers")]
    Head,
    /// The body cannot be so long.
    #[error("a message of its says that it is '{0}' bytes long")]
    Length(String),
}

/// One message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    /// Its lines.
    pub(super) head: &'a [u8],
    /// What follows them.
    pub(super) body: &'a [u8],
}

impl<'a> Frame<'a> {
    /// The value of a header.
    pub(super) fn header(&self, name: &str) -> Option<&'a [u8]> {
        find(self.head, name.as_bytes())
    }
}

/// Takes bytes as they come, and gives messages.
#[derive(Default)]
pub(super) struct Framer {
    buffer: Vec<u8>,
    /// Of the buffer, what was read and not given yet.
    start: usize,
    end: usize,
    /// How much of it is known to hold no end of the lines.
    looked: usize,
    /// Of the message that has begun: how long its lines and all of it are.
    begun: Option<(usize, usize)>,
}

impl Framer {
    /// Where to read to.
    pub(super) fn room(&mut self) -> &mut [u8] {
        if self.buffer.len() - self.end < ROOM / 4 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            if self.buffer.len() - self.end < ROOM / 4 {
                // It grows with what was received, never with the length that a message claims.
                let larger = (self.buffer.len() * 2).max(ROOM);
                self.buffer.resize(larger, 0);
            }
        }
        &mut self.buffer[self.end..]
    }

    /// So many bytes were read there.
    pub(super) fn filled(&mut self, count: usize) {
        self.end = (self.end + count).min(self.buffer.len());
    }

    /// What was received of a message that is not complete.
    pub(super) fn rest(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// The next message that is here as a whole.
    ///
    /// # Errors
    /// [`Malformed`]: what follows cannot be understood.
    pub(super) fn next(&mut self) -> Result<Option<Frame<'_>>, Malformed> {
        let (head, all) = match self.begun {
            Some(begun) => begun,
            None => match self.begin()? {
                Some(begun) => begun,
                None => return Ok(None),
            },
        };
        if self.end - self.start < all {
            return Ok(None);
        }
        let whole = &self.buffer[self.start..self.start + all];
        self.start += all;
        (self.begun, self.looked) = (None, 0);
        Ok(Some(Frame {
            head: &whole[..head],
            body: &whole[head + 2..],
        }))
    }

    fn begin(&mut self) -> Result<Option<(usize, usize)>, Malformed> {
        // Empty lines between two messages are none of either.
        while self.looked == 0 && self.rest().first() == Some(&b'\n') {
            self.start += 1;
        }
        let rest = &self.buffer[self.start..self.end];
        // The first half of the empty line may be the last byte that was looked at.
        let from = self.looked.saturating_sub(1);
        let Some(at) = memmem::find(&rest[from..], b"\n\n") else {
            if rest.len() > LONGEST_HEAD {
                return Err(Malformed::Head);
            }
            self.looked = rest.len();
            return Ok(None);
        };
        let head = from + at;
        let body = match find(&rest[..head], b"Content-Length") {
            None => 0,
            Some(digits) => length(digits)?,
        };
        self.begun = Some((head, head + 2 + body));
        Ok(self.begun)
    }
}

fn length(digits: &[u8]) -> Result<usize, Malformed> {
    let text = std::str::from_utf8(digits).ok();
    let all_digits = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    text.filter(|_| all_digits)
        .and_then(|text| text.parse().ok())
        .filter(|&length| length <= LONGEST_BODY)
        .ok_or_else(|| {
            Malformed::Length(String::from_utf8_lossy(digits).chars().take(40).collect())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Head and body of each.
    type Messages = Vec<(Vec<u8>, Vec<u8>)>;

    fn all(framer: &mut Framer) -> Result<Messages, Malformed> {
        let mut found = Vec::new();
        while let Some(frame) = framer.next()? {
            found.push((frame.head.to_vec(), frame.body.to_vec()));
        }
        Ok(found)
    }

    fn put(framer: &mut Framer, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = framer.room();
            let count = room.len().min(bytes.len());
            room[..count].copy_from_slice(&bytes[..count]);
            framer.filled(count);
            bytes = &bytes[count..];
        }
    }

    /// What is plain to see: splits by lines, with no state.
    fn oracle(mut bytes: &[u8]) -> Messages {
        let mut found = Vec::new();
        loop {
            while let Some(rest) = bytes.strip_prefix(b"\n") {
                bytes = rest;
            }
            let mut lines = Vec::new();
            let mut rest = bytes;
            loop {
                let Some(end) = rest.iter().position(|&b| b == b'\n') else {
                    return found;
                };
                let line = &rest[..end];
                rest = &rest[end + 1..];
                if line.is_empty() {
                    break;
                }
                lines.push(line);
            }
            let length = lines.iter().find_map(|line| {
                let line = String::from_utf8_lossy(line).to_lowercase();
                let digits = line.strip_prefix("content-length:")?;
                Some(digits.trim().parse().unwrap())
            });
            let length = length.unwrap_or(0);
            if rest.len() < length {
                return found;
            }
            let head = lines.join(&b'\n');
            found.push((head, rest[..length].to_vec()));
            bytes = &rest[length..];
        }
    }

    const STREAM: &[u8] = b"Content-Type: auth/request\n\n\
        Content-Type: command/reply\nReply-Text: +OK accepted\n\n\
        Content-Length: 31\nContent-Type: text/event-plain\n\nEvent-Name: DTMF\nDTMF-Digit: 1\n\n\
        Content-Type: api/response\nContent-Length: 0\n\n\
        \nContent-Type: text/disconnect-notice\nContent-Length: 4\n\n\n\n\n\n";

    #[test]
    fn every_split_gives_the_same_messages() {
        let whole = oracle(STREAM);
        assert_eq!(whole.len(), 5);
        for at in 0..=STREAM.len() {
            let mut framer = Framer::default();
            put(&mut framer, &STREAM[..at]);
            let mut found = all(&mut framer).unwrap();
            put(&mut framer, &STREAM[at..]);
            found.extend(all(&mut framer).unwrap());
            assert_eq!(found, whole, "split at {at}");
        }
        let mut framer = Framer::default();
        let mut found = Vec::new();
        for byte in STREAM {
            put(&mut framer, &[*byte]);
            found.extend(all(&mut framer).unwrap());
        }
        assert_eq!(found, whole);
    }

    /// Numbers that are the same at every run.
    struct Numbers(u64);

    impl Numbers {
        fn below(&mut self, limit: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            usize::try_from(self.0 % limit as u64).unwrap()
        }
    }

    #[test]
    fn random_messages_in_random_pieces_are_those_that_the_oracle_finds() {
        let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
        for case in 0..300 {
            let mut stream = Vec::new();
            for _ in 0..numbers.below(20) {
                for _ in 0..=numbers.below(6) {
                    stream.extend_from_slice(b"X-Header: ");
                    let length = numbers.below(60);
                    // Bytes that are no UTF-8, among others; no newline.
                    stream.extend(
                        (0..length).map(|_| 32 + u8::try_from(numbers.below(223)).unwrap()),
                    );
                    stream.push(b'\n');
                }
                if numbers.below(3) > 0 {
                    let length = numbers.below(3000);
                    stream.extend_from_slice(format!("Content-Length: {length}\n\n").as_bytes());
                    // Newlines, too, as many as there may be.
                    stream.extend((0..length).map(|_| b"\n\nab:%"[numbers.below(6)]));
                } else {
                    stream.push(b'\n');
                }
            }
            let mut framer = Framer::default();
            let mut found = Vec::new();
            let mut rest = &stream[..];
            while !rest.is_empty() {
                let count = 1 + numbers.below(rest.len().min(700));
                put(&mut framer, &rest[..count]);
                rest = &rest[count..];
                found.extend(all(&mut framer).unwrap());
            }
            assert_eq!(found, oracle(&stream), "case {case}");
        }
    }

    #[test]
    fn an_absurd_length_is_an_error_and_no_allocation() {
        for length in [
            "99999999999999999999",
            "268435457",
            "-1",
            "1e3",
            "",
            "0x10",
            "4 4",
        ] {
            let mut framer = Framer::default();
            put(
                &mut framer,
                format!("Content-Length: {length}\n\n").as_bytes(),
            );
            assert!(
                matches!(framer.next(), Err(Malformed::Length(_))),
                "{length}"
            );
            assert!(framer.buffer.len() <= 2 * ROOM);
        }
        let mut framer = Framer::default();
        put(&mut framer, b"Content-Length: 268435456\n\nonly this");
        assert_eq!(framer.next(), Ok(None));
        assert!(framer.buffer.len() <= 2 * ROOM);
    }

    #[test]
    fn lines_without_an_end_are_an_error() {
        let mut framer = Framer::default();
        put(&mut framer, &vec![b'x'; LONGEST_HEAD + 1]);
        assert_eq!(framer.next(), Err(Malformed::Head));
    }

    #[test]
    fn what_was_given_makes_room() {
        let mut framer = Framer::default();
        let body = vec![b'y'; 100_000];
        for _ in 0..50 {
            put(&mut framer, b"Content-Length: 100000\n\n");
            put(&mut framer, &body);
            assert_eq!(framer.next().unwrap().unwrap().body, &body[..]);
        }
        assert!(framer.buffer.len() <= 1 << 20);
    }
}
