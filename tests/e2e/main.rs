//! What a stranger can see from outside, against the true Worker on the true runtime.

mod bill;
mod codex;
mod deploy;
mod desk;
mod dev;
mod health;
mod limits;
mod openai;
mod openai_clients;
mod rehearsal;
mod storage;
