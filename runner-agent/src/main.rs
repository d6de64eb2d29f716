//! The runner: one native binary that hosts `codex app-server` processes and dials out to the edge.

use std::path::Path;

use anyhow::{Result, bail};
use runner_agent::host::{self, Spec};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let ["host", "--spec", spec] = arguments.as_slice() else {
        bail!("usage: runner-agent host --spec FILE");
    };
    let spec = Spec::read(Path::new(spec))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(host::run(spec))
}
