//! What every object's rows have in common: steps of a schema, and values as SQL takes them.

use wasm_bindgen::JsValue;
use worker::SqlStorage;

/// Brings an object's storage up to date: each step is run once, in order.
pub fn migrate(sql: &SqlStorage, steps: &[&str]) -> worker::Result<()> {
    sql.exec("CREATE TABLE IF NOT EXISTS steps (done INTEGER NOT NULL)", None)?;
    let done = sql.exec("SELECT done FROM steps", None)?.raw().count();
    for step in steps.iter().skip(done) {
        sql.exec(step, None)?;
        sql.exec("INSERT INTO steps VALUES (1)", None)?;
    }
    Ok(())
}

/// A number as JavaScript has it; ours stay below 2^53.
#[expect(clippy::cast_precision_loss, reason = "money, keys, times and sizes stay below 2^53")]
pub fn number(value: i64) -> JsValue {
    JsValue::from_f64(value as f64)
}

pub fn text(value: &str) -> JsValue {
    JsValue::from_str(value)
}

/// A text, or `NULL`.
pub fn optional(value: Option<&str>) -> JsValue {
    value.map_or(JsValue::NULL, JsValue::from_str)
}
