//! `run`: the agent with everything around it that a test brings itself: signals, the network, the
//! log, and what is served on this machine.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Mutex;

use anyhow::{Context, Result};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};

use crate::agent::{self, Agent, Inputs, Outcome, Signal};
use crate::config::Settings;
use crate::credential::Credential;
use crate::display::{self, Screen};
use crate::link::{Change, LOOK_CONNECTED, LOOK_DISCONNECTED, SETTLES, Watch};
use crate::{local_status, register};

/// Requests of this machine, signals and changes of the network wait here, for a moment.
const WAITING_MAX: usize = 16;

/// Hosts processes until there is a reason to end, and returns the exit code.
pub async fn run(settings: Settings) -> Result<u8> {
    let screen = Screen::of_terminal().filter(|_| settings.log_file.is_none());
    begin_log(&settings, screen.clone())?;
    let mut credential = Credential::read(&settings.state)?;
    if let Some(url) = &settings.url {
        url.trim_end_matches('/').clone_into(&mut credential.url);
    }
    tracing::info!(
        runner = %credential.runner,
        edge = credential.url,
        version = env!("CARGO_PKG_VERSION"),
        "begins"
    );
    let runner = Agent::new(settings.clone(), credential.clone())?;
    let (to_controls, controls) = mpsc::channel(WAITING_MAX);
    let _socket = local_status::serve_control(settings.control()?, to_controls.clone())?;
    if let Some(address) = settings.status_listen {
        match TcpListener::bind(address).await {
            Ok(listener) => local_status::serve_loopback(listener, to_controls.clone()),
            Err(error) => tracing::warn!(%address, %error, "/healthz and /metrics are not served"),
        }
    }
    if let Some(screen) = screen {
        tokio::spawn(display::show(screen, to_controls));
    }
    let inputs = Inputs { signals: signals()?, controls, changes: changes(runner.connected()) };
    let outcome = runner.run(inputs).await;
    tracing::info!(code = outcome.code(), "{}", outcome.words());
    if outcome == Outcome::Left {
        register::leave(&settings, &credential, settings.ca_file.as_deref()).await?;
        agent::end_hosts(&settings, &credential.url)?;
        Credential::remove(&settings.state)?;
    }
    Ok(outcome.code())
}

fn begin_log(settings: &Settings, screen: Option<Screen>) -> Result<()> {
    let log = tracing_subscriber::fmt().with_max_level(settings.log_level).with_target(false);
    match (&settings.log_file, screen) {
        (Some(path), _) => {
            let mut options = OpenOptions::new();
            let file = options.append(true).create(true).mode(0o600).open(path);
            let file = file.with_context(|| format!("{} cannot be written", path.display()))?;
            log.json().with_writer(Mutex::new(file)).init();
        }
        (None, Some(screen)) => log.with_writer(screen).init(),
        (None, None) => log.with_ansi(false).with_writer(std::io::stderr).init(),
    }
    Ok(())
}

fn signals() -> Result<mpsc::Receiver<Signal>> {
    let (send, signals) = mpsc::channel(WAITING_MAX);
    let kinds = [
        (SignalKind::terminate(), Signal::Terminate),
        (SignalKind::interrupt(), Signal::Terminate),
        (SignalKind::user_defined2(), Signal::Detach),
        (SignalKind::quit(), Signal::Force),
    ];
    for (kind, meaning) in kinds {
        let mut stream = signal(kind).context("signals cannot be heard")?;
        let send = send.clone();
        tokio::spawn(async move {
            while stream.recv().await.is_some() && send.send(meaning).await.is_ok() {}
        });
    }
    Ok(signals)
}

/// Looks at the network, more often while there is no tunnel or just after a change.
fn changes(connected: watch::Receiver<bool>) -> mpsc::Receiver<Change> {
    let (send, changes) = mpsc::channel(WAITING_MAX);
    tokio::spawn(async move {
        let mut network = Watch::begin();
        let mut settled_at = Instant::now();
        while !send.is_closed() {
            let settled = *connected.borrow() && settled_at <= Instant::now();
            sleep(if settled { LOOK_CONNECTED } else { LOOK_DISCONNECTED }).await;
            let Some(change) = network.look() else { continue };
            settled_at = Instant::now() + SETTLES;
            if send.send(change).await.is_err() {
                return;
            }
        }
    });
    changes
}
