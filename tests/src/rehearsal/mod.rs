//! The scripted model: speaks the OpenAI Responses wire with no network and no model behind it.
//!
//! Real clients are led through any turn by what their prompts say; see [`script`] for the words.
//! `GET /v1/models` and `GET /health` answer too, and [`control`] is for tests in other processes.

pub mod control;
pub mod log;
mod models;
mod play;
mod request;
pub mod script;
mod server;
mod speech;
pub mod stage;
mod take;
pub mod usage;
mod wire;

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;

pub use log::{Counts, End, Record};
pub use stage::{Next, Raw};
pub use usage::Usage;

use stage::Stage;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

/// Plays for everyone who connects, for ever.
pub async fn serve(listener: TcpListener) -> io::Result<()> {
    server::serve(listener, Arc::default()).await
}

/// A rehearsal in this process, on a thread and a port of its own, until it is dropped.
#[derive(Debug)]
pub struct Rehearsal {
    /// `http://127.0.0.1:PORT`, without `/v1`.
    pub url: String,
    stage: Arc<Stage>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Rehearsal {
    /// Starts one that lets in every bearer.
    pub fn start() -> Rehearsal {
        Rehearsal::open(Stage::default()).expect("a free port on the loopback")
    }

    /// Starts one that answers 401 to all bearers but this.
    pub fn with_key(key: &str) -> Rehearsal {
        let stage = Stage::with_key(Some(key.to_owned()));
        Rehearsal::open(stage).expect("a free port on the loopback")
    }

    /// All requests under `/v1`, oldest first.
    pub fn requests(&self) -> Vec<Record> {
        self.stage.log.records()
    }

    /// The requests for a response.
    pub fn responses(&self) -> Vec<Record> {
        let asks = |record: &Record| record.method == "POST" && record.path.contains("/responses");
        self.requests().into_iter().filter(asks).collect()
    }

    /// The bodies of the requests for a response, byte for byte.
    pub fn bodies(&self) -> Vec<Box<[u8]>> {
        self.stage.log.bodies()
    }

    pub fn counts(&self) -> Counts {
        self.stage.log.counts()
    }

    /// The most responses that were in work at one time.
    pub fn max_running(&self) -> usize {
        self.counts().max_running
    }

    /// The next request plays these directives, whatever its prompt says. Calls queue up.
    pub fn next(&self, directives: &str) {
        self.stage.queue(Next::Script(directives.to_owned()));
    }

    /// The next request gets this answer, byte by byte.
    pub fn next_raw(&self, raw: Raw) {
        self.stage.queue(Next::Raw(raw));
    }

    /// Opens a gate for all who wait and all who come, until the next reset.
    pub fn release(&self, gate: &str) {
        self.stage.release(gate);
    }

    /// An empty log, closed gates, an empty queue.
    pub fn reset(&self) {
        self.stage.reset();
    }

    /// Waits until this many requests for a response have arrived, and returns them.
    pub async fn wait_for(&self, requests: usize) -> Vec<Record> {
        self.wait_until(|counts| counts.arrived >= requests).await;
        self.responses()
    }

    /// Waits until nothing is in work.
    pub async fn wait_until_idle(&self) -> Vec<Record> {
        self.wait_until(|counts| counts.running == 0).await;
        self.responses()
    }

    /// Waits until the counts are as wished; panics if they are not within half a minute.
    pub async fn wait_until(&self, wished: impl Fn(Counts) -> bool) {
        let waited = tokio::time::timeout(PATIENCE, self.stage.log.wait(wished)).await;
        assert!(waited.is_ok(), "waited in vain; the counts are {:?}", self.counts());
    }

    fn open(stage: Stage) -> io::Result<Rehearsal> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let url = format!("http://{}", listener.local_addr()?);
        let stage = Arc::new(stage);
        let (stop, stopped) = oneshot::channel();
        let served = Arc::clone(&stage);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                let Ok(listener) = TcpListener::from_std(listener) else { return };
                tokio::select! {
                    _ = stopped => {}
                    _ = server::serve(listener, served) => {}
                }
            });
        });
        Ok(Rehearsal { url, stage, stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Rehearsal {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of that thread has been reported by itself.
            let _ = thread.join();
        }
    }
}
