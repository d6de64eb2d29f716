//! What a person sees while the machine works: one line per step, with the time since the start.

use std::io::Write;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

static START: OnceLock<Instant> = OnceLock::new();

/// Time since the program first spoke, or since now.
pub fn elapsed() -> Duration {
    START.get_or_init(Instant::now).elapsed()
}

/// Says what is being done. Written past the test harness, which would keep it until the end.
pub fn say(line: &str) {
    let seconds = elapsed().as_secs_f64();
    let _ = writeln!(std::io::stderr(), "[{seconds:6.1} s] {line}");
}
