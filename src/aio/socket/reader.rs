//! The thread that all sockets of the process are read on.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Instant;

use mio::{Events, Poll, Token, Waker};
use parking_lot::Mutex;

use super::connection::Connection;
use super::link::{Answer, Shared};

/// What it is asked for.
pub(super) enum Request {
    Open(Arc<Shared>),
    Send(usize, Vec<u8>, Answer),
    Subscribe(usize),
    Resolved(usize, io::Result<Vec<SocketAddr>>),
    Close(usize, String),
    CloseAll(String),
}

static REQUESTS: Mutex<Vec<Request>> = Mutex::new(Vec::new());
/// What wakes it, once it is there.
static WAKER: Mutex<Option<Waker>> = Mutex::new(None);

const WAKE: Token = Token(0);

/// Leaves it something to do; it is started where it does not run.
///
/// # Errors
/// The system's: there is no thread or descriptor for it.
pub(super) fn ask(request: Request) -> io::Result<()> {
    let mut waker = WAKER.lock();
    if waker.is_none() {
        *waker = Some(start()?);
    }
    let was_empty = {
        let mut requests = REQUESTS.lock();
        requests.push(request);
        requests.len() == 1
    };
    // An earlier call has woken it, and it has not run yet.
    match &*waker {
        Some(waker) if was_empty => waker.wake(),
        _ => Ok(()),
    }
}

/// Closes every link; what waits on one fails with the reason.
pub fn end_all(why: &str) {
    if WAKER.lock().is_some() {
        // It runs, and so can be woken.
        let _ = ask(Request::CloseAll(why.to_owned()));
    }
}

fn start() -> io::Result<Waker> {
    let poll = Poll::new()?;
    let waker = Waker::new(poll.registry(), WAKE)?;
    std::thread::Builder::new()
        .name("mod_rust sockets".to_owned())
        .spawn(move || run(poll))?;
    Ok(waker)
}

fn run(mut poll: Poll) {
    let mut events = Events::with_capacity(256);
    let mut connections: HashMap<usize, Connection> = HashMap::new();
    loop {
        let deadline = connections.values().filter_map(Connection::deadline).min();
        let time = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if let Err(error) = poll.poll(&mut events, time)
            && error.kind() != io::ErrorKind::Interrupted
        {
            tracing::error!("MR0020 the event sockets are not read: {error}");
            return;
        }
        let requests = std::mem::take(&mut *REQUESTS.lock());
        for request in requests {
            obey(&mut connections, &poll, request);
        }
        for event in &events {
            if let Some(connection) = connections.get_mut(&event.token().0) {
                connection.ready(poll.registry(), event);
            }
        }
        for connection in connections.values_mut() {
            connection.look(poll.registry());
            connection.flush();
        }
        connections.retain(|_, connection| !connection.is_over());
    }
}

fn obey(connections: &mut HashMap<usize, Connection>, poll: &Poll, request: Request) {
    match request {
        Request::Open(shared) => {
            let id = shared.id;
            connections.insert(id, Connection::new(shared, Token(id), look_up));
        }
        Request::Send(id, command, who) => match connections.get_mut(&id) {
            Some(connection) => connection.send(&command, who),
            None => who.fail("the connection is closed"),
        },
        Request::Subscribe(id) => {
            if let Some(connection) = connections.get_mut(&id) {
                connection.subscribe();
            }
        }
        Request::Resolved(id, found) => {
            if let Some(connection) = connections.get_mut(&id) {
                connection.resolved(poll.registry(), found);
            }
        }
        Request::Close(id, why) => {
            if let Some(connection) = connections.get_mut(&id) {
                connection.close(&why);
            }
        }
        Request::CloseAll(why) => {
            for connection in connections.values_mut() {
                connection.close(&why);
            }
        }
    }
}

/// Looks a name up on a thread of its own, which may take long.
fn look_up(id: usize, host: &str, port: u16) {
    if let Ok(address) = host.parse() {
        let found = Ok(vec![SocketAddr::new(address, port)]);
        let _ = ask(Request::Resolved(id, found));
        return;
    }
    let host = host.to_owned();
    let started = std::thread::Builder::new()
        .name("mod_rust names".to_owned())
        .spawn(move || {
            let found = (host.as_str(), port).to_socket_addrs();
            let _ = ask(Request::Resolved(id, found.map(Iterator::collect)));
        });
    if let Err(error) = started {
        let _ = ask(Request::Resolved(id, Err(error)));
    }
}
