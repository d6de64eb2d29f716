//! One dial: the number it carries, the claims, the clock, and the socket.

use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use schema::Timestamp;
use tokio::time::timeout;

use crate::codex::{self, Facts};
use crate::credential::{self, Credential};
use crate::edge::Edge;
use crate::tunnel::{self, Ears, Failure, Mouth};

/// A clock that is off by more is what the edge may have refused.
pub const CLOCK_TRUSTED_MS: i64 = 5_000;

/// A codex that hangs keeps the tunnel waiting for no longer than this.
const FACTS: Duration = Duration::from_secs(5);

/// What a dial needs to know.
pub struct Dial {
    /// Whereto.
    pub edge: Rc<Edge>,
    /// As whom.
    pub credential: Rc<Credential>,
    /// Where connections are counted.
    pub state: PathBuf,
    /// How far the edge's clock is ahead of this machine's.
    pub clock_ahead_ms: i64,
    /// The codex that new processes will run…
    pub codex: PathBuf,
    /// … and where its facts are remembered.
    pub cache: PathBuf,
}

/// What a dial came to.
pub struct Dialled {
    /// The socket, and the number it was opened with.
    pub opened: Result<(u64, Mouth, Ears), Failure>,
    /// See [`Dial::clock_ahead_ms`]; corrected if the edge refused for it.
    pub clock_ahead_ms: i64,
    /// What the codex of today says of itself; nothing if there is none.
    pub codex: anyhow::Result<Facts>,
}

impl Dial {
    /// Dials, and if the edge refused for the clock, once more by the edge's.
    pub async fn run(mut self) -> Dialled {
        let (codex, mut opened) = tokio::join!(self.facts(), self.once());
        if let Err(Failure::Refused(refused)) = &opened
            && let Some(date) = refused.date.filter(|_| refused.is_final())
        {
            let ahead = date.since(now());
            if (ahead - self.clock_ahead_ms).abs() > CLOCK_TRUSTED_MS {
                tracing::warn!(
                    seconds = ahead / 1000,
                    "this machine's clock is off: using the edge's"
                );
                self.clock_ahead_ms = ahead;
                opened = self.once().await;
            }
        }
        Dialled { opened, clock_ahead_ms: self.clock_ahead_ms, codex }
    }

    /// The binary may have been updated since the last dial; the same file is not asked twice.
    async fn facts(&self) -> anyhow::Result<Facts> {
        let facts = timeout(FACTS, codex::facts(&self.codex, &self.cache)).await;
        facts.context("codex did not say in time what it is")?
    }

    async fn once(&self) -> Result<(u64, Mouth, Ears), Failure> {
        let stream = self.edge.dial().await?;
        // Only now: a number that nobody heard of would be written to the disk for nothing.
        let generation = credential::next_generation(&self.state)?;
        let at = now().plus_millis(self.clock_ahead_ms);
        let authorization = self.credential.sign("connect", generation, at)?;
        let (mouth, ears) = tunnel::open(&self.edge, stream, &authorization).await?;
        Ok((generation, mouth, ears))
    }
}

/// This machine's clock.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let millis = since.map(|since| since.as_millis()).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}

/// A random name for this start of the agent.
pub fn boot() -> anyhow::Result<String> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).context("the machine gives no random numbers")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// 32 random bits. A machine without any still has to spread its dials: its clock must do.
pub fn dice() -> u32 {
    let mut bytes = [0; 4];
    match getrandom::fill(&mut bytes) {
        Ok(()) => u32::from_le_bytes(bytes),
        Err(_) => u32::try_from(now().millis() & 0xffff_ffff).unwrap_or_default(),
    }
}
