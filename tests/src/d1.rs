//! The database of a running Worker, through its side entrance: migrations, and questions of tests.

pub mod plans;
pub mod seed;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::config::Wrangler;
use crate::paths;

/// A way in.
#[derive(Debug, Clone)]
pub struct Database {
    door: String,
    token: String,
    client: reqwest::Client,
}

/// Rows as objects, by column name.
pub type Rows = Vec<Value>;

/// A statement and the values of its `?1` parameters.
#[derive(Debug, Clone)]
pub struct Statement {
    pub sql: String,
    pub values: Vec<Value>,
}

impl Statement {
    pub fn new(sql: impl Into<String>, values: Vec<Value>) -> Self {
        Self { sql: sql.into(), values }
    }
}

impl Database {
    /// The database behind a side entrance.
    pub fn new(door: String, token: &str) -> Self {
        Self { door, token: token.to_owned(), client: reqwest::Client::new() }
    }

    /// Runs one statement.
    pub async fn query(&self, sql: &str, values: Vec<Value>) -> Result<Rows> {
        let mut answers = self.batch(&[Statement::new(sql, values)]).await?;
        Ok(answers.pop().unwrap_or_default())
    }

    /// Runs statements in one transaction.
    pub async fn batch(&self, statements: &[Statement]) -> Result<Vec<Rows>> {
        let body: Vec<Value> =
            statements.iter().map(|it| json!({ "sql": it.sql, "values": it.values })).collect();
        serde_json::from_value(self.ask("/sql", &json!(body)).await?).context("rows")
    }

    /// Rings the Worker's timer and waits until its work is done.
    pub async fn ring(&self, cron: &str) -> Result<()> {
        self.ask("/scheduled", &json!({ "cron": cron })).await.map(drop)
    }

    /// Applies the migrations that this database has not seen, each whole or not at all; says
    /// which.
    pub async fn migrate(&self) -> Result<Vec<String>> {
        self.query(
            "CREATE TABLE IF NOT EXISTS d1_migrations (
                 id INTEGER PRIMARY KEY AUTOINCREMENT,
                 name TEXT UNIQUE,
                 applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)",
            vec![],
        )
        .await?;
        let known = self.query("SELECT name FROM d1_migrations", vec![]).await?;
        let known: Vec<&str> = known.iter().filter_map(|row| row["name"].as_str()).collect();
        let mut applied = Vec::new();
        for path in migrations()? {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if known.contains(&name.as_str()) {
                continue;
            }
            let mut batch: Vec<Statement> = statements(&fs::read_to_string(&path)?)
                .into_iter()
                .map(|sql| Statement::new(sql, vec![]))
                .collect();
            let record = "INSERT INTO d1_migrations (name) VALUES (?1)";
            batch.push(Statement::new(record, vec![json!(name)]));
            self.batch(&batch).await.with_context(|| format!("migration {name}"))?;
            applied.push(name);
        }
        Ok(applied)
    }

    async fn ask(&self, path: &str, body: &Value) -> Result<Value> {
        let request = self.client.post(format!("{}{path}", self.door)).bearer_auth(&self.token);
        let reply = request.json(body).send().await?;
        if !reply.status().is_success() {
            bail!("the database refuses: {}", reply.text().await?);
        }
        Ok(reply.json().await?)
    }
}

/// The migration files, in order.
fn migrations() -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for database in Wrangler::read()?.d1_databases {
        let Ok(folder) = fs::read_dir(paths::at(&database.migrations_dir)) else { continue };
        for entry in folder {
            files.push(entry?.path());
        }
    }
    files.retain(|path| path.extension().is_some_and(|it| it == "sql"));
    files.sort();
    Ok(files)
}

/// Cuts a file into statements at each `;` outside of quotes, comments and trigger bodies.
fn statements(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut current = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\'' | '"' | '`' => quoted(rest, first),
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            other => other.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        rest = after;
        if token.starts_with("--") || token.starts_with("/*") {
            continue;
        }
        if token == ";" && !inside_trigger(&current) {
            found.push(std::mem::take(&mut current));
        } else {
            current.push_str(token);
        }
    }
    found.push(current);
    found.iter().map(|it| it.trim().to_owned()).filter(|it| !it.is_empty()).collect()
}

fn quoted(text: &str, quote: char) -> usize {
    text.char_indices().skip(1).find(|(_, it)| *it == quote).map_or(text.len(), |(at, _)| at + 1)
}

fn inside_trigger(sql: &str) -> bool {
    let sql = sql.trim().to_ascii_uppercase();
    sql.starts_with("CREATE TRIGGER") && !sql.ends_with("END")
}

#[cfg(test)]
mod tests {
    use super::statements;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        assert_eq!(statements(text), expected);
    }

    #[test]
    fn statements_end_at_semicolons() {
        check("SELECT 1; SELECT 2;\n", &["SELECT 1", "SELECT 2"]);
    }

    #[test]
    fn quotes_and_comments_hide_semicolons() {
        check("SELECT ';' -- a; b\n; /* c; */ SELECT \"d;\"", &["SELECT ';'", "SELECT \"d;\""]);
    }

    #[test]
    fn a_trigger_is_one_statement() {
        let trigger = "CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM b; END";
        check(&format!("{trigger};"), &[trigger]);
    }
}
