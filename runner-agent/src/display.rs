//! What a person at a terminal sees: the log above, and below it a line for the tunnel and one for
//! each process. Where there is no terminal there is only the log.

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use schema::tunnel::{Process, ProcessState};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};
use tracing_subscriber::fmt::MakeWriter;

use crate::agent::status::{Control, Status};
use crate::local_status;

/// Between two looks.
const REDRAW: Duration = Duration::from_millis(500);
/// Processes shown at most; the rest is a number.
const PROCESSES_SHOWN: usize = 12;

/// Standard error, and the block of lines at its end.
#[derive(Debug, Clone, Default)]
pub struct Screen(Arc<Mutex<Vec<String>>>);

impl Screen {
    /// A screen, if standard error is one.
    pub fn of_terminal() -> Option<Self> {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        (io::stderr().is_terminal() && !dumb).then(Self::default)
    }

    /// Shows other lines at the end, below `log`.
    fn draw(&self, log: &[u8], lines: Option<Vec<String>>) -> io::Result<()> {
        let mut shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if log.is_empty() && lines.as_ref() == Some(&*shown) {
            return Ok(());
        }
        let mut text = erased(shown.len());
        text.extend_from_slice(log);
        if let Some(lines) = lines {
            *shown = lines;
        }
        for line in shown.iter() {
            // Without wrapping, a line is a line, and can be taken back.
            text.extend_from_slice(b"\x1b[?7l");
            text.extend_from_slice(line.as_bytes());
            text.extend_from_slice(b"\x1b[?7h\n");
        }
        io::stderr().write_all(&text)
    }
}

/// Up by so many lines, and everything below is gone.
fn erased(lines: usize) -> Vec<u8> {
    match lines {
        0 => Vec::new(),
        lines => format!("\x1b[{lines}A\r\x1b[J").into_bytes(),
    }
}

/// The log goes above the block.
impl<'a> MakeWriter<'a> for Screen {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Write for Screen {
    fn write(&mut self, log: &[u8]) -> io::Result<usize> {
        self.draw(log, None)?;
        Ok(log.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Shows how the agent is, until it ends.
pub async fn show(screen: Screen, controls: mpsc::Sender<Control>) {
    let mut ticks = interval(REDRAW);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        let Some(status) = local_status::status(&controls).await else { return };
        if screen.draw(b"", Some(lines(&status))).is_err() {
            return;
        }
    }
}

/// The block: the tunnel, then the processes.
fn lines(status: &Status) -> Vec<String> {
    let round_trip = status.round_trip_ms.map_or("-".to_owned(), |ms| format!("{ms:.1} ms"));
    let draining = if status.draining { " draining" } else { "" };
    let reason =
        if status.reason.is_empty() { String::new() } else { format!(" ({})", status.reason) };
    let mut lines = vec![format!(
        "{} {}{reason}{draining}  {} of {} processes  round trip {round_trip}",
        status.name,
        status.connection.as_str(),
        status.load,
        status.capacity,
    )];
    lines.extend(status.processes.iter().take(PROCESSES_SHOWN).map(process_line));
    if let Some(more) = status.processes.len().checked_sub(PROCESSES_SHOWN).filter(|n| *n > 0) {
        lines.push(format!("and {more} more"));
    }
    lines
}

/// One process in one line.
pub fn process_line(process: &Process) -> String {
    let state = match process.state {
        ProcessState::Starting => "starting",
        ProcessState::Running => "running",
        ProcessState::Stopped => "stopped",
        ProcessState::Failed => "failed",
        ProcessState::Stalled => "stalled",
    };
    let reason = if process.reason.is_empty() { "" } else { &process.reason };
    // A reason comes from strangers: it must not move the cursor.
    let reason: String = reason.chars().filter(|c| !c.is_control()).collect();
    format!("{} {state:<8} {:>3} turns  {reason}", process.process, process.turns)
}

#[cfg(test)]
mod tests {
    use schema::AccountId;

    use super::*;

    #[test]
    fn a_block_is_taken_back_by_as_many_lines_as_it_has() {
        assert_eq!(erased(0), b"");
        assert_eq!(erased(3), b"\x1b[3A\r\x1b[J");
    }

    #[test]
    fn what_a_process_says_cannot_move_the_cursor() {
        let process = Process {
            process: AccountId::from_bits(1),
            state: ProcessState::Failed,
            reason: "exit\x1b[2J\nstatus: 1".to_owned(),
            codex: String::new(),
            provisioned: true,
            turns: 0,
        };
        let line = process_line(&process);
        assert!(!line.contains(['\x1b', '\n']) && line.contains("failed"), "{line}");
    }
}
