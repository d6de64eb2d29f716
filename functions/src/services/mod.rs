//! The verbs, shared by every family. They find, decide through `domain` and the objects, and act;
//! they know no status code and no wire form of any family.

pub mod accounts;
pub mod acting;
pub mod admission;
pub mod approvals;
pub mod audit;
pub mod billing;
pub mod customers;
pub mod fleet;
mod holds;
pub mod keys;
pub mod machine_auth;
pub mod models;
pub mod notices;
pub mod people;
pub mod placement;
pub mod releases;
pub mod responses;
pub mod rpc;
pub mod runners;
pub mod sessions;
pub mod subscriptions;
pub mod system;
pub mod threads;
pub mod turns;
pub mod upkeep;
pub mod wallets;
