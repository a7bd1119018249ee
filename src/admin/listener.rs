//! The listener that Prometheus reads: `/metrics`, `/health` and `/ready`.
//!
//! One thread, one request at a time; a connection that says nothing keeps no other one waiting. It
//! never attaches to Python: a script that keeps the interpreter's lock keeps nobody from seeing that it does.

use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use freeswitch::{Detached, causes, core};
use parking_lot::Mutex;

use super::exposition;
use super::exposition::Format;
use super::http;
use super::http::{Answer, Request};

/// Where to listen, and who may ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Address and port.
    pub address: SocketAddr,
    /// What a request must bring as its bearer token.
    pub token: Option<String>,
}

/// The thread's stack, in bytes.
const STACK: usize = 1 << 20;
/// How many connections may have said nothing yet; the oldest goes for one more.
const SILENT: usize = 64;

struct Running {
    setting: Setting,
    told_to_end: Arc<AtomicBool>,
    /// Ends the wait for a connection when it is closed.
    bell: UnixStream,
    /// Whom it serves.
    served: Arc<Mutex<Option<TcpStream>>>,
    thread: JoinHandle<()>,
}

static RUNNING: Mutex<Option<Running>> = Mutex::new(None);
/// All modules are loaded, so calls can come.
static READY: AtomicBool = AtomicBool::new(false);
/// Scripts are let in no longer.
static ENDS: AtomicBool = AtomicBool::new(false);

/// `/ready` says so from now on.
pub fn is_ready() {
    ENDS.store(false, Ordering::Release);
    READY.store(true, Ordering::Release);
}

/// `/ready` says no from now on.
pub fn ends() {
    ENDS.store(true, Ordering::Release);
}

/// Listens as this says, or not at all. What cannot be opened is logged, and tried
/// for again with the next configuration.
pub fn set(held: &Detached, setting: Option<&Setting>) {
    let mut running = RUNNING.lock();
    if running.as_ref().map(|running| &running.setting) == setting {
        return;
    }
    close(running.take());
    *running = setting.and_then(|setting| match open(setting.clone()) {
        Ok(opened) => Some(opened),
        Err(error) => {
            let address = setting.address;
            tracing::error!("MR0021 the metrics are not served at {address}: {error}");
            None
        }
    });
    if running.is_none() {
        causes::end(held);
    } else if let Err(status) = causes::begin(held) {
        tracing::warn!("MR0021 hangup causes are not counted: {status}");
    }
}

/// Stops listening; no thread is left.
pub fn end(held: &Detached) {
    set(held, None);
    READY.store(false, Ordering::Release);
    // A module that is loaded after this one does not end.
    ENDS.store(false, Ordering::Release);
}

fn open(setting: Setting) -> std::io::Result<Running> {
    let listener = TcpListener::bind(setting.address)?;
    // A client that has gone again must not keep the thread in accept().
    listener.set_nonblocking(true)?;
    let (bell, heard) = UnixStream::pair()?;
    let told_to_end = Arc::new(AtomicBool::new(false));
    let served = Arc::new(Mutex::new(None));
    let serving = Serving {
        listener,
        heard,
        token: setting.token.clone(),
        told_to_end: told_to_end.clone(),
        served: served.clone(),
    };
    let thread = thread::Builder::new()
        .name("mod_rust metrics".to_owned())
        .stack_size(STACK)
        .spawn(move || serving.run())?;
    tracing::info!("metrics are served at http://{}/metrics", setting.address);
    Ok(Running {
        setting,
        told_to_end,
        bell,
        served,
        thread,
    })
}

fn close(running: Option<Running>) {
    let Some(running) = running else { return };
    running.told_to_end.store(true, Ordering::SeqCst);
    drop(running.bell);
    if let Some(client) = running.served.lock().take() {
        // It may have gone by itself.
        let _ = client.shutdown(Shutdown::Both);
    }
    // A panic in it was logged by its own hook.
    let _ = running.thread.join();
}

/// What the thread has.
struct Serving {
    listener: TcpListener,
    heard: UnixStream,
    token: Option<String>,
    told_to_end: Arc<AtomicBool>,
    served: Arc<Mutex<Option<TcpStream>>>,
}

/// A connection that has said nothing yet, and until when it is waited for.
type Silent = (TcpStream, Instant);

impl Serving {
    fn run(&self) {
        // SAFETY: this thread is ours, and never attaches to Python.
        let held = unsafe { Detached::new() };
        let mut silent: Vec<Silent> = Vec::new();
        while self.wait(&mut silent) {
            let Some(ready) = silent.iter().position(|(client, _)| is_readable(client)) else {
                continue;
            };
            let (mut client, _) = silent.remove(ready);
            let Ok(again) = client.try_clone() else {
                continue;
            };
            *self.served.lock() = Some(again);
            if !self.is_over() {
                http::serve(&mut client, self.token.as_deref(), |request| {
                    answer(&held, request)
                });
            }
            *self.served.lock() = None;
        }
    }

    fn is_over(&self) -> bool {
        self.told_to_end.load(Ordering::SeqCst)
    }

    /// Waits until a connection has something to say, taking those that come; false when the listener is to end.
    fn wait(&self, silent: &mut Vec<Silent>) -> bool {
        while !self.is_over() {
            let now = Instant::now();
            silent.retain(|(_, until)| *until > now);
            let mut watched = vec![
                entry(self.listener.as_raw_fd()),
                entry(self.heard.as_raw_fd()),
            ];
            watched.extend(silent.iter().map(|(client, _)| entry(client.as_raw_fd())));
            let first = silent.iter().map(|(_, until)| *until - now).min();
            if !poll(&mut watched, first) {
                continue;
            }
            if watched[0].revents != 0 {
                self.accept(silent);
            }
            if watched[2..].iter().any(|client| client.revents != 0) {
                return !self.is_over();
            }
        }
        false
    }

    fn accept(&self, silent: &mut Vec<Silent>) {
        let accepted = self.listener.accept();
        let Some((client, _)) = accepted
            .ok()
            .filter(|(client, _)| client.set_nonblocking(false).is_ok())
        else {
            // It has gone again, or there is no descriptor for it: others may end.
            thread::sleep(Duration::from_millis(20));
            return;
        };
        if silent.len() >= SILENT {
            silent.remove(0);
        }
        silent.push((client, Instant::now() + http::PATIENCE));
    }
}

fn entry(fd: i32) -> libc::pollfd {
    libc::pollfd {
        fd,
        events: libc::POLLIN,
        revents: 0,
    }
}

/// Waits until one of these has something, or for so long; whether one has.
fn poll(watched: &mut [libc::pollfd], limit: Option<Duration>) -> bool {
    // A millisecond more: the limit is over then.
    let ms = limit.map_or(-1, |limit| limit.as_millis() as i32 + 1);
    // SAFETY: entries of the caller's, of which there are a few, and whose descriptors live as long as this does.
    unsafe { libc::poll(watched.as_mut_ptr(), watched.len() as libc::nfds_t, ms) > 0 }
}

/// Has it said something, or gone?
fn is_readable(client: &TcpStream) -> bool {
    poll(&mut [entry(client.as_raw_fd())], Some(Duration::ZERO))
}

fn answer(held: &Detached, request: &Request) -> Answer {
    match request.path.as_str() {
        "/metrics" => {
            let format = if request.accept.contains("application/openmetrics-text") {
                Format::Open
            } else {
                Format::Plain
            };
            // The switch's own numbers are asked of it.
            let body = match core::inside() {
                Some(_inside) => exposition::of_switch(held, format),
                None => exposition::of_module(format),
            };
            Answer {
                status: "200 OK",
                content_type: format.content_type(),
                body,
            }
        }
        "/health" => Answer::line("200 OK", "the module runs"),
        "/ready" if ENDS.load(Ordering::Acquire) => {
            Answer::line("503 Service Unavailable", "the module or the switch ends")
        }
        "/ready" if !READY.load(Ordering::Acquire) => {
            Answer::line("503 Service Unavailable", "FreeSWITCH still loads modules")
        }
        "/ready" => Answer::line("200 OK", "scripts are run"),
        _ => Answer::line("404 Not Found", "there are /metrics, /health and /ready"),
    }
}
