//! `/admin/api`: what an operator does.

mod audit;
mod billing;
mod codex;
mod impersonation;
mod keys;
mod lesser;
mod overview;
mod pages;
mod sign_in;
mod system;
mod users;
mod wallets;
