//! The verbs, shared by every family. They find, decide through `domain` and the objects, and act;
//! they know no status code and no wire form of any family.

pub mod accounts;
pub mod admission;
pub mod audit;
pub mod billing;
pub mod fleet;
pub mod keys;
pub mod models;
pub mod placement;
pub mod responses;
pub mod runners;
pub mod wallets;
