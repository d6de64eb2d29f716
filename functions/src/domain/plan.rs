//! Plans: how fast and how much at once (seed 001).

use serde::{Deserialize, Serialize};

/// What an account bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "name")]
pub enum Plan {
    Starter,
    Professional,
    /// Negotiated for each account.
    Enterprise {
        per_hour: u32,
        at_once: u32,
    },
}

/// Requests in an hour that an Enterprise account has when nothing was negotiated.
pub const ENTERPRISE_PER_HOUR: u32 = 50_000;
/// Requests at once that an Enterprise account has when nothing was negotiated.
pub const ENTERPRISE_AT_ONCE: u32 = 100;

/// What a publishable key may generate in any day, whatever the plan: it stands in pages for
/// anybody to take.
pub const PUBLISHABLE_PER_DAY: u32 = 100;

impl Plan {
    /// The plan of that name; `per_hour` and `at_once` are for Enterprise.
    pub fn parse(name: &str, per_hour: Option<u32>, at_once: Option<u32>) -> Option<Self> {
        match name {
            "starter" => Some(Self::Starter),
            "professional" => Some(Self::Professional),
            "enterprise" => Some(Self::Enterprise {
                per_hour: per_hour.unwrap_or(ENTERPRISE_PER_HOUR),
                at_once: at_once.unwrap_or(ENTERPRISE_AT_ONCE),
            }),
            _ => None,
        }
    }

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starter => "starter",
            Self::Professional => "professional",
            Self::Enterprise { .. } => "enterprise",
        }
    }

    /// Requests in any hour, for each key.
    pub const fn per_hour(self) -> u32 {
        match self {
            Self::Starter => 500,
            Self::Professional => 5_000,
            Self::Enterprise { per_hour, .. } => per_hour,
        }
    }

    /// Calls at once, for the account.
    pub const fn at_once(self) -> u32 {
        match self {
            Self::Starter => 5,
            Self::Professional => 25,
            Self::Enterprise { at_once, .. } => at_once,
        }
    }
}
