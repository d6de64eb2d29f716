//! The host as its agent sees it, over an app-server that shows every fault on demand.

mod client;
mod faults;
mod life;
mod promises;
