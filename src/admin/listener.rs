//! The listener that Prometheus reads: `/metrics`, `/health` and `/ready`.
//!
//! One thread, one connection at a time. It never attaches to Python: a script
//! that keeps the interpreter's lock keeps nobody from seeing that it does.

use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

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

impl Serving {
    fn run(&self) {
        // SAFETY: this thread is ours, and never attaches to Python.
        let held = unsafe { Detached::new() };
        while self.wait() {
            let Ok((mut client, _)) = self.listener.accept() else {
                // It has gone again, or there is no descriptor for it: others may end.
                thread::sleep(std::time::Duration::from_millis(20));
                continue;
            };
            let Ok(again) = client.try_clone() else {
                continue;
            };
            *self.served.lock() = Some(again);
            if client.set_nonblocking(false).is_ok() && !self.is_over() {
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

    /// Waits for a connection; false when the listener is to end.
    fn wait(&self) -> bool {
        let entry = |fd| libc::pollfd {
            fd,
            events: libc::POLLIN,
            revents: 0,
        };
        let mut watched = [
            entry(self.listener.as_raw_fd()),
            entry(self.heard.as_raw_fd()),
        ];
        while !self.is_over() {
            // SAFETY: two entries of ours, whose descriptors live as long as this does.
            if unsafe { libc::poll(watched.as_mut_ptr(), 2, -1) } > 0 && watched[0].revents != 0 {
                return !self.is_over();
            }
        }
        false
    }
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
