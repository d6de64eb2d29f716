//! What the agent tells people and programs on its own machine.

use schema::RunnerId;
use schema::tunnel::Process;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

/// Asked from the same machine, over the control socket or loopback.
#[derive(Debug)]
pub enum Control {
    /// How are you?
    Status(oneshot::Sender<Status>),
    /// Take no new work, or take it again; the answer is for a person.
    Drain(bool, oneshot::Sender<String>),
}

/// Whether there is a tunnel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Connection {
    /// Between two dials.
    Waiting,
    /// On the way.
    Dialling,
    /// Through.
    Connected,
}

impl Connection {
    /// For a person.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting to dial again",
            Self::Dialling => "dialling",
            Self::Connected => "connected",
        }
    }
}

/// How the agent is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Status {
    /// Its name for good.
    pub runner: RunnerId,
    /// What people call it.
    pub name: String,
    /// Whereto it dials.
    pub url: String,
    /// Its own version.
    pub agent: String,
    /// The version of the codex that new processes will run; empty if there is none.
    pub codex: String,
    /// The agent's process id.
    pub pid: u32,
    /// Whether there is a tunnel.
    pub connection: Connection,
    /// Why there is none, or why the last one ended.
    pub reason: String,
    /// Milliseconds that it has been so.
    pub since_ms: u64,
    /// The number of the connection.
    pub generation: u64,
    /// Tunnels opened since the start.
    pub tunnels: u64,
    /// How long the last sign of life took to be answered.
    pub round_trip_ms: Option<f64>,
    /// Whether it takes new work.
    pub draining: bool,
    /// Processes at most.
    pub capacity: u32,
    /// Processes that count towards the capacity.
    pub load: u32,
    /// Operations that are not answered yet.
    pub open_operations: u32,
    /// Frames from hosts to the hub since the start.
    pub frames_up: u64,
    /// Frames from the hub to hosts since the start.
    pub frames_down: u64,
    /// Every process that it keeps.
    pub processes: Vec<Process>,
}

impl Status {
    /// Whether new work would be taken.
    pub fn ready(&self) -> bool {
        self.connection == Connection::Connected && !self.draining
    }
}
