//! The host as its agent sees it, over an app-server that shows every fault on demand.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a proof stops at the first surprise"
)]

mod client;
mod faults;
mod life;
mod promises;
mod world;
