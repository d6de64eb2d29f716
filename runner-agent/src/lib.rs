//! The runner's parts: the host of one account's process, and what it shares with the agent.

pub mod codex;
pub mod dialect;
pub mod host;
pub mod local;
