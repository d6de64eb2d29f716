//! What the edge costs: the same load on the provider itself, a ten-line Worker, Gantry, and other
//! gateways, in one run and in turns. `cargo bench -p tests --bench edge`
//!
//! Nothing here passes or fails by a clock; an answer that is not whole, or a ledger that does not
//! agree with the load, is reported as what it is.
//!
//! | variable | |
//! |---|---|
//! | `GANTRY_BENCH_QUICK=1` | half a minute: three kinds, 1 and 16 at once, no rivals |
//! | `GANTRY_BENCH_SECONDS` | what one target gets in one cell |
//! | `GANTRY_BENCH_ONLY` | targets, such as `gantry,litellm` |
//! | `GANTRY_BENCH_KINDS` | kinds, such as `json,20,200-paced` |
//! | `GANTRY_BENCH_CONNECTIONS` | `1,16,64` |
//! | `GANTRY_BENCH_BODY` | `small`, or `codex` for a request as the stock client sends it |

mod body;
mod books;
mod check;
mod http1;
mod kind;
mod load;
mod measure;
mod options;
mod report;
mod rivals;
mod summary;
mod targets;
mod upstream;

use std::fs;
use std::time::Instant;

use anyhow::Result;
use serde_json::json;
use tests::process::Tree;
use tests::{paths, steps};

use self::books::{Audit, Books};
use self::measure::{Bench, Cell};
use self::options::Options;
use self::targets::Target;
use self::upstream::Upstream;

const RESULT: &str = "target/bench/edge.json";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    // What cargo passes to every bench, such as `--bench`, says nothing to this one.
    let options = Options::read()?;
    let begun = Instant::now();
    let upstream = Upstream::start(begun)?;
    let world = targets::world(upstream.port).await;
    let books = Books::open(&world).await?;
    let mut started = Vec::new();
    for name in &options.targets {
        steps::say(&format!("starting {name}"));
        let target = match *name {
            "direct" => Target::direct(upstream.port),
            "passthrough" => Target::passthrough(upstream.port).await?,
            "portkey" => rivals::portkey(upstream.port).await?,
            "litellm" => rivals::litellm(upstream.port).await?,
            _ => Target::gantry(&world, &books)?,
        };
        let tree = target.pid.map(Tree::new);
        started.push((target, tree));
    }
    println!(
        "{} body, {} rounds of {:.2} s for each target in each cell; `+` is beyond the provider \
         alone, in brackets the ratio to the pass-through",
        options.body.name(),
        options.rounds,
        options.round.as_secs_f64(),
    );
    let mut bench = Bench {
        options: &options,
        upstream: &upstream,
        begun,
        targets: started,
        all: Tree::new(std::process::id()),
        completed: [].into(),
    };
    let mut cells = Vec::new();
    for kind in &options.kinds {
        for connections in &options.connections {
            let cell = bench.cell(*kind, *connections).await;
            print!("{}", cell.table(&options.targets));
            cells.push(cell);
        }
    }
    print!("{}", summary::text(&cells, &options.targets));
    let audit = books.audit().await?;
    let answered = bench.completed.get("gantry").copied().unwrap_or_default();
    println!("{}", verdict(audit, answered));
    let unsound = cells.iter().filter(|cell| !cell.failures.is_empty()).count();
    if unsound > 0 {
        println!("FAILED: there were answers missing or not whole in {unsound} cells, named above");
    }
    save(&options, &cells, audit, answered)
}

/// Whether the ledger agrees with the load.
fn verdict(audit: Audit, answered: u64) -> String {
    let Audit { charges, held_micro_usd, running } = audit;
    let right = (charges, held_micro_usd, running) == (answered, 0, 0);
    let word = if right { "exact" } else { "WRONG" };
    format!(
        "ledger: {word}: {answered} answers, {charges} charges, \
         {held_micro_usd} micro-dollars held, {running} calls running"
    )
}

fn save(options: &Options, cells: &[Cell], audit: Audit, answered: u64) -> Result<()> {
    let result = json!({
        "body": options.body.name(), "rounds": options.rounds,
        "round_seconds": options.round.as_secs_f64(), "targets": options.targets,
        "cells": cells, "summary": summary::json(cells, &options.targets),
        "ledger": {
            "answers": answered, "charges": audit.charges,
            "held_micro_usd": audit.held_micro_usd, "running": audit.running,
        },
    });
    let path = paths::at(RESULT);
    fs::create_dir_all(paths::at("target/bench"))?;
    fs::write(&path, serde_json::to_vec_pretty(&result)?)?;
    println!("figures: {RESULT}");
    Ok(())
}
