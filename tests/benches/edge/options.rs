//! What is measured, and for how long, as the environment wishes.

use std::env;
use std::time::Duration;

use anyhow::{Result, bail};

use super::body::Body;
use super::kind::Kind;

pub const TARGETS: [&str; 5] = ["direct", "passthrough", "gantry", "portkey", "litellm"];
/// What a quick run leaves out: they take minutes to install and to measure.
const RIVALS: [&str; 2] = ["portkey", "litellm"];

const CONNECTIONS: [usize; 3] = [1, 16, 64];
const QUICK_CONNECTIONS: [usize; 2] = [1, 16];
const QUICK_KINDS: [&str; 3] = ["json", "20", "200"];

/// Many short rounds: what disturbs a few of them does not move the median.
const ROUNDS: u32 = 9;
const QUICK_ROUNDS: u32 = 5;
/// Seconds that one target gets in one cell, all rounds together.
const SECONDS: f64 = 5.0;
const QUICK_SECONDS: f64 = 1.0;

#[derive(Debug, Clone)]
pub struct Options {
    pub targets: Vec<&'static str>,
    pub kinds: Vec<Kind>,
    pub connections: Vec<usize>,
    pub rounds: u32,
    pub round: Duration,
    pub body: Body,
}

impl Options {
    pub fn read() -> Result<Self> {
        let quick = env::var("GANTRY_BENCH_QUICK").is_ok_and(|value| value == "1");
        let (kinds, connections, rounds, seconds) = if quick {
            (&QUICK_KINDS[..], &QUICK_CONNECTIONS[..], QUICK_ROUNDS, QUICK_SECONDS)
        } else {
            (&[][..], &CONNECTIONS[..], ROUNDS, SECONDS)
        };
        let seconds = number("GANTRY_BENCH_SECONDS")?.unwrap_or(seconds);
        let targets = names("GANTRY_BENCH_ONLY", &TARGETS.map(str::to_owned))?;
        let all = Kind::ALL.map(Kind::name);
        let asked = names("GANTRY_BENCH_KINDS", &all)?;
        let wanted = |kind: &Kind| match &asked {
            Some(asked) => asked.contains(&kind.name()),
            None => kinds.is_empty() || kinds.contains(&kind.name().as_str()),
        };
        let targets = TARGETS.into_iter().filter(|name| match &targets {
            // Everything is told as a ratio to the floor and as an addition to the provider.
            Some(asked) => asked.iter().any(|it| it == name) || TARGETS[..2].contains(name),
            None => !quick || !RIVALS.contains(name),
        });
        Ok(Self {
            targets: targets.collect(),
            kinds: Kind::ALL.into_iter().filter(wanted).collect(),
            connections: numbers("GANTRY_BENCH_CONNECTIONS", connections)?,
            rounds,
            round: Duration::from_secs_f64(seconds / f64::from(rounds)),
            body: Body::read()?,
        })
    }
}

fn number(name: &str) -> Result<Option<f64>> {
    let Ok(text) = env::var(name) else { return Ok(None) };
    match text.parse() {
        Ok(number) if number > 0.0 => Ok(Some(number)),
        _ => bail!("{name}: `{text}` is no number of seconds"),
    }
}

fn names(name: &str, known: &[String]) -> Result<Option<Vec<String>>> {
    let Ok(text) = env::var(name) else { return Ok(None) };
    let names: Vec<String> = text.split(',').map(|it| it.trim().to_owned()).collect();
    match names.iter().find(|it| !known.contains(it)) {
        Some(unknown) => bail!("{name}: `{unknown}` is none of {}", known.join(", ")),
        None => Ok(Some(names)),
    }
}

fn numbers(name: &str, usual: &[usize]) -> Result<Vec<usize>> {
    let Ok(text) = env::var(name) else { return Ok(usual.to_vec()) };
    let numbers: Result<Vec<usize>, _> = text.split(',').map(|it| it.trim().parse()).collect();
    match numbers {
        Ok(numbers) if numbers.iter().all(|it| *it > 0) => Ok(numbers),
        _ => bail!("{name}: `{text}` is no list of numbers"),
    }
}
