//! `/admin/api`: what an operator does.

mod billing;
mod keys;
mod pages;
mod users;
mod wallets;
