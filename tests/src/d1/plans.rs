//! How the database would find what the Worker asks for: every statement of `functions/src/store`,
//! and what is wrong with its plan once there are many rows.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::{Database, Rows, Statement};
use crate::source::Source;

/// What a statement begins with.
const WORDS: [&str; 5] = ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"];

/// A statement of the Worker.
#[derive(Debug)]
pub struct Asked {
    /// `usage.rs:31`
    pub place: String,
    pub sql: String,
}

/// Every statement of the store.
pub fn statements() -> Result<Vec<Asked>> {
    let mut found = Vec::new();
    for path in Source::below("functions/src/store", ".rs")? {
        let source = Source::read(&path)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for (line, text) in source.strings() {
            let is_sql = WORDS.iter().any(|word| {
                text.strip_prefix(word).is_some_and(|rest| rest.starts_with(char::is_whitespace))
            });
            if is_sql {
                let sql = text.split_whitespace().collect::<Vec<_>>().join(" ");
                found.push(Asked { place: format!("{name}:{line}"), sql });
            }
        }
    }
    Ok(found)
}

/// What is wrong with a statement, if anything: it reads a table whole, sorts what it read, or has
/// no end.
pub async fn fault(database: &Database, asked: &Asked) -> Result<Option<String>> {
    let bound = (1..).take_while(|number| asked.sql.contains(&format!("?{number}")));
    let values = bound.map(|_| Value::Null).collect();
    let sql = format!("EXPLAIN QUERY PLAN {}", asked.sql);
    let plan = database.batch(&[Statement::new(sql, values)]).await;
    let plan = plan.with_context(|| format!("{}: {}", asked.place, asked.sql))?;
    let plan: Vec<String> = plan.iter().flatten().filter_map(step).collect();
    // What is read in an order that is there, until there are enough, is not read whole.
    let ordered = !asked.sql.contains(" WHERE ") && asked.sql.contains(" LIMIT ");
    for step in &plan {
        let scans = step.starts_with("SCAN ") && !step.contains("VIRTUAL TABLE");
        if (scans && !ordered) || step.contains("TEMP B-TREE") {
            return Ok(Some(step.clone()));
        }
    }
    let ends = asked.sql.contains(" LIMIT ") || !asked.sql.starts_with("SELECT");
    if ends || one_row(database, &plan).await? {
        return Ok(None);
    }
    Ok(Some("no LIMIT, and not one row by its key".to_owned()))
}

fn step(row: &Value) -> Option<String> {
    row["detail"].as_str().map(str::to_owned)
}

/// Whether each table is asked for at most one row, by all columns of a unique key.
async fn one_row(database: &Database, plan: &[String]) -> Result<bool> {
    for step in plan.iter().filter(|step| step.starts_with("SEARCH ")) {
        let words: Vec<&str> = step.split(' ').collect();
        let [_, table, "USING", rest @ ..] = words.as_slice() else { return Ok(false) };
        let equal = step.matches("=?").count();
        let wanted = match rest {
            ["PRIMARY", "KEY", ..] | ["INTEGER", "PRIMARY", "KEY", ..] => {
                count(database, "pragma_table_info(?1) WHERE pk > 0", table).await?
            }
            ["INDEX", index, ..] | ["COVERING", "INDEX", index, ..] => {
                let unique = "pragma_index_list(?1) WHERE \"unique\" = 1";
                let unique = database
                    .query(&format!("SELECT name FROM {unique}"), vec![json!(table)])
                    .await?;
                if !unique.iter().any(|row| row["name"] == *index) {
                    return Ok(false);
                }
                count(database, "pragma_index_info(?1)", index).await?
            }
            _ => return Ok(false),
        };
        if equal < wanted {
            return Ok(false);
        }
    }
    Ok(plan.iter().any(|step| step.starts_with("SEARCH ")))
}

async fn count(database: &Database, of: &str, name: &str) -> Result<usize> {
    let found: Rows =
        database.query(&format!("SELECT count(*) AS many FROM {of}"), vec![json!(name)]).await?;
    let many = found.first().and_then(|row| row["many"].as_u64()).unwrap_or_default();
    Ok(usize::try_from(many)?)
}
