//! The runner: one native binary that hosts `codex app-server` processes and dials out to the edge.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{CommandFactory, Parser};
use http::Method;
use runner_agent::cli::{Cli, Command, Service, exit};
use runner_agent::config::{Options, Settings};
use runner_agent::host::{self, Spec};
use runner_agent::local_status;
use runner_agent::register::{self, say};
use runner_agent::{doctor, run, service};

fn main() -> ExitCode {
    let cli = Cli::parse();
    match begin(cli) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("runner-agent: {error:#}");
            ExitCode::from(exit::FAILED)
        }
    }
}

fn begin(cli: Cli) -> Result<u8> {
    // Keys and the credential are in memory: no core dump, and nobody looks inside.
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
        .context("this process cannot be made unreadable for others")?;
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().max_blocking_threads(16).build()?;
    runtime.block_on(act(cli))
}

async fn act(cli: Cli) -> Result<u8> {
    let settle = |options| Settings::decide(&cli.place, options);
    match cli.command {
        Command::Run(options) => run::run(settle(options)?).await,
        Command::Host { spec } => host::run(Spec::read(&spec)?).await.map(|()| 0),
        Command::Register(told) => {
            register::register(&settle(Options::default())?, told).await.map(|()| 0)
        }
        Command::Unregister(told) => {
            register::unregister(&settle(Options::default())?, &told).await.map(|()| 0)
        }
        Command::Status(told) => show_status(&settle(Options::default())?, told.json).await,
        Command::Drain(told) => {
            let path = if told.off { "/drain/off" } else { "/drain" };
            let control = settle(Options::default())?.control()?;
            say(&local_status::ask(&control, Method::POST, path).await?).map(|()| 0)
        }
        Command::Doctor(told) => doctor::examine(&settle(told.options)?).await,
        Command::Service(Service::Install(told)) => {
            service::install(&settle(Options::default())?, &told).map(|()| 0)
        }
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "runner-agent", &mut text);
            say(&String::from_utf8(text)?).map(|()| 0)
        }
    }
}

async fn show_status(settings: &Settings, json: bool) -> Result<u8> {
    let text = local_status::ask(&settings.control()?, Method::GET, "/status").await?;
    match json {
        true => say(&(text + "\n"))?,
        false => say(&local_status::shown(&serde_json::from_str(&text)?))?,
    }
    Ok(0)
}
