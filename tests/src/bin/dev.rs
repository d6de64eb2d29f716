//! `cargo dev` starts the whole system on this machine; `cargo dev build` only builds the Worker,
//! and `cargo dev check` only says what the compiler thinks of it.

use std::env;
use std::process::ExitCode;

use anyhow::{Result, bail};
use tests::{build, dev, steps};

#[tokio::main]
async fn main() -> ExitCode {
    steps::elapsed();
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\ncargo dev stops: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<()> {
    match env::args().nth(1).as_deref() {
        Some("build") => build::ensure().map(drop),
        Some("check") => build::check(),
        None => dev::run().await,
        Some(other) => {
            bail!("`{other}` is not known; say `cargo dev`, `cargo dev build` or `cargo dev check`")
        }
    }
}
