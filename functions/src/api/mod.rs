//! The dialects: one folder for each API family. Thin handlers over shared services; a family adds
//! translation and its grammar of failure, never logic.

pub mod admin;
pub mod agent;
pub mod app_server;
mod key_wish;
pub mod openai;
mod paging;
pub mod projects;
pub mod runner;
pub mod system;

use crate::http::Family;

/// The whole surface in one list.
pub fn families() -> Vec<Family> {
    vec![
        system::family(),
        openai::family(),
        agent::family(),
        projects::family(),
        app_server::family(),
        runner::family(),
        admin::family(),
    ]
}
