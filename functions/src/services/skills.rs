//! What codex has learned to do: skills of the machine, and of a workspace.

use schema::Result;
use serde_json::{Value, json};

use super::{
    acting::Acting,
    rpc,
    threads::{member, members},
};
use crate::cx::Cx;

/// The skills that codex finds in a directory of the account's workspace, and on its machine.
pub async fn list(cx: &Cx, whom: Acting, root: Option<&str>) -> Result<Vec<Value>> {
    let params = root.map_or_else(|| json!({}), |root| json!({ "cwds": [root] }));
    let said = rpc::call(cx, whom, "skills/list", members(params)).await?;
    let found: Vec<Value> = member(&said, "data")?;
    let skills = |at: &Value| at.get("skills").and_then(Value::as_array).cloned();
    Ok(found.iter().filter_map(skills).flatten().collect())
}
