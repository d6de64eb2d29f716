//! What a stranger can see from outside, against the true Worker on the true runtime.

mod bill;
mod codex;
mod deploy;
mod dev;
mod health;
mod openai_clients;
mod rehearsal;
mod storage;
