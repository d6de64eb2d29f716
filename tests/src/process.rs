//! What processes use, as the kernel counts it: processor time and memory.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

/// The kernel's unit of time in `/proc/stat`, on every Linux that matters.
const TICK: Duration = Duration::from_millis(10);

/// A process with all its descendants, or alone.
#[derive(Debug)]
pub struct Tree {
    root: u32,
    alone: bool,
    /// Nanoseconds on a processor by thread, those that have ended included.
    spent: HashMap<String, u64>,
}

impl Tree {
    pub fn new(root: u32) -> Self {
        Self { root, alone: false, spent: HashMap::new() }
    }

    /// The process without its descendants.
    pub fn alone(root: u32) -> Self {
        Self { alone: true, ..Self::new(root) }
    }

    /// Processor time since the start, user and system. It is what `utime + stime` count too, but
    /// those in steps of ten milliseconds.
    pub fn cpu(&mut self) -> Duration {
        for pid in self.pids() {
            let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { continue };
            for thread in threads.flatten() {
                if let Some(nanos) = on_processor(&thread.path()) {
                    self.spent.insert(thread.file_name().to_string_lossy().into_owned(), nanos);
                }
            }
        }
        Duration::from_nanos(self.spent.values().sum())
    }

    /// Lets the peak begin anew.
    pub fn forget_peak(&self) {
        for pid in self.pids() {
            // Where the kernel does not let us, the peak is the one since the start.
            let _ = fs::write(format!("/proc/{pid}/clear_refs"), "5");
        }
    }

    /// The most memory that was resident, in bytes; the sum over processes.
    pub fn peak_bytes(&self) -> u64 {
        self.pids().iter().filter_map(|pid| status_kb(*pid, "VmHWM:")).sum::<u64>() * 1024
    }

    /// The most memory of the first process alone.
    pub fn peak_bytes_of_root(&self) -> u64 {
        status_kb(self.root, "VmHWM:").unwrap_or_default() * 1024
    }

    /// Memory of the first process alone that is resident now, in bytes.
    pub fn resident_bytes_of_root(&self) -> u64 {
        status_kb(self.root, "VmRSS:").unwrap_or_default() * 1024
    }

    fn pids(&self) -> HashSet<u32> {
        if self.alone {
            return HashSet::from([self.root]);
        }
        let mut parents = HashMap::new();
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let pid = entry.file_name().to_string_lossy().parse().ok();
            if let Some((pid, parent)) = pid.and_then(|pid: u32| Some((pid, parent(pid)?))) {
                parents.insert(pid, parent);
            }
        }
        let mut found = HashSet::from([self.root]);
        let mut known = 0;
        while known < found.len() {
            known = found.len();
            found.extend(
                parents
                    .iter()
                    .filter(|(_, it)| found.contains(it))
                    .map(|(pid, _)| *pid)
                    .collect::<Vec<_>>(),
            );
        }
        found
    }
}

/// Time that all processors together were busy since the machine started, for whomever.
pub fn machine_busy() -> Duration {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let total = stat.lines().next().unwrap_or_default();
    let ticks: Vec<u32> =
        total.split_whitespace().skip(1).filter_map(|ticks| ticks.parse().ok()).collect();
    // user, nice, system, then idle and waiting for disks, then interrupts and what a host took.
    let busy = ticks.iter().take(3).chain(ticks.iter().skip(5).take(3));
    TICK * busy.sum::<u32>()
}

fn on_processor(task: &Path) -> Option<u64> {
    fs::read_to_string(task.join("schedstat")).ok()?.split_whitespace().next()?.parse().ok()
}

fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The program's name is in brackets, and may hold anything.
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

fn status_kb(pid: u32, field: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}
