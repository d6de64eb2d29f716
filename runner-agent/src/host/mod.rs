//! The host of one account's `codex app-server`: it owns the process, its events and its key, and
//! outlives the agent that started it.

pub mod jail;
mod journal;
mod launch;
mod open;
mod ops;
mod outbox;
mod record;
pub mod spec;
mod spool;
mod threads;
mod workspace;

pub use launch::{find, has_unsent, launch, pid};
pub use spec::Spec;

/// Hosts until nobody needs it.
pub async fn run(spec: Spec) -> anyhow::Result<()> {
    anyhow::bail!("{}: not hosted yet", spec.process)
}
