//! `/api/*`: codex's own app-server over HTTP.

mod alone;
mod methods;
mod own;
mod raw;
pub mod releases;
pub mod seat;
mod story;
mod upheaval;
