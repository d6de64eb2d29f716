//! The host of one account's `codex app-server`: it owns the process, its events and its key, and
//! outlives the agent that started it.
//!
//! One loop waits for everything at once; what happens is handled without waiting, so nothing that
//! hangs can hold up the rest. [`frames`] handles what the hub sends, [`feed`] what the process
//! says, [`life`] how the process begins and ends, and [`pump`] what goes to the hub.

mod calls;
mod child;
mod command;
mod door;
mod feed;
mod files;
mod frames;
pub mod jail;
mod journal;
mod key_proxy;
mod late;
mod launch;
mod life;
mod open;
mod ops;
mod outbox;
mod pump;
mod record;
mod segment;
pub mod spec;
mod spool;
mod store;
mod threads;
mod way;
mod workspace;

use std::fs::{self, File, OpenOptions};
use std::future::pending;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::pin::{Pin, pin};
use std::process::ExitStatus;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use rustix::fs::{FlockOperation, flock};
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use schema::Timestamp;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, Sleep, sleep, timeout};

pub use launch::{find, has_unsent, launch, pid};
pub use spec::Spec;

use calls::Calls;
use child::{Child, Input, Output};
use command::Prepared;
use door::{Agent, Attachment, Outlet};
use files::Work;
use files::watch::{self, Watcher};
use key_proxy::{Key, KeyProxy};
use late::{Late, Now};
use life::Life;
use ops::Ops;
use spool::Spool;
use store::Store;
use threads::Threads;

use crate::local::Reader;

/// A host's log is begun anew when it has grown larger than this.
const LOG_MAX_BYTES: u64 = 8 * 1024 * 1024;

/// At its end a host waits this long for its agent to take what it still has to say.
const FAREWELL: Duration = Duration::from_secs(1);
/// Somebody who looks whether a host is alive holds the lock for a moment.
const LOCK_TRIES: u32 = 50;
const LOCK_TRY_AGAIN: Duration = Duration::from_millis(10);

/// Everything that a host knows.
struct Host {
    spec: Spec,
    store: Store,
    ops: Ops,
    threads: Threads,
    late: Late,
    spool: Spool,
    calls: Calls,
    work: Work,
    watcher: Watcher,
    agent: Option<Agent>,
    life: Life,
    child: Option<Child>,
    prepared: Option<Prepared>,
    key: Key,
    proxy: Option<KeyProxy>,
    /// What the process answered when it was introduced.
    introduced: Bytes,
    /// Operations that wait for the process to run, or to have ended.
    starts: Vec<schema::OpId>,
    stops: Vec<schema::OpId>,
    /// Starts in a row that came to nothing.
    failures: u32,
    /// What the hub was last told of the process.
    told: Option<life::Told>,
    /// Lines that were no messages, of the process that runs.
    garbage: u64,
    used_at: Instant,
    /// Since when nobody has needed this host.
    alone_since: Option<Instant>,
    /// The host itself was told to end.
    leaving: bool,
}

/// What the loop waits for.
enum Happened {
    /// The process was written to, or said something.
    Written(io::Result<()>),
    Said(io::Result<()>),
    Reaped(io::Result<ExitStatus>),
    Prepared(Result<Prepared>),
    /// The agent sent something, or was written to.
    Message(io::Result<Option<Bytes>>),
    Sent(io::Result<()>),
    Attached(Attachment),
    Synced(io::Result<()>),
    /// The host's own work on files came to something.
    Worked(Option<files::Done>),
    /// Files changed in a root that is watched.
    Changed(io::Result<()>),
    Time,
    Told,
}

/// Hosts until nobody needs it.
pub async fn run(spec: Spec) -> Result<()> {
    log_to_stderr();
    let _lock = lock(&spec).await?;
    // What this process holds is not for other processes of its user.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    let mut attachments = door::listen(&spec.socket)?;
    let mut end = signal(SignalKind::terminate())?;
    let mut alarm = pin!(sleep(Duration::ZERO));
    let mut host = Host::open(spec).await?;
    tracing::info!(process = %host.spec.process, last = host.store.last().0, "hosting");
    while !host.is_done() {
        host.pump();
        let happened = host.wait(&mut attachments, &mut end, alarm.as_mut()).await;
        host.handle(happened);
        host.tick(Instant::now());
    }
    tracing::info!("nobody needs this host");
    // What the agent misses, the next host sends again.
    let _ = timeout(FAREWELL, host.say_the_rest()).await;
    fs::remove_file(&host.spec.socket)?;
    host.store.close()
}

impl Host {
    async fn open(spec: Spec) -> Result<Self> {
        let store = Store::open(&spec)?;
        let ops = Ops::open(&spec.private).context("the memory of operations cannot be read")?;
        let threads = Threads::open(spec.private.join("threads.json"));
        let work = Work::open(&spec)?;
        let key = Key::default();
        let proxy = match spec.provider {
            schema::tunnel::Provider::Own => None,
            schema::tunnel::Provider::Edge => {
                if let Ok(text) = fs::read_to_string(spec.key()) {
                    key.set(text.trim())?;
                }
                Some(KeyProxy::start(&spec.edge, spec.ca_file.as_deref(), key.clone()).await?)
            }
        };
        Ok(Self {
            spec,
            store,
            ops,
            threads,
            late: Late::default(),
            spool: Spool::default(),
            calls: Calls::default(),
            work,
            watcher: Watcher::default(),
            agent: None,
            life: Life::Stopped,
            child: None,
            prepared: None,
            key,
            proxy,
            introduced: Bytes::new(),
            starts: Vec::new(),
            stops: Vec::new(),
            failures: 0,
            told: None,
            garbage: 0,
            used_at: Instant::now(),
            alone_since: None,
            leaving: false,
        })
    }

    /// Waits for whatever comes first. Every branch can be dropped without losing anything.
    ///
    /// The alarm is put forward only: to ring once too often costs less than to be set with every
    /// call anew.
    async fn wait(
        &mut self,
        attachments: &mut mpsc::Receiver<Attachment>,
        end: &mut Signal,
        mut alarm: Pin<&mut Sleep>,
    ) -> Happened {
        if let Some(deadline) = self.deadline()
            && (alarm.is_elapsed() || deadline < alarm.deadline())
        {
            alarm.as_mut().reset(deadline);
        }
        let is_set = !alarm.is_elapsed();
        let takes = self.store.stall().is_none();
        let (input, output, process) = match &mut self.child {
            Some(child) => (
                Some(&mut child.input).filter(|input| input.is_pending()),
                Some(&mut child.output).filter(|output| takes && !output.ended),
                Some(&mut child.process).filter(|_| child.ended.is_none()),
            ),
            None => (None, None, None),
        };
        let (reader, outlet) = match &mut self.agent {
            Some(agent) => {
                let outlet = Some(&mut agent.outlet).filter(|outlet| !outlet.is_free());
                (Some(&mut agent.reader), outlet)
            }
            None => (None, None),
        };
        let (preparing, syncing) = (self.life.preparing(), self.store.syncing());
        let (working, watching) = (self.work.under_way(), self.watcher.watching());
        tokio::select! {
            it = when(input, Input::flush) => Happened::Written(it),
            it = when(output, Output::read) => Happened::Said(it),
            it = when(process, tokio::process::Child::wait) => Happened::Reaped(it),
            it = when(reader, Reader::next) => Happened::Message(it),
            it = when(outlet, Outlet::flush) => Happened::Sent(it),
            it = when(preparing, joined) => Happened::Prepared(it.and_then(|it| it)),
            it = when(syncing, joined) => {
                Happened::Synced(it.unwrap_or_else(|error| Err(io::Error::other(error))))
            }
            it = when(working, files::next) => Happened::Worked(it),
            it = when(watching, watch::changed) => Happened::Changed(it),
            Some(it) = attachments.recv() => Happened::Attached(it),
            _ = end.recv() => Happened::Told,
            () = alarm, if is_set => Happened::Time,
        }
    }

    fn handle(&mut self, happened: Happened) {
        match happened {
            Happened::Written(Ok(()))
            | Happened::Sent(Ok(()))
            | Happened::Worked(None)
            | Happened::Time => {}
            Happened::Worked(Some(done)) => self.worked(done),
            Happened::Changed(Ok(())) => self.watcher.read(&self.spec, Instant::now()),
            Happened::Changed(Err(error)) => {
                tracing::error!(%error, "changes of files cannot be read any more");
                self.watcher = Watcher::default();
            }
            Happened::Written(Err(error)) => {
                // It has closed its input: its end follows, or is brought about.
                tracing::warn!(%error, "the process does not read any more");
                self.end_process(false, "");
            }
            Happened::Said(Ok(())) => self.read_lines(),
            Happened::Said(Err(error)) => {
                tracing::warn!(%error, "the process cannot be read");
                if let Some(child) = &mut self.child {
                    child.output.ended = true;
                }
                self.end_process(false, "it cannot be read");
            }
            Happened::Reaped(Ok(status)) => self.reaped(status),
            Happened::Reaped(Err(error)) => {
                tracing::error!(%error, "the process cannot be waited for");
                self.end_process(false, "it cannot be waited for");
            }
            Happened::Prepared(prepared) => self.prepared(prepared),
            Happened::Message(message) => self.received(message),
            Happened::Sent(Err(error)) => self.detached(&error.to_string()),
            Happened::Attached(attachment) => self.attached(attachment),
            Happened::Synced(result) => self.store.synced(result),
            Happened::Told => {
                self.leaving = true;
                self.refuse_waiting("the host ends");
                self.end_process(true, "the host ends");
            }
        }
    }

    async fn say_the_rest(&mut self) -> io::Result<()> {
        self.pump();
        while let Some(agent) = self.agent.as_mut().filter(|agent| !agent.outlet.is_free()) {
            agent.outlet.flush().await?;
            self.pump();
        }
        Ok(())
    }

    /// Handles a message, and those that came with it.
    fn received(&mut self, mut message: io::Result<Option<Bytes>>) {
        loop {
            let handled = match message {
                Ok(Some(message)) => self.message(&message).map_err(|error| error.to_string()),
                Ok(None) => Err("it closed the connection".to_owned()),
                Err(error) => Err(error.to_string()),
            };
            if let Err(why) = handled {
                return self.detached(&why);
            }
            let Some(agent) = &mut self.agent else { return };
            message = match agent.reader.take() {
                Ok(None) => return,
                taken => taken,
            };
        }
    }
}

/// What a part does, if it is there; otherwise it never comes.
async fn when<'a, T: ?Sized, R>(
    part: Option<&'a mut T>,
    act: impl AsyncFnOnce(&'a mut T) -> R,
) -> R {
    match part {
        Some(part) => act(part).await,
        None => pending().await,
    }
}

async fn joined<T>(task: &mut JoinHandle<T>) -> Result<T> {
    Ok(task.await?)
}

/// One host per account: the lock is held until this process ends, however it ends.
async fn lock(spec: &Spec) -> Result<File> {
    spec::private_dir(&spec.private)?;
    let mut options = OpenOptions::new();
    let options = options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let mut file = options.open(spec.pid())?;
    let mut tries = 0;
    while flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        tries += 1;
        if tries > LOCK_TRIES {
            bail!("{} is hosted already", spec.process);
        }
        sleep(LOCK_TRY_AGAIN).await;
    }
    file.set_len(0)?;
    write!(file, "{}", std::process::id())?;
    if fs::metadata(spec.log()).is_ok_and(|log| log.len() > LOG_MAX_BYTES) {
        OpenOptions::new().write(true).open(spec.log())?.set_len(0)?;
    }
    Ok(file)
}

/// JSON lines, which the starter has pointed at a file. Tests may have set up something else.
fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env();
    let filter = filter.unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().json().flatten_event(true).with_env_filter(filter);
    let _ = log.with_writer(io::stderr).try_init();
}

fn now() -> Timestamp {
    store::timestamp(SystemTime::now())
}

fn both_clocks() -> Now {
    Now { instant: Instant::now(), time: now() }
}

fn random<const BYTES: usize>() -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    if let Err(error) = getrandom::fill(&mut bytes) {
        // Ids are then as unique as the millisecond; the system has greater worries.
        tracing::error!(%error, "no randomness");
    }
    bytes
}

/// A random part of a time, evenly spread.
fn random_part(whole: Duration) -> Duration {
    let part = f64::from(u32::from_le_bytes(random())) / f64::from(u32::MAX);
    whole.mul_f64(part)
}
