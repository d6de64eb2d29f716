//! What the agent itself costs a machine: its size, its memory when idle, and how fast it starts.

use std::fs;
use std::process::Command;
use std::time::Instant;

use anyhow::Result;
use tests::process::Tree;
use tests::runner::{self, Machine, Profile};

use tests::figures::Times;

const STARTS: usize = 20;

pub async fn measure(machine: &Machine) -> Result<()> {
    let program = runner::build(Profile::Release).await?;
    let mut starts = Times::default();
    for _ in 0..STARTS {
        let begun = Instant::now();
        tests::command::run(Command::new(&program).arg("--version"))?;
        starts.add(begun.elapsed());
    }
    let kb = |bytes: u64| bytes / 1_000;
    println!("the agent");
    println!("  binary   {} kB", kb(fs::metadata(&program)?.len()));
    println!("  start    {}, until it can say its version", starts.said());
    let memory = machine.pid().map(Tree::new).map_or(0, |tree| tree.resident_bytes_of_root());
    println!("  memory   {} kB, connected and idle", kb(memory));
    let alone = |pid: u32| Tree::new(pid).resident_bytes_of_root();
    let hosts: u64 = machine.hosts().into_iter().map(alone).sum();
    println!("  host     {} kB, beside its app-server", kb(hosts));
    Ok(())
}
