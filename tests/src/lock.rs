//! One builder at a time: `cargo dev` and any number of test programs may start at once.

use std::fs::{self, File};
use std::path::Path;

use anyhow::{Context, Result};

/// Holds the lock until it is dropped, or the process ends in whatever way.
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Waits for whoever holds it.
    pub fn take(path: &Path) -> Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let file = File::create(path).with_context(|| format!("cannot open {}", path.display()))?;
        file.lock().with_context(|| format!("cannot lock {}", path.display()))?;
        Ok(Self { _file: file })
    }
}
