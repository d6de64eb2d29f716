//! `/admin/api`: what an operator does.

mod billing;
mod keys;
mod users;
mod wallets;
