//! What a stranger can see from outside, against the true Worker on the true runtime.

mod abort;
mod access;
mod admin;
mod agent;
mod bill;
mod books;
mod burst;
mod codex;
mod contract;
mod crash;
mod deploy;
mod desk;
mod dev;
mod dice;
mod disk;
mod health;
mod host;
mod limits;
mod openai;
mod openai_clients;
mod panic;
mod prices;
mod rehearsal;
mod settlement;
mod storage;
mod waiting;
