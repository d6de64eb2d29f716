//! What is decided about an approval before a person is asked: rules, of which the first that
//! matches decides.
//!
//! A rule that approves reads narrowly: one plain command in the project's directory, or changes
//! of files below it, and nothing else. What is not understood it does not match. A rule that
//! rejects or asks reads widely, and finds a command inside a longer one as well; but it cannot
//! find what a command hides, so what has to be safe is safe by not being approved.

mod asked;
mod glob;
mod kept;
mod matching;
mod plain;
mod reads;
mod sound;
#[cfg(test)]
mod tests;

pub use asked::{Asked, Command, Files, Path};
pub use kept::Kept;

use schema::{
    Result,
    agent::{PolicyRule, PolicyThen},
};
use serde::{Deserialize, Serialize};

/// Rules that were looked at and found sound.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Policy(Vec<PolicyRule>);

/// What is decided, and by which rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub then: PolicyThen,
    /// None where no rule matches, and a person is asked.
    pub rule: Option<String>,
    pub reason: Option<String>,
}

/// What happens to what is asked.
pub fn decide(policy: &Policy, asked: &Asked) -> Decision {
    match policy.0.iter().find(|rule| matching::matches(rule, asked)) {
        Some(rule) => {
            Decision { then: rule.then, rule: Some(rule.name.clone()), reason: rule.reason.clone() }
        }
        None => Decision { then: PolicyThen::Ask, rule: None, reason: None },
    }
}

impl Policy {
    /// Rules, unless something is wrong with them: then what, field by field.
    pub fn new(rules: Vec<PolicyRule>) -> Result<Self> {
        sound::look_at(&rules)?;
        Ok(Self(rules))
    }

    /// In the order in which they are tried.
    pub fn rules(&self) -> &[PolicyRule] {
        &self.0
    }
}
