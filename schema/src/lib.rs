//! The contract: every type that crosses a wire, and nothing that acts.
//!
//! What belongs here: identifiers, money, time, the vocabulary of failure, and the request and
//! answer types of each API family. What does not: clocks, randomness, I/O, and any rule about what
//! should happen.
#![warn(missing_docs)]

pub mod admin;
pub mod agent;
pub mod app_server;
pub mod error;
pub mod id;
pub mod money;
pub mod openai;
pub mod page;
pub mod rpc;
pub mod runner;
pub mod stripe;
pub mod time;
pub mod tunnel;
#[cfg(not(target_arch = "wasm32"))]
mod words;
pub mod workspace;

pub use error::{Code, Error, FieldError, Result};
pub use id::{
    AccountId, AskId, CallId, Id, KeyId, NoticeId, OpId, PaymentId, ProjectId, PromptId, RunnerId,
};
pub use money::MicroUsd;
pub use time::Timestamp;
