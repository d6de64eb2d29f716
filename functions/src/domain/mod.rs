//! Decisions: values in, values out. No clock, no randomness, no `async`, no `worker`: everything
//! here runs and is tested natively.

pub mod access;
pub mod account;
pub mod admission;
pub mod attempts;
pub mod auto_top_up;
pub mod booking;
pub mod codex;
pub mod consent;
pub mod cookie;
pub mod country;
pub mod credential;
pub mod customer;
pub mod fair_use;
pub mod hub;
pub mod ledger;
pub mod limit;
pub mod link;
pub mod meter;
pub mod methods;
pub mod next;
pub mod notice;
pub mod operation;
pub mod own_usage;
pub mod person;
pub mod placement;
pub mod plan;
pub mod price;
pub mod release;
pub mod route;
pub mod seal;
pub mod session;
pub mod signature;
pub mod token;
pub mod unlimited;
pub mod window;
