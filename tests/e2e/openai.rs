//! `/v1/responses` and `/v1/models`: what is refused, how, and what passes through untouched.

mod body;
mod bytes;
mod caller;
mod cli;
mod provider;
