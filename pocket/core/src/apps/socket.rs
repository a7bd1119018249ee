//! `socket`: a client somewhere else controls the call.

use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use bstr::{BStr, ByteSlice};

use crate::c::*;
use crate::clock::{FRAME, Wait};
use crate::ivr::park;
use crate::session::client::{Link, Offered, Server, Serving};
use crate::session::lock::Locked;
use crate::session::{Session, say};
use crate::text::{number, split};

/// Where the core connects to when only a host is named.
const PORT: u16 = 8084;
/// How long a connection may take; the core waits for as long as the system does.
const PATIENCE: Duration = Duration::from_secs(5);

/// `host[:port][/path][|host...] [async] [full]`
pub(super) fn socket(session: &Arc<Session>, data: &BStr) {
    let words = split(data, b' ', 80);
    let Some(hosts) = words.first() else {
        say!(session, ERROR, "Parse Error!");
        return;
    };
    let Some(server) = session.core.attached.get::<Serving>().0.clone() else {
        say!(
            session,
            ERROR,
            "No server of the event socket runs, which this application needs: call serve() of the switch"
        );
        return;
    };
    let connected = split(hosts, b'|', 50)
        .iter()
        .find_map(|host| connect(session, host.as_bstr()));
    let Some(stream) = connected else {
        say!(session, ERROR, "Socket Error!");
        return;
    };
    let asks = |word: &str| {
        let mut others = words.iter().skip(1);
        others.any(|other| other.eq_ignore_ascii_case(word.as_bytes()))
    };
    let (link, asynchronous) = (Arc::new(Link::new()), asks("async"));
    let Some(lock) = Locked::new(session) else {
        say!(session, ERROR, "Unable to lock session!");
        return;
    };
    server.take_over(Offered {
        lock,
        link: Arc::clone(&link),
        stream,
        asynchronous,
        full: asks("full"),
    });
    if asynchronous {
        attend(session, &link);
    } else {
        serve(session, &link, &*server);
    }
}

fn connect(session: &Arc<Session>, host: &BStr) -> Option<TcpStream> {
    if host.is_empty() {
        say!(session, ERROR, "Missing Host!");
        return None;
    }
    say!(session, NOTICE, "Trying host: {host}");
    let (name, rest) = match host.rfind_byte(b':') {
        Some(at) => (&host[..at], Some(&host[at + 1..])),
        None => (host, None),
    };
    let (rest, path) = match rest {
        Some(port) => {
            let (port, path) = without_path(port);
            (Some(port), path)
        }
        None => (None, without_path(name).1),
    };
    let name = without_path(name).0;
    let port = rest.map_or(PORT, |port| u16::try_from(number(port)).unwrap_or(0));
    if let Some(path) = path {
        session.set_checked(b"socket_path", path, false);
    }
    session.set_checked(b"socket_host", name, false);
    let Ok(addresses) = (name.to_str_lossy().as_ref(), port).to_socket_addrs() else {
        say!(session, ERROR, "Socket Error!");
        return None;
    };
    for address in addresses {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => return Some(stream),
            Err(error) => say!(session, ERROR, "Socket Error: {error}"),
        }
    }
    None
}

/// What stands before a slash, and behind it.
fn without_path(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    match text.find_byte(b'/') {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    }
}

/// Parks while the client works on the call.
fn attend(session: &Arc<Session>, link: &Link) {
    let clock = &session.core.clock;
    while session.ready() && !link.has_begun() {
        let generation = link.changed.generation();
        if !link.has_begun() {
            clock.wait(Wait::on(
                &link.changed,
                generation,
                Some(clock.now() + FRAME),
            ));
        }
    }
    park::park(session);
    session.parse_all_events();
    let moved = [CF_REDIRECT, CF_TRANSFER, CF_RESET].map(|flag| session.has(flag));
    if link.resumes() && session.is_up() && session.state() != CS_HIBERNATE && moved == [false; 3] {
        session.set_state(CS_EXECUTE);
    }
}

/// Carries out what the client asks for, one after the other.
fn serve(session: &Arc<Session>, link: &Link, server: &dyn Server) {
    loop {
        let generation = link.changed.generation();
        if let Some((ticket, message)) = link.next() {
            session.carry_out(&message);
            server.done(ticket);
        } else if link.finished() {
            return;
        } else {
            let clock = &session.core.clock;
            clock.wait(Wait::on(&link.changed, generation, None));
        }
    }
}
