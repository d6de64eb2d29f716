//! A project's rules: read, changed by who has seen them, and tried without anything happening.

use schema::{
    Error, Result,
    agent::{PolicyRule, PolicyVerdict},
};

use super::{Project, unexpected};
use crate::{
    cx::Cx,
    domain::{
        policy::{self, Asked, Files, Kept, Policy},
        project::command::{Answer, Command},
    },
    objects::project::stub,
    services::audit,
};

/// The longest command that is looked at.
const COMMAND_MAX_BYTES: usize = 64 * 1024;
/// Paths that are looked at together.
const PATHS_MAX: usize = 256;
/// Where paths are thought to lie that are only looked at.
const SOMEWHERE: &str = "/project";

/// What is looked at.
#[derive(Debug, Clone, Default)]
pub struct Tried {
    pub command: Option<String>,
    pub paths: Option<Vec<String>>,
    /// In the place of the rules that are kept.
    pub rules: Option<Vec<PolicyRule>>,
}

/// The rules of a project.
pub async fn policy(cx: &Cx, project: &Project) -> Result<Kept> {
    told(cx, project, &Command::Policy).await
}

/// Gives a project other rules. What waits for a person goes on waiting.
pub async fn set_policy(
    cx: &Cx,
    project: &Project,
    rules: Vec<PolicyRule>,
    if_match: Option<String>,
) -> Result<Kept> {
    let kept = told(cx, project, &Command::SetPolicy { rules, if_match }).await?;
    audit::note(cx, "project.policy", &project.id.to_string()).await?;
    Ok(kept)
}

/// What would happen.
pub async fn try_policy(cx: &Cx, project: &Project, tried: Tried) -> Result<PolicyVerdict> {
    let Tried { command, paths, rules } = tried;
    let asked = match (command, paths) {
        (Some(command), None) => {
            if command.is_empty() || command.len() > COMMAND_MAX_BYTES {
                let message = format!("1 to {COMMAND_MAX_BYTES} bytes");
                return Err(Error::field("command", message));
            }
            Asked::Command(policy::Command::of(&command))
        }
        (None, Some(paths)) => {
            if paths.is_empty() || paths.len() > PATHS_MAX {
                return Err(Error::field("paths", format!("1 to {PATHS_MAX}")));
            }
            Asked::Files(Files::of(&paths, SOMEWHERE))
        }
        _ => return Err(Error::field("command", "either `command` or `paths`")),
    };
    let rules = match rules {
        Some(rules) => Policy::new(rules)?,
        None => policy(cx, project).await?.policy,
    };
    let decision = policy::decide(&rules, &asked);
    let words = match asked {
        Asked::Command(command) => command.words,
        Asked::Files(_) | Asked::Other(_) => None,
    };
    let policy::Decision { then, rule, reason } = decision;
    Ok(PolicyVerdict { then, rule, reason, words })
}

async fn told(cx: &Cx, project: &Project, command: &Command) -> Result<Kept> {
    match stub::tell(&cx.env, project.id, command).await? {
        Answer::Policy(kept) => Ok(*kept),
        other => Err(unexpected(&other)),
    }
}
