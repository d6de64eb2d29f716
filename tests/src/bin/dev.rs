//! `cargo dev` starts the whole system on this machine; `cargo dev build` only builds the Worker,
//! `cargo dev check` only says what the compiler thinks of it, and `cargo dev seed` fills the
//! system's storage with as many customers, sums of usage and runners as are named.

use std::env;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use tests::d1::seed;
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
        Some("seed") => dev::seed(plan()?).await,
        None => dev::run().await,
        Some(other) => bail!(
            "`{other}` is not known; say `cargo dev`, `cargo dev build`, `cargo dev check` or \
             `cargo dev seed`"
        ),
    }
}

/// `cargo dev seed 100000 1000000 500`: customers, sums, runners.
fn plan() -> Result<seed::Plan> {
    let number = |at: usize, usual: u64| match env::args().nth(at) {
        Some(text) => text.parse().with_context(|| format!("`{text}` is no number")),
        None => Ok(usual),
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    Ok(seed::Plan {
        customers: number(2, 100_000)?,
        sums: number(3, 1_000_000)?,
        runners: number(4, 500)?,
        seed: number(5, 1)?,
        until: i64::try_from(now)?,
    })
}
