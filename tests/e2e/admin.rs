//! `/admin/api`: what an operator does.

mod billing;
mod keys;
mod pages;
mod sign_in;
mod users;
mod wallets;
