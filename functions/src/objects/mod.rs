//! Durable Objects: thin shells around `domain`. They know SQL, sockets and timers; they decide
//! nothing.

pub mod account;
mod frame;
pub mod gate;
pub mod project;
pub mod runner;
mod signal;
mod sql;
pub mod stub;
pub mod ticker;
