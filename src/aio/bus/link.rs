//! The connection, and the thread that has it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use async_nats::{Client, ConnectError, ConnectErrorKind, ConnectOptions, ServerAddr};
use freeswitch::event::snapshot::Snapshot;
use freeswitch::event::wire::decode;
use freeswitch::{Detached, edge};
use parking_lot::{Condvar, Mutex};
use tokio::runtime::Builder;
use tokio::sync::{Notify, Semaphore, mpsc, watch};
use tokio::time::{sleep, timeout};

use super::setting::Setting;
use super::shared::{
    CURRENT, REFUSED, REQUESTS, Shared, State, UNKNOWN, is_of_certificate, without_signals,
};
use super::task::{Forgotten, Job, Outgoing};
use super::{
    asker, call_records, forget, job, listen, long, outgoing, publisher, pulse, records, remote,
};

/// The thread's stack, in bytes, and that of threads that look names up.
const STACK: usize = 8 << 20;
/// How many requests are under way.
const AT_ONCE: usize = 256;
/// How many events wait to be sent, and how many messages to workers, or keys that calls have left.
const EVENTS: usize = 8192;
const MESSAGES: usize = 16384;
/// How long a server gets to answer, and after how long a silence it is asked.
const PATIENCE: Duration = Duration::from_secs(5);
const SILENCE: Duration = Duration::from_secs(5);
/// How long what has been said gets to leave, at the end.
const LAST: Duration = Duration::from_millis(500);

struct Running {
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    thread: JoinHandle<()>,
}

static RUNNING: Mutex<Option<Running>> = Mutex::new(None);
/// Links as this says, or not at all.
pub fn set(held: &Detached, setting: Option<&Setting>) {
    change(held, setting, true);
}

/// As [`set`], for a program that has no switch.
pub(super) fn set_alone(held: &Detached, setting: Option<&Setting>) {
    change(held, setting, false);
}

fn change(held: &Detached, setting: Option<&Setting>, has_switch: bool) {
    if edge::is_forked() {
        return;
    }
    let mut running = RUNNING.lock();
    if running.as_ref().map(|running| &running.shared.setting) == setting {
        return;
    }
    let recorded = setting.and_then(|setting| setting.call_records.as_ref());
    if recorded.is_none() {
        call_records::set(held, None);
    }
    if let Some(before) = running.take() {
        if setting.is_none() {
            records::end(*before.shared.state.lock() == State::Up);
        }
        close(held, before);
    }
    if let Some(setting) = setting.filter(|_| has_switch) {
        records::begin(setting);
        call_records::set(held, recorded);
    }
    *running = setting.and_then(|setting| match open(setting.clone(), has_switch) {
        Ok(opened) => Some(opened),
        Err(error) => {
            CURRENT.lock().take();
            tracing::error!("MR0023 there is no thread for the bus: {error}");
            None
        }
    });
}

/// Ends the link; no thread is left.
pub fn end(held: &Detached) {
    change(held, None, true);
}

fn open(setting: Setting, has_switch: bool) -> std::io::Result<Running> {
    let (jobs, queued_jobs) = mpsc::channel(REQUESTS);
    let (events, queued_events) = mpsc::channel(EVENTS);
    let (outgoing, queued_messages) = mpsc::channel(MESSAGES);
    let (forgotten, queued_keys) = mpsc::channel(MESSAGES);
    let (stop, stopped) = watch::channel(false);
    let shared = Arc::new(Shared {
        setting,
        has_switch,
        jobs,
        events,
        outgoing,
        forgotten,
        state: Mutex::new(State::Down("it is not connected yet".to_owned())),
        opened: Instant::now(),
        connected: Mutex::new(None),
        echo: Mutex::new(None),
        echo_came: Condvar::new(),
        asks_for_echo: Notify::new(),
        last_said: AtomicU64::new(0),
        told: Mutex::new(None),
        store: Mutex::new(None),
        streams: Mutex::new(Vec::new()),
        changed: Notify::new(),
        watched: Notify::new(),
    });
    // Before the thread takes what is answered by way of it.
    *CURRENT.lock() = Some(shared.clone());
    let theirs = shared.clone();
    let thread = without_signals(|| {
        thread::Builder::new()
            .name("mod_rust bus".to_owned())
            .stack_size(STACK)
            .spawn(move || {
                edge::guard(c"bus", (), || {
                    let queues = Queues {
                        jobs: queued_jobs,
                        events: queued_events,
                        messages: queued_messages,
                        keys: queued_keys,
                    };
                    run(&theirs, queues, stopped);
                });
            })
    })?;
    Ok(Running {
        shared,
        stop,
        thread,
    })
}

fn close(held: &Detached, running: Running) {
    let Running {
        shared,
        stop,
        thread,
    } = running;
    CURRENT.lock().take();
    let _ = stop.send(true);
    // A panic in it was logged by its guard.
    let _ = thread.join();
    long::forget();
    publisher::end(held);
    *shared.state.lock() = State::None;
}

/// What others have left to be done.
struct Queues {
    jobs: mpsc::Receiver<Job>,
    events: mpsc::Receiver<Snapshot>,
    messages: mpsc::Receiver<Outgoing>,
    keys: mpsc::Receiver<Forgotten>,
}

fn run(shared: &Arc<Shared>, queues: Queues, stopped: watch::Receiver<bool>) {
    let runtime = Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .thread_name("mod_rust bus names")
        .thread_stack_size(STACK)
        .max_blocking_threads(2)
        .build();
    match runtime {
        Ok(runtime) => {
            runtime.block_on(serve(shared, queues, stopped));
            // A name that is still looked up by the system has nothing of ours.
            runtime.shutdown_timeout(Duration::from_millis(200));
        }
        Err(error) => tracing::error!("MR0023 the bus cannot be used: {error}"),
    }
}

async fn serve(shared: &Arc<Shared>, queues: Queues, mut stopped: watch::Receiver<bool>) {
    let Queues {
        mut jobs,
        events,
        messages,
        keys,
    } = queues;
    let (found, client) = watch::channel(None);
    let slots = Arc::new(Semaphore::new(AT_ONCE));
    let work = async {
        while let Some(job) = jobs.recv().await {
            let Ok(slot) = slots.clone().acquire_owned().await else {
                return;
            };
            let (client, shared) = (client.clone(), shared.clone());
            tokio::spawn(async move {
                job::run(job, client, &shared).await;
                drop(slot);
            });
        }
    };
    let connected = async {
        let client = connect(shared).await;
        // It lives as long as the link does.
        let _ = found.send(Some(client));
        std::future::pending::<()>().await;
    };
    tokio::select! {
        _ = stopped.wait_for(|stopped| *stopped) => {}
        () = connected => {}
        () = work => {}
        () = publisher::send(shared, client.clone(), events) => {}
        () = outgoing::send_all(client.clone(), messages) => {}
        () = forget::forget_all(shared, client.clone(), keys) => {}
        () = remote::hear(shared, client.clone()) => {}
        () = publisher::heed(shared, client.clone()) => {}
        () = publisher::beat(shared, client.clone()) => {}
        () = pulse::keep(shared, client.clone()) => {}
        () = asker::ask(shared, client.clone()) => {}
        () = listen::listen(shared, client.clone()) => {}
        () = records::send(shared, client.clone()) => {}
    }
    let left = client.borrow().clone();
    if let Some(client) = left {
        // Where the server is away nothing leaves, and that is that.
        let _ = timeout(LAST, client.flush()).await;
    }
}

/// Tries until a server is there.
async fn connect(shared: &Arc<Shared>) -> Client {
    let mut wait = Duration::from_millis(100);
    loop {
        match attempt(shared).await {
            Ok(client) => return client,
            Err(why) => shared.down(&why),
        }
        sleep(wait).await;
        wait = (wait * 2).min(Duration::from_secs(5));
    }
}

async fn attempt(shared: &Arc<Shared>) -> Result<Client, String> {
    let servers: Vec<ServerAddr> = shared
        .setting
        .servers
        .iter()
        .map(|server| server.parse())
        .collect::<Result<_, _>>()
        .map_err(|error| format!("not the address of a server: {error}"))?;
    let options = options(shared)?;
    // A name server that says nothing is waited for no longer, either.
    match timeout(PATIENCE * 2, options.connect(servers)).await {
        Ok(connected) => connected.map_err(|error| why(&error, &shared.setting)),
        Err(_) => Err(SLOW.to_owned()),
    }
}

fn options(shared: &Arc<Shared>) -> Result<ConnectOptions, String> {
    let setting = &shared.setting;
    let mut options = ConnectOptions::new()
        .name(format!("mod_rust {}", setting.node))
        .connection_timeout(PATIENCE)
        .ping_interval(SILENCE)
        .request_timeout(Some(PATIENCE))
        .reconnect_delay_callback(|attempts| match attempts {
            0 | 1 => Duration::from_millis(20),
            _ => Duration::from_millis(50 << attempts.min(7)).min(Duration::from_secs(5)),
        });
    // What stands in a URL is no secret of the client's own: it takes it from its options alone.
    for (name, password) in setting.servers.iter().filter_map(|url| named_in(url)) {
        options = match password {
            Some(password) => options.user_and_password(name, password),
            None => options.token(name),
        };
    }
    if let Some(user) = &setting.user {
        options =
            options.user_and_password(user.clone(), setting.password.clone().unwrap_or_default());
    }
    if let Some(token) = &setting.token {
        options = options.token(token.clone());
    }
    if let Some(file) = &setting.credentials {
        let read = std::fs::read_to_string(file).and_then(|text| options.credentials(&text));
        options = read.map_err(|error| format!("bus-credentials {}: {error}", file.display()))?;
    }
    for (name, file) in tls_files(setting) {
        // The client names no file.
        let read = std::fs::File::open(file);
        read.map_err(|error| format!("{name} {}: {error}", file.display()))?;
    }
    if let Some(file) = &setting.authority {
        options = options.add_root_certificates(file.clone());
    }
    if let Some((certificate, key)) = &setting.certificate {
        options = options.add_client_certificate(certificate.clone(), key.clone());
    }
    let whose = Arc::downgrade(shared);
    Ok(options.event_callback(move |event| {
        let shared = whose.upgrade();
        async move {
            if let Some(shared) = shared {
                shared.heard(&event);
            }
        }
    }))
}

/// The files that TLS needs, each with its parameter.
fn tls_files(setting: &Setting) -> Vec<(&'static str, &Path)> {
    let own = setting.certificate.as_ref();
    let named = [
        ("bus-ca", setting.authority.as_ref()),
        ("bus-certificate", own.map(|(certificate, _)| certificate)),
        ("bus-key", own.map(|(_, key)| key)),
    ];
    let named = named.into_iter();
    named
        .filter_map(|(name, file)| Some((name, file?.as_path())))
        .collect()
}

/// The user and the password in a URL, or the token where there is no password.
fn named_in(url: &str) -> Option<(String, Option<String>)> {
    let (_, rest) = url.split_once("://").unwrap_or(("", url));
    let (named, _) = rest.rsplit_once('@')?;
    let plain = |text: &str| String::from_utf8_lossy(&decode(text.as_bytes())).into_owned();
    Some(match named.split_once(':') {
        Some((user, password)) => (plain(user), Some(plain(password))),
        None => (plain(named), None),
    })
}

const SLOW: &str = "it does not answer within 5 s";
const NO_TLS: &str = "it speaks no TLS, which tls:// asks for: name it by nats://";
const SIGNED: &str = "bus-ca, or --ca, names who has signed the server's certificate";
/// What rustls says of a certificate that nobody has signed whom we know.
const SIGNED_BY_ANOTHER: [&str; 2] = ["UnknownIssuer", "BadSignature"];

/// In one line.
fn why(error: &ConnectError, setting: &Setting) -> String {
    let text = match error.kind() {
        ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => {
            REFUSED.to_owned()
        }
        ConnectErrorKind::TimedOut => SLOW.to_owned(),
        ConnectErrorKind::Tls => {
            let files = tls_files(setting);
            let files: Vec<_> = files
                .iter()
                .map(|(name, file)| format!("{name} {}", file.display()))
                .collect();
            format!("{error} ({})", files.join(", "))
        }
        _ => {
            let text = error.to_string();
            if is_of_certificate(&text) {
                UNKNOWN.to_owned()
            } else if text.contains("InvalidContentType") {
                NO_TLS.to_owned()
            } else if SIGNED_BY_ANOTHER.iter().any(|kind| text.contains(kind)) {
                format!("{text}: {SIGNED}")
            } else {
                text
            }
        }
    };
    text.replace(['\n', '\r'], " ")
}
