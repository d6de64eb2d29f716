//! The command line. What it says here is what `--help` says.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

use crate::config::{Options, Place};

/// Hosts `codex app-server` processes on this machine for a Gantry edge
///
/// It dials out; no port is opened to the network.
#[derive(Debug, Parser)]
#[command(name = "runner-agent", version, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
    /// Where the agent's things are
    #[command(flatten)]
    pub place: Place,
}

/// How a program ended, for whoever started it.
pub mod exit {
    /// It could not do what it was asked to.
    pub const FAILED: u8 = 1;
    /// A newer connection of this runner took over: do not start it again by itself.
    pub const REPLACED: u8 = 10;
    /// The edge does not know this runner, or not any more: register again.
    pub const REVOKED: u8 = 11;
    /// The edge takes no agent of this version: update.
    pub const TOO_OLD: u8 = 12;
    /// It was told to end at once while turns were running: they were stopped.
    pub const FORCED: u8 = 13;
}

const EXIT_CODES: &str = "\
Exit codes: 0 done (drained, detached, or left for good), 1 failed, 2 wrong usage, 10 replaced by a
newer connection of the same runner, 11 the edge refuses the credential, 12 the edge refuses this
version, 13 ended by a second signal while turns were running. After 10, 11 and 12 a restart does
not help by itself: `service install` tells systemd so.";

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make this machine a runner, with a one-time token of the edge
    Register(Register),
    /// Host processes until told to stop
    Run(Options),
    /// Show what the agent on this machine is doing
    Status(Status),
    /// Take no new work; running turns go on
    Drain(Drain),
    /// Look for what is wrong, and say what to do
    Doctor(Doctor),
    /// Run it as a service
    #[command(subcommand)]
    Service(Service),
    /// Take leave of the edge, and forget the credential
    Unregister(Unregister),
    /// Print completions for a shell
    Completions {
        /// Which one
        shell: Shell,
    },
    /// Host one process (started by `run`)
    #[command(hide = true)]
    Host {
        /// What to host
        #[arg(long)]
        spec: PathBuf,
    },
}

/// See [`Command::Register`].
#[derive(Debug, Args)]
pub struct Register {
    /// The edge, for example https://edge.example
    #[arg(long, env = "GANTRY_RUNNER_URL")]
    pub url: String,
    /// The one-time token; an operator makes one that is good for an hour at most
    #[arg(long, env = "GANTRY_RUNNER_TOKEN", hide_env_values = true)]
    pub token: String,
    /// What people call this machine [default: its host name]
    #[arg(long, env = "GANTRY_RUNNER_NAME")]
    pub name: Option<String>,
    /// What it can be chosen by; may be given again
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = label)]
    pub labels: Vec<(String, String)>,
    /// Processes that it hosts at most [default: the edge decides]
    #[arg(long)]
    pub capacity: Option<u32>,
    /// Leave for good when the first process has ended, or when drained
    #[arg(long)]
    pub ephemeral: bool,
    /// Certificates in PEM to trust beside the usual ones
    #[arg(long, value_name = "FILE", env = "GANTRY_RUNNER_CA_FILE")]
    pub ca_file: Option<PathBuf>,
    /// Give up the credential that is here already
    #[arg(long)]
    pub replace: bool,
}

impl Register {
    /// The labels by their names; the last of one name wins.
    pub fn labels(&self) -> BTreeMap<String, String> {
        self.labels.iter().cloned().collect()
    }
}

/// See [`Command::Status`].
#[derive(Debug, Args)]
pub struct Status {
    /// For programs
    #[arg(long)]
    pub json: bool,
}

/// See [`Command::Drain`].
#[derive(Debug, Args)]
pub struct Drain {
    /// Take work again
    #[arg(long)]
    pub off: bool,
}

/// See [`Command::Doctor`].
#[derive(Debug, Args)]
pub struct Doctor {
    /// How the agent behaves
    #[command(flatten)]
    pub options: Options,
}

/// See [`Command::Service`].
#[derive(Debug, Subcommand)]
pub enum Service {
    /// Write and start a systemd unit; it detaches when stopped, so that turns survive updates
    Install(Install),
}

/// See [`Service::Install`].
#[derive(Debug, Args)]
pub struct Install {
    /// For this user only [default unless root]
    #[arg(long, conflicts_with = "system")]
    pub user: bool,
    /// For the machine
    #[arg(long)]
    pub system: bool,
    /// Only print the unit
    #[arg(long)]
    pub dry_run: bool,
}

/// See [`Command::Unregister`].
#[derive(Debug, Args)]
pub struct Unregister {
    /// Forget the credential even if the edge cannot be told
    #[arg(long)]
    pub force: bool,
    /// Certificates in PEM to trust beside the usual ones
    #[arg(long, value_name = "FILE", env = "GANTRY_RUNNER_CA_FILE")]
    pub ca_file: Option<PathBuf>,
}

fn label(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("a label is KEY=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn labels_are_pairs() {
        let line = ["runner-agent", "register", "--url", "u", "--token", "t", "--label", "a=b=c"];
        let Command::Register(register) = Cli::parse_from(line).command else { panic!() };
        assert_eq!(register.labels(), BTreeMap::from([("a".to_owned(), "b=c".to_owned())]));
        assert!(label("=x").is_err() && label("x").is_err());
    }
}
