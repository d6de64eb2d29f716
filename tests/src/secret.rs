//! Random names, and small files that only their owner may read.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use base64::{Engine, engine::general_purpose::STANDARD};

const OWNER_ONLY: u32 = 0o600;

/// 256 random bits.
pub fn bytes() -> [u8; 32] {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("the system has randomness");
    bytes
}

/// 256 random bits as text.
pub fn random() -> String {
    bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What [`random`] made, as a key that seals: its 32 bytes in base64.
pub fn sealing_key(random: &str) -> String {
    let pairs = random.as_bytes().chunks_exact(2).filter_map(|pair| std::str::from_utf8(pair).ok());
    let bytes: Vec<u8> = pairs.filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect();
    STANDARD.encode(bytes)
}

/// What the file holds, if it is there.
pub fn read(path: &Path) -> Option<String> {
    fs::read_to_string(path).ok()
}

/// Replaces the file; nobody else can read it at any moment.
pub fn write(path: &Path, content: &str) -> Result<()> {
    let next = path.with_extension("next");
    let _ = fs::remove_file(&next);
    let mut file = OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(OWNER_ONLY)
        .open(&next)
        .with_context(|| format!("cannot write {}", next.display()))?;
    file.write_all(content.as_bytes())?;
    fs::rename(&next, path)?;
    Ok(())
}

/// The secret in this file, made on first use.
pub fn keep(path: &Path) -> Result<String> {
    if let Some(kept) = read(path) {
        return Ok(kept);
    }
    let fresh = random();
    write(path, &fresh)?;
    Ok(fresh)
}
