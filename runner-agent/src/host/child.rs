//! One run of `codex app-server`: its pipes, its process group, and its end.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};

use anyhow::{Context, Result};
use bytes::{Buf, Bytes, BytesMut};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{ChildStdin, ChildStdout, Command};
use tokio::time::Instant;

use super::spool::MEMORY_MAX_BYTES;

/// Room for one read; also what a run of short lines shares.
const READ_BYTES: usize = 64 * 1024;
/// Below this, more room is made before a read.
const READ_MIN_BYTES: usize = 8 * 1024;
/// A longer line is not kept: it is no answer that could be passed on.
const LINE_MAX_BYTES: usize = MEMORY_MAX_BYTES;
/// What waits to be read by a process that does not read; beyond it calls are refused.
const UNREAD_MAX_BYTES: usize = 16 * 1024 * 1024;
/// What a process said on its standard error is kept up to this, when the next one starts.
const STDERR_MAX_BYTES: u64 = 4 * 1024 * 1024;

/// A process that runs.
#[derive(Debug)]
pub struct Child {
    pub pid: u32,
    pub input: Input,
    pub output: Output,
    pub process: tokio::process::Child,
    /// How it ended, and when it was reaped.
    pub ended: Option<(ExitStatus, Instant)>,
}

/// Its standard input.
#[derive(Debug)]
pub struct Input {
    pipe: Option<ChildStdin>,
    unread: BytesMut,
}

/// Its standard output, by lines.
#[derive(Debug)]
pub struct Output {
    pipe: ChildStdout,
    buffer: BytesMut,
    /// How far the buffer has been searched for the end of a line.
    searched: usize,
    /// In the middle of a line that is too long.
    skipping: bool,
    /// Whether it has ended.
    pub ended: bool,
    /// Lines that were too long.
    pub skipped: u64,
}

impl Child {
    /// Starts a command that speaks on its pipes, in a process group of its own.
    pub fn spawn(mut command: Command, stderr: &Path) -> Result<Self> {
        let mut options = OpenOptions::new();
        let options = options.append(true).create(true).mode(0o600);
        let log = options.open(stderr).context("the log cannot be written")?;
        if log.metadata()?.len() > STDERR_MAX_BYTES {
            log.set_len(0)?;
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
        let mut process = command.process_group(0).kill_on_drop(true).spawn()?;
        let pid = process.id().context("it has ended already")?;
        let (input, output) = (process.stdin.take(), process.stdout.take());
        let pipe = output.context("it has no output")?;
        let buffer = BytesMut::with_capacity(READ_BYTES);
        let skipping = false;
        let output = Output { pipe, buffer, searched: 0, skipping, ended: false, skipped: 0 };
        let input = Input { pipe: input, unread: BytesMut::new() };
        Ok(Self { pid, input, output, process, ended: None })
    }

    /// Sends a signal to all of its group. It may have ended already.
    pub fn signal(&self, signal: Signal) {
        let group = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        if let Some(Err(error)) = group.map(|group| kill_process_group(group, signal)) {
            tracing::debug!(%error, ?signal, "the process group cannot be signalled");
        }
    }
}

impl Input {
    /// Whether it takes more.
    pub fn is_open(&self) -> bool {
        self.pipe.is_some() && self.unread.len() < UNREAD_MAX_BYTES
    }

    /// Whether something waits to be written.
    pub fn is_pending(&self) -> bool {
        self.pipe.is_some() && !self.unread.is_empty()
    }

    /// Puts a line behind what waits.
    pub fn line(&mut self, parts: &[&[u8]]) {
        for part in parts {
            self.unread.extend_from_slice(part);
        }
        self.unread.extend_from_slice(b"\n");
    }

    /// Writes what waits, as far as it is taken. Nothing is lost if the future is dropped.
    pub async fn flush(&mut self) -> io::Result<()> {
        let Some(pipe) = &mut self.pipe else { return Ok(()) };
        let written = pipe.write(&self.unread).await?;
        self.unread.advance(written);
        Ok(())
    }

    /// Ends it: `codex app-server` then ends by itself.
    pub fn close(&mut self) {
        self.pipe = None;
        self.unread.clear();
    }
}

impl Output {
    /// Reads once. Nothing is lost if the future is dropped.
    pub async fn read(&mut self) -> io::Result<()> {
        if self.buffer.capacity() - self.buffer.len() < READ_MIN_BYTES {
            self.buffer.reserve(READ_BYTES);
        }
        self.ended = self.pipe.read_buf(&mut self.buffer).await? == 0;
        Ok(())
    }

    /// The next line that has been read whole, without its end.
    pub fn line(&mut self) -> Option<Bytes> {
        loop {
            let rest = self.buffer.get(self.searched..).unwrap_or_default();
            let Some(place) = memchr::memchr(b'\n', rest) else {
                self.searched = self.buffer.len();
                self.skip_if_too_long();
                return None;
            };
            let mut line = self.buffer.split_to(self.searched + place + 1);
            self.searched = 0;
            if std::mem::take(&mut self.skipping) {
                continue;
            }
            line.truncate(line.len() - 1);
            return Some(line.freeze());
        }
    }

    /// Bytes of a line that has no end yet.
    pub fn unfinished(&self) -> usize {
        self.buffer.len()
    }

    fn skip_if_too_long(&mut self) {
        if self.skipping || self.buffer.len() > LINE_MAX_BYTES {
            self.skipped += u64::from(!self.skipping);
            self.skipping = true;
            self.buffer = BytesMut::with_capacity(READ_BYTES);
            self.searched = 0;
        }
    }
}

/// How a process ended, as it was reaped: `exit status: 1`, `signal: 9`.
pub fn describe(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        // A jail passes a signal on as a status, as shells do.
        (Some(code), _) if code > 128 => format!("exit status: {code} (signal {})", code - 128),
        (Some(code), _) => format!("exit status: {code}"),
        (None, Some(signal)) => format!("signal: {signal}"),
        (None, None) => "an unknown status".to_owned(),
    }
}
