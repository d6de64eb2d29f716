//! The runner: one native binary that hosts `codex app-server` processes and dials out to the edge.

use std::process::ExitCode;

fn main() -> ExitCode {
    eprintln!("runner-agent {}: this version has no commands yet", env!("CARGO_PKG_VERSION"));
    ExitCode::from(2)
}
