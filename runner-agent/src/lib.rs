//! The runner's parts: the agent, the host of one account's process, and what they share.

pub mod agent;
pub mod backoff;
pub mod cli;
pub mod codex;
pub mod config;
pub mod credential;
pub mod date;
pub mod dialect;
pub mod display;
pub mod doctor;
pub mod edge;
pub mod host;
pub mod link;
pub mod local;
pub mod local_status;
pub mod proxy;
pub mod register;
pub mod run;
pub mod service;
pub mod tunnel;
