//! `cargo dev`: the whole system on this machine. `cargo dev build`: only the Worker.

use std::env;
use std::process::ExitCode;

use anyhow::{Result, bail};
use tests::{build, steps};

fn main() -> ExitCode {
    steps::elapsed();
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\ncargo dev stops: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    match env::args().nth(1).as_deref() {
        Some("build") => {
            build::ensure()?;
            Ok(())
        }
        None => bail!("not yet"),
        Some(other) => bail!("`{other}` is not known; say `cargo dev` or `cargo dev build`"),
    }
}
