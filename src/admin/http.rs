//! Requests of one line of HTTP, read and answered within bounds.
//!
//! GET alone, 8 KB and two seconds each way, one request to a connection. What the
//! listener of the metrics needs, and no more.

use std::io::{Read, Write};
use std::net::{IpAddr, Shutdown, TcpStream};
use std::time::{Duration, Instant};

/// The most that a request's head may have, in bytes.
const MOST: usize = 8 * 1024;
/// How many headers it may have.
const HEADERS: usize = 64;
/// How long reading it, and writing the answer, may take.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
pub struct Request {
    /// The path, without what follows a `?`.
    pub path: String,
    /// `Accept`, or nothing.
    pub accept: String,
}

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// Status and its words: `200 OK`.
    pub status: &'static str,
    /// What the body is.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
}

impl Answer {
    /// A line of text.
    #[must_use]
    pub fn line(status: &'static str, text: &str) -> Self {
        Self {
            status,
            content_type: "text/plain; charset=utf-8",
            body: format!("{text}\n"),
        }
    }
}

/// Reads a request, has it answered, and writes the answer. A client that is too
/// slow gets none.
pub fn serve(stream: &mut TcpStream, token: Option<&str>, answer: impl FnOnce(&Request) -> Answer) {
    let answer = match read(stream) {
        Ok(Some(head)) => parsed(&head, token).map_or_else(|refused| refused, |r| answer(&r)),
        Ok(None) => Answer::line("431 Request Header Fields Too Large", "too long"),
        Err(_) => return,
    };
    // Nobody is left to say it to.
    let _ = write(stream, &answer);
}

/// A request's head; nothing where it is too long.
fn read(stream: &mut TcpStream) -> std::io::Result<Option<Vec<u8>>> {
    let end = Instant::now() + PATIENCE;
    let mut head = Vec::new();
    let mut chunk = [0; 1024];
    while !head.windows(4).any(|four| four == b"\r\n\r\n") {
        if head.len() > MOST {
            return Ok(None);
        }
        stream.set_read_timeout(Some(left(end)?))?;
        match stream.read(&mut chunk)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            count => head.extend_from_slice(&chunk[..count]),
        }
    }
    Ok((head.len() <= MOST).then_some(head))
}

fn left(end: Instant) -> std::io::Result<Duration> {
    let left = end.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(std::io::ErrorKind::TimedOut.into());
    }
    Ok(left)
}

fn write(stream: &mut TcpStream, answer: &Answer) -> std::io::Result<()> {
    let end = Instant::now() + PATIENCE;
    let allow = if answer.status.starts_with("405") {
        "Allow: GET\r\n"
    } else if answer.status.starts_with("401") {
        "WWW-Authenticate: Bearer\r\n"
    } else {
        ""
    };
    let text = format!(
        "HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
         X-Content-Type-Options: nosniff\r\n{allow}Connection: close\r\n\r\n{}",
        answer.status,
        answer.content_type,
        answer.body.len(),
        answer.body
    );
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        stream.set_write_timeout(Some(left(end)?))?;
        match stream.write(rest)? {
            0 => return Err(std::io::ErrorKind::WriteZero.into()),
            count => rest = &rest[count..],
        }
    }
    stream.shutdown(Shutdown::Write)?;
    // A connection that is closed with bytes unread is reset, and the answer with it.
    let mut chunk = [0; 1024];
    for _ in 0..64 {
        stream.set_read_timeout(Some(left(end)?))?;
        if stream.read(&mut chunk)? == 0 {
            break;
        }
    }
    Ok(())
}

/// What a head asks for, or what is wrong with it.
fn parsed(head: &[u8], token: Option<&str>) -> Result<Request, Answer> {
    let bad = |why: &str| Answer::line("400 Bad Request", why);
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(head) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) => return Err(bad("no request")),
        Err(httparse::Error::TooManyHeaders) => {
            let status = "431 Request Header Fields Too Large";
            return Err(Answer::line(status, "too many headers"));
        }
        Err(_) => return Err(bad("no request")),
    }
    let header = |name: &str| {
        let found = request.headers.iter();
        let mut found = found.filter(|header| header.name.eq_ignore_ascii_case(name));
        (
            found.next().map(|header| header.value),
            found.next().is_some(),
        )
    };
    let (host, again) = header("Host");
    let host = host
        .filter(|_| !again)
        .ok_or_else(|| bad("it needs one Host"))?;
    match token {
        // A page of elsewhere that a browser here shows reaches this address by a name of its own.
        None if !is_address(host) => {
            let why = "the Host is neither an IP address nor localhost";
            return Err(Answer::line("403 Forbidden", why));
        }
        Some(token) if !is_bearer(header("Authorization").0, token) => {
            return Err(Answer::line("401 Unauthorized", "it needs the token"));
        }
        _ => {}
    }
    if request.method != Some("GET") {
        return Err(Answer::line("405 Method Not Allowed", "GET alone"));
    }
    let path = request.path.unwrap_or_default();
    let accept = header("Accept").0.unwrap_or_default();
    Ok(Request {
        path: path.split('?').next().unwrap_or_default().to_owned(),
        accept: String::from_utf8_lossy(accept).into_owned(),
    })
}

/// Is this `Host` an address, or `localhost`?
fn is_address(host: &[u8]) -> bool {
    let Ok(host) = std::str::from_utf8(host) else {
        return false;
    };
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

/// Is this `Authorization` the token? It takes as long for every wrong one.
fn is_bearer(given: Option<&[u8]>, token: &str) -> bool {
    let given = given.and_then(|value| value.strip_prefix(b"Bearer "));
    let (given, token) = (given.unwrap_or_default(), token.as_bytes());
    let differ = given.iter().zip(token).fold(0, |sum, (a, b)| sum | (a ^ b));
    differ == 0 && given.len() == token.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(head: &str, token: Option<&str>) -> &'static str {
        let head = format!("{}\r\n\r\n", head.replace('\n', "\r\n"));
        match parsed(head.as_bytes(), token) {
            Ok(_) => "200",
            Err(answer) => answer.status.split(' ').next().unwrap_or_default(),
        }
    }

    #[test]
    fn what_is_no_request_for_this_is_refused() {
        for (head, token, wanted) in [
            ("GET / HTTP/1.1\nHost: 127.0.0.1:9282", None, "200"),
            ("GET / HTTP/1.1\nhost: [::1]:9282", None, "200"),
            ("GET / HTTP/1.1\nHost: LOCALHOST", None, "200"),
            ("GET / HTTP/1.1\nHost: evil.example:9282", None, "403"),
            ("GET / HTTP/1.1\nHost: 127.0.0.1.evil.example", None, "403"),
            ("GET / HTTP/1.1\nHost: \u{e9}", None, "403"),
            ("GET / HTTP/1.1", None, "400"),
            ("GET / HTTP/1.1\nHost: ::1\nHost: localhost", None, "400"),
            ("HELO there", None, "400"),
            ("POST / HTTP/1.1\nHost: localhost", None, "405"),
            ("HEAD / HTTP/1.1\nHost: localhost", None, "405"),
            ("GET / HTTP/1.1\nHost: sw1.example", Some("abc"), "401"),
            (
                "GET / HTTP/1.1\nHost: sw1.example\nAuthorization: Bearer abd",
                Some("abc"),
                "401",
            ),
            (
                "GET / HTTP/1.1\nHost: sw1.example\nAuthorization: Bearer ab",
                Some("abc"),
                "401",
            ),
            (
                "GET / HTTP/1.1\nHost: sw1.example\nAuthorization: Basic abc",
                Some("abc"),
                "401",
            ),
            (
                "GET / HTTP/1.1\nHost: sw1.example\nAuthorization: Bearer abc",
                Some("abc"),
                "200",
            ),
        ] {
            assert_eq!(status(head, token), wanted, "{head}");
        }
        let many = "GET / HTTP/1.1\nHost: ::1".to_owned() + &"\na: b".repeat(100);
        assert_eq!(status(&many, None), "431");
    }

    #[test]
    fn a_path_is_without_its_query() {
        let head = b"GET /metrics?x=1 HTTP/1.1\r\nHost: localhost\r\nAccept: a/b\r\n\r\n";
        let request = parsed(head, None).unwrap();
        assert_eq!(request.path, "/metrics");
        assert_eq!(request.accept, "a/b");
    }
}
