//! Who this machine is: its key pair, made here and never sent, and what it signs with it.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use ed25519_dalek::{Signer, SigningKey};
use schema::runner::{Claims, SCHEME};
use schema::{RunnerId, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::host::spec::{private_dir, write_private};

/// What stands in `credential.json`. It opens the edge: 0600, and never logged.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    /// The edge, without a path: `https://edge.example`.
    pub url: String,
    /// The name that the edge gave.
    pub runner: RunnerId,
    /// What people call it.
    pub name: String,
    /// Processes that it hosts at most, as agreed.
    pub capacity: u32,
    /// Whether it leaves for good when its work is done.
    #[serde(default)]
    pub ephemeral: bool,
    /// The private key (RFC 8032), base64url.
    seed: String,
    /// Keeps the machine's digest from telling which machine it is.
    salt: String,
}

/// A key pair before the edge has heard of it.
pub struct Candidate {
    seed: [u8; 32],
    salt: [u8; 16],
}

impl Candidate {
    /// Rolls the dice.
    pub fn new() -> Result<Self> {
        let (mut seed, mut salt) = ([0; 32], [0; 16]);
        let no_dice = |error| anyhow::anyhow!("the machine gives no random numbers: {error}");
        getrandom::fill(&mut seed).map_err(no_dice)?;
        getrandom::fill(&mut salt).map_err(no_dice)?;
        Ok(Self { seed, salt })
    }

    /// The half that is sent.
    pub fn public_key(&self) -> String {
        BASE64.encode(SigningKey::from_bytes(&self.seed).verifying_key().as_bytes())
    }

    /// What tells this machine from others.
    pub fn machine(&self) -> String {
        machine(&BASE64.encode(self.salt))
    }

    /// The edge has agreed.
    pub fn accepted(self, url: &str, registered: &schema::runner::Registered) -> Credential {
        Credential {
            url: url.to_owned(),
            runner: registered.runner_id,
            name: registered.name.clone(),
            capacity: registered.capacity,
            ephemeral: false,
            seed: BASE64.encode(self.seed),
            salt: BASE64.encode(self.salt),
        }
    }
}

impl Credential {
    /// Where it stands below a state directory.
    pub fn path(state: &Path) -> PathBuf {
        state.join("credential.json")
    }

    /// Reads it, and refuses one that others could have read.
    pub fn read(state: &Path) -> Result<Self> {
        let path = Self::path(state);
        let text = fs::read(&path).with_context(|| {
            format!("{} cannot be read: run `runner-agent register` first", path.display())
        })?;
        let mode = fs::metadata(&path)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            bail!(
                "{} has mode {mode:o}, so others can read it: run `chmod 600` on it, and if anyone \
                 may have, revoke this runner and register again",
                path.display()
            );
        }
        serde_json::from_slice(&text).with_context(|| format!("{} is damaged", path.display()))
    }

    /// Writes it, readable by its owner only.
    pub fn write(&self, state: &Path) -> Result<()> {
        private_dir(state)?;
        let path = Self::path(state);
        let written = write_private(&path, &serde_json::to_vec_pretty(self)?, true);
        written.with_context(|| format!("{} cannot be written", path.display()))
    }

    /// Forgets it.
    pub fn remove(state: &Path) -> Result<()> {
        let path = Self::path(state);
        fs::remove_file(&path).with_context(|| format!("{} cannot be removed", path.display()))
    }

    /// The value of the `Authorization` header.
    pub fn sign(&self, purpose: &str, generation: u64, at: Timestamp) -> Result<String> {
        let claims = Claims {
            runner: self.runner,
            generation,
            at,
            machine: machine(&self.salt),
            purpose: purpose.to_owned(),
        };
        let seed = BASE64.decode(&self.seed).ok().and_then(|seed| <[u8; 32]>::try_from(seed).ok());
        let key = SigningKey::from_bytes(&seed.context("the credential's key is damaged")?);
        let claims = BASE64.encode(serde_json::to_vec(&claims)?);
        let signature = BASE64.encode(key.sign(claims.as_bytes()).to_bytes());
        Ok(format!("{SCHEME} {claims}.{signature}"))
    }
}

/// A digest of the machine's own id. A copy of the state directory on another machine has another.
fn machine(salt: &str) -> String {
    let files = ["/etc/machine-id", "/var/lib/dbus/machine-id", "/proc/sys/kernel/hostname"];
    let id = files
        .iter()
        .find_map(|path| fs::read_to_string(path).ok().filter(|text| !text.trim().is_empty()));
    let mut digest = Sha256::new();
    digest.update(salt);
    digest.update(id.as_deref().unwrap_or_default().trim());
    BASE64.encode(digest.finalize())
}

/// Where the count of connections stands.
fn generation_path(state: &Path) -> PathBuf {
    state.join("generation")
}

/// The last number that was taken; 0 before the first.
pub fn generation(state: &Path) -> Result<u64> {
    let path = generation_path(state);
    match fs::read_to_string(&path) {
        Ok(text) if text.trim().is_empty() => Ok(0),
        Ok(text) => text.trim().parse().with_context(|| format!("{} is damaged", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
    }
}

/// A new runner counts from the start.
pub fn begin_anew(state: &Path) -> Result<()> {
    let path = generation_path(state);
    let written = write_private(&path, b"0\n", true);
    written.with_context(|| format!("{} cannot be written", path.display()))
}

/// Takes the next number. It is on the disk before it is used: a hub takes each number once, and
/// none below the last. Two agents on one directory (an update) take turns by a lock.
pub fn next_generation(state: &Path) -> Result<u64> {
    let path = generation_path(state);
    let lock_path = state.join("generation.lock");
    let mut options = File::options();
    let lock = options.create(true).truncate(false).write(true).mode(0o600).open(&lock_path);
    lock.and_then(|lock| lock.lock().map(|()| lock))
        .and_then(|_held| {
            let next = generation(state).map_err(std::io::Error::other)? + 1;
            let beside = path.with_extension("new");
            let mut options = File::options();
            options.create(true).truncate(true).write(true).mode(0o600);
            let mut file = options.open(&beside)?;
            writeln!(file, "{next}")?;
            file.sync_all()?;
            fs::rename(&beside, &path)?;
            File::open(state)?.sync_all()?;
            Ok(next)
        })
        .with_context(|| format!("{} cannot be written", path.display()))
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signature, Verifier, VerifyingKey};
    use schema::runner::Registered;

    use super::*;

    fn credential() -> (Credential, String) {
        let candidate = Candidate::new().unwrap();
        let public_key = candidate.public_key();
        let registered = Registered {
            runner_id: RunnerId::from_bits(7),
            name: "mill".to_owned(),
            labels: Default::default(),
            capacity: 4,
        };
        (candidate.accepted("https://edge.example", &registered), public_key)
    }

    #[test]
    fn what_is_signed_is_verified_by_the_public_key_over_the_text_as_sent() {
        let (credential, public_key) = credential();
        let at = Timestamp::from_millis(1_795_000_000_000);
        let header = credential.sign("connect", 9, at).unwrap();
        let (scheme, rest) = header.split_once(' ').unwrap();
        let (claims, signature) = rest.split_once('.').unwrap();
        let key = BASE64.decode(public_key).unwrap().try_into().unwrap();
        let key = VerifyingKey::from_bytes(&key).unwrap();
        let signature = Signature::from_slice(&BASE64.decode(signature).unwrap()).unwrap();
        assert_eq!((scheme, key.verify(claims.as_bytes(), &signature).is_ok()), (SCHEME, true));
        let claims: Claims = serde_json::from_slice(&BASE64.decode(claims).unwrap()).unwrap();
        assert_eq!((claims.runner, claims.generation), (RunnerId::from_bits(7), 9));
        assert_eq!((claims.at, claims.purpose.as_str()), (at, "connect"));
    }

    #[test]
    fn a_credential_is_read_back_and_refused_when_others_could_read_it() {
        let state = tempfile::tempdir().unwrap();
        let (credential, _) = credential();
        credential.write(state.path()).unwrap();
        assert_eq!(Credential::read(state.path()).unwrap().runner, credential.runner);
        let open = fs::Permissions::from_mode(0o644);
        fs::set_permissions(Credential::path(state.path()), open).unwrap();
        let error = Credential::read(state.path()).err().unwrap().to_string();
        assert!(error.contains("chmod 600"), "{error}");
    }

    #[test]
    fn every_connection_has_a_greater_number_than_the_last() {
        let state = tempfile::tempdir().unwrap();
        let taken: Vec<u64> = (0..3).map(|_| next_generation(state.path()).unwrap()).collect();
        assert_eq!((taken, generation(state.path()).unwrap()), (vec![1, 2, 3], 3));
    }
}
