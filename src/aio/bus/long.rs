//! Messages that are longer than a server takes: their first part is sent, with a header that says where the rest is,
//! and who reads it asks for that, part by part.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_nats::client::PublishError;
use async_nats::{Client, HeaderMap, Message, Request};
use parking_lot::Mutex;

use super::subjects;

/// The longest message, in bytes: a server takes 1 MiB, with the headers, where nothing else is set.
pub(super) const LONGEST: usize = 1_000_000;
/// How many bytes are kept for those who read.
pub(super) const MOST: usize = 64 << 20;
/// How long they are kept.
const KEPT: Duration = Duration::from_secs(30);
/// How long a part is waited for, and how often it is asked for.
const PATIENCE: Duration = Duration::from_secs(2);
const ATTEMPTS: u32 = 3;

/// Where the rest is: a subject, a number and the length of the whole.
const REST: &str = "Mod-Rust-Rest";

struct Long {
    number: u64,
    since: Instant,
    data: Arc<[u8]>,
}

static KEEPS: Mutex<VecDeque<Long>> = Mutex::new(VecDeque::new());
static NUMBERS: AtomicU64 = AtomicU64::new(1);

/// A message as it is sent: its first part where it is long, with where the rest is. `None`: it is
/// longer than what is kept.
pub(super) fn first(node: &str, data: Vec<u8>, headers: &mut HeaderMap) -> Option<Vec<u8>> {
    if data.len() <= LONGEST {
        return Some(data);
    }
    if data.len() > MOST {
        return None;
    }
    let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
    let place = format!("{} {number} {}", subjects::rest(node), data.len());
    headers.insert(REST, place.as_str());
    let part = data[..LONGEST].to_vec();
    let mut keeps = KEEPS.lock();
    keeps.retain(|long| long.since.elapsed() < KEPT);
    let since = Instant::now();
    keeps.push_back(Long {
        number,
        since,
        data: data.into(),
    });
    while keeps.iter().map(|long| long.data.len()).sum::<usize>() > MOST {
        keeps.pop_front();
    }
    Some(part)
}

/// The part that is asked for: a number, and where it begins. Empty where it is not kept any more.
pub(super) fn part(asked: &[u8]) -> Vec<u8> {
    let found = || {
        let (number, offset) = std::str::from_utf8(asked).ok()?.split_once(' ')?;
        let (number, offset): (u64, usize) = (number.parse().ok()?, offset.parse().ok()?);
        let keeps = KEEPS.lock();
        let long = keeps.iter().find(|long| long.number == number)?;
        let left = long.data.get(offset..)?;
        Some(left[..left.len().min(LONGEST)].to_vec())
    };
    found().unwrap_or_default()
}

/// Forgets what is kept.
pub(super) fn forget() {
    KEEPS.lock().clear();
}

/// Sends a message, with its headers where it has any.
pub(super) async fn publish(
    client: &Client,
    subject: String,
    headers: HeaderMap,
    data: Vec<u8>,
) -> Result<(), PublishError> {
    if headers.is_empty() {
        client.publish(subject, data.into()).await
    } else {
        let sent = client.publish_with_headers(subject, headers, data.into());
        sent.await
    }
}

/// The whole of a message that has come.
pub(super) async fn whole<'a>(
    client: &Client,
    message: &'a Message,
) -> Result<Cow<'a, [u8]>, String> {
    let place = message.headers.as_ref().and_then(|found| found.get(REST));
    let Some(place) = place else {
        return Ok(Cow::Borrowed(&message.payload));
    };
    let words: Vec<&str> = place.as_str().split(' ').collect();
    let [subject, number, length] = words[..] else {
        return Err("what says where its rest is cannot be read".to_owned());
    };
    let length = length.parse::<usize>().ok().filter(|&bytes| bytes <= MOST);
    let Some(length) = length else {
        return Err(format!("it has more than {MOST} bytes"));
    };
    let mut data = message.payload.to_vec();
    while data.len() < length {
        let part = asked(client, subject, &format!("{number} {}", data.len())).await?;
        if part.is_empty() || data.len() + part.len() > length {
            return Err("its rest is not there any more".to_owned());
        }
        data.extend_from_slice(&part);
    }
    Ok(data.into())
}

/// Says that a message did not come whole.
pub(super) fn missed(message: &Message, why: &str) {
    freeswitch::once_a_second!(times => {
        let subject = &message.subject;
        tracing::warn!("MR0023 parts of a message to {subject} were lost: {why} ({times} times since the last such line)");
    });
}

async fn asked(client: &Client, subject: &str, what: &str) -> Result<Vec<u8>, String> {
    let mut why = String::new();
    for _ in 0..ATTEMPTS {
        let request = Request::new()
            .payload(what.to_owned().into())
            .timeout(Some(PATIENCE));
        match client.send_request(subject.to_owned(), request).await {
            Ok(message) => return Ok(message.payload.to_vec()),
            Err(error) => why = error.to_string(),
        }
    }
    Err(format!("its rest does not come: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_is_given_part_by_part() {
        let data: Vec<u8> = (0..2_500_000_u32).map(|n| n.to_le_bytes()[1]).collect();
        let mut headers = HeaderMap::new();
        let mut found = first("here", data.clone(), &mut headers).expect("kept");
        let place = headers.get(REST).expect("where").as_str().to_owned();
        let words: Vec<&str> = place.split(' ').collect();
        assert_eq!((words[0], words[2]), ("fs.here.rest", "2500000"));
        while found.len() < data.len() {
            let part = part(format!("{} {}", words[1], found.len()).as_bytes());
            assert!(!part.is_empty() && part.len() <= LONGEST);
            found.extend(part);
        }
        assert!(found == data);
        for none in ["", "x", "1", "-1 0", "999999 0"] {
            assert!(part(none.as_bytes()).is_empty(), "{none}");
        }
        assert!(part(format!("{} 2500001", words[1]).as_bytes()).is_empty());
    }

    #[test]
    fn what_is_short_goes_as_it_is_and_what_is_too_long_not_at_all() {
        let mut headers = HeaderMap::new();
        assert_eq!(
            first("here", b"short".to_vec(), &mut headers).as_deref(),
            Some(&b"short"[..])
        );
        assert!(headers.is_empty());
        assert!(first("here", vec![0; MOST + 1], &mut headers).is_none());
    }
}
