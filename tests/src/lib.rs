//! The proof: real parts on free ports, torn down when a test ends.

pub mod build;
mod capnp;
mod command;
pub mod config;
pub mod d1;
mod lock;
pub mod packages;
pub mod paths;
pub mod steps;
pub mod workerd;
