//! `wrangler.toml`, the one place where bindings are named, as the local runtime needs it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::paths;

/// The slice of the deploy configuration that a local run repeats.
#[derive(Debug, Clone, Deserialize)]
pub struct Wrangler {
    pub compatibility_date: String,
    #[serde(default)]
    pub compatibility_flags: Vec<String>,
    #[serde(default)]
    vars: BTreeMap<String, toml::Value>,
    #[serde(default)]
    pub d1_databases: Vec<Database>,
    #[serde(default)]
    durable_objects: Objects,
    pub assets: Assets,
    #[serde(default)]
    migrations: Vec<Migration>,
}

/// A D1 database.
#[derive(Debug, Clone, Deserialize)]
pub struct Database {
    pub binding: String,
    pub migrations_dir: String,
}

/// Files that are served as they are.
#[derive(Debug, Clone, Deserialize)]
pub struct Assets {
    pub directory: String,
    pub binding: String,
}

/// A class of objects and the name by which the Worker reaches it.
#[derive(Debug, Clone, Deserialize)]
pub struct Object {
    pub name: String,
    pub class_name: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Objects {
    #[serde(default)]
    bindings: Vec<Object>,
}

#[derive(Debug, Clone, Deserialize)]
struct Migration {
    #[serde(default)]
    new_sqlite_classes: Vec<String>,
}

impl Wrangler {
    /// Reads the committed file.
    pub fn read() -> Result<Self> {
        let text = fs::read_to_string(paths::at("wrangler.toml")).context("wrangler.toml")?;
        toml::from_str(&text).context("wrangler.toml")
    }

    /// The objects, by binding.
    pub fn objects(&self) -> &[Object] {
        &self.durable_objects.bindings
    }

    /// The names of the object classes, each once.
    pub fn classes(&self) -> BTreeSet<&str> {
        self.objects().iter().map(|object| object.class_name.as_str()).collect()
    }

    /// Whether objects of this class keep their state in SQLite.
    pub fn keeps_sql(&self, class: &str) -> bool {
        self.migrations.iter().any(|step| step.new_sqlite_classes.iter().any(|it| it == class))
    }

    /// The vars as the Worker sees them: text.
    pub fn vars(&self) -> BTreeMap<String, String> {
        let text = |value: &toml::Value| match value {
            toml::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        self.vars.iter().map(|(name, value)| (name.clone(), text(value))).collect()
    }
}
