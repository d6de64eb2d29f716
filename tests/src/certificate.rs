//! A certificate of its own for a server on this machine.

use std::path::PathBuf;

use tempfile::TempDir;

/// A certificate for `localhost` that only who is told trusts, and its key, as files.
#[derive(Debug)]
pub struct Certificate {
    /// In PEM.
    pub text: String,
    folder: TempDir,
}

impl Default for Certificate {
    fn default() -> Self {
        Self::new()
    }
}

impl Certificate {
    /// A new one.
    pub fn new() -> Self {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
        let folder = TempDir::new().expect("a folder");
        let it = Self { text: made.cert.pem(), folder };
        let [certificate, key] = it.files();
        std::fs::write(certificate, &it.text).expect("written");
        std::fs::write(key, made.signing_key.serialize_pem()).expect("written");
        it
    }

    /// The certificate and its key.
    pub fn files(&self) -> [PathBuf; 2] {
        ["cert.pem", "key.pem"].map(|name| self.folder.path().join(name))
    }
}
