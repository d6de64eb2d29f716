//! What a stranger can see from outside, against the true Worker on the true runtime.

mod deploy;
mod dev;
mod health;
mod rehearsal;
mod storage;
