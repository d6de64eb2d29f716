//! Where things lie in the repository.

use std::path::PathBuf;

/// The repository's root.
pub fn root() -> PathBuf {
    let tests = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    tests.parent().map(PathBuf::from).unwrap_or(tests)
}

/// A file or folder of the repository, by its path from the root.
pub fn at(path: &str) -> PathBuf {
    root().join(path)
}
