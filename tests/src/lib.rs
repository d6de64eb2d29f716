//! The proof: real parts on free ports, torn down when a test ends.

pub mod account;
pub mod build;
mod capnp;
pub mod client;
pub mod codex;
pub mod command;
pub mod config;
pub mod d1;
pub mod demo;
pub mod dev;
mod lock;
pub mod object;
pub mod openai;
pub mod packages;
pub mod paths;
pub mod python;
pub mod rehearsal;
pub mod routes;
pub mod runner_peer;
pub mod secret;
pub mod source;
pub mod steps;
pub mod terminal;
pub mod workerd;
pub mod world;
