//! One call: what it takes, what it answers, how it fails, and a form that tries it.

use askama::Template;
use schema::{Error, Result};
use serde::Deserialize;

use super::catalogue::{Catalogue, Line};
use crate::{
    cx::Cx,
    domain::contract::{Body, Contract, DOCUMENT, Operation, Parameter},
    pages::{Frame, Lasting},
};

thread_local! {
    /// Read once for each isolate.
    static CONTRACT: Result<Contract<'static>, String> =
        Contract::read(DOCUMENT).map_err(|error| error.to_string());
}

/// Which call.
#[derive(Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct At {
    /// Its name, `get_api_v1_me`.
    call: String,
}

#[derive(Template)]
#[template(path = "docs/call.html")]
pub struct Page {
    frame: Frame,
    here: &'static str,
    line: Line,
    operation: Operation,
    curl: String,
}

impl Page {
    /// Whether a credential goes with it.
    fn wants_key(&self) -> bool {
        self.line.access != "anyone"
    }

    /// Whether what is sent is JSON, as far as it is sent at all.
    fn json(&self) -> Option<&Body> {
        self.operation.body.as_ref().filter(|it| it.types.iter().any(|it| it == "application/json"))
    }

    fn is_change(&self) -> bool {
        self.line.method != "GET"
    }
}

/// The page of a call.
pub fn page(cx: &Cx, catalogue: &Catalogue, at: &At) -> Result<Lasting<Page>> {
    let unknown = || Error::not_found("call", &at.call);
    let line = catalogue.line(&at.call).cloned().ok_or_else(unknown)?;
    let operation = CONTRACT.with(|contract| match contract {
        Ok(contract) => Ok(contract.operation(line.method, line.path)),
        Err(why) => Err(Error::internal(why)),
    })?;
    let operation = operation.ok_or_else(unknown)?;
    let origin = cx.origin().unwrap_or_else(|_| "https://your.edge".to_owned());
    let curl = curl(&line, &operation, &origin, &cx.config.cli.env_key);
    Ok(Lasting(Page { frame: Frame::of(cx), here: "/docs", line, operation, curl }))
}

/// The same as a command, which takes the key from the variable that the CLI takes it from.
fn curl(line: &Line, operation: &Operation, origin: &str, variable: &str) -> String {
    let mut path = line.path.to_owned();
    let mut query = Vec::new();
    for parameter in &operation.parameters {
        let Parameter { name, place, example, required, .. } = parameter;
        match place.as_str() {
            "path" => path = path.replace(&format!("{{{name}}}"), example),
            "query" if *required => query.push(format!("{name}={example}")),
            _ => {}
        }
    }
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    let no_buffer = if line.streams { " -N" } else { "" };
    let mut command = vec![format!("curl{no_buffer} '{origin}{path}{query}'")];
    if !matches!(line.method, "GET" | "POST") || (line.method == "POST" && operation.body.is_none())
    {
        command.push(format!("-X {}", line.method));
    }
    if line.access != "anyone" {
        command.push(format!("-H \"Authorization: Bearer ${variable}\""));
    }
    if let Some(body) = &operation.body {
        command.push("-H 'Content-Type: application/json'".to_owned());
        command.push(format!("-d '{}'", body.example.replace('\'', "'\\''")));
    }
    command.join(" \\\n  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(id: &str) -> String {
        let catalogue = Catalogue::of(&crate::api::families());
        let line = catalogue.line(id).unwrap();
        let contract = Contract::read(DOCUMENT).unwrap();
        let operation = contract.operation(line.method, line.path).unwrap();
        curl(line, &operation, "https://x.test", "KEY")
    }

    #[test]
    fn a_command_says_what_the_form_sends() {
        assert_eq!(command("get_health"), "curl 'https://x.test/health'");
        let me = "curl 'https://x.test/api/v1/me' \\\n  -H \"Authorization: Bearer $KEY\"";
        assert_eq!(command("get_api_v1_me"), me);
        let respond = command("post_v1_responses");
        assert!(respond.starts_with("curl -N 'https://x.test/v1/responses' \\\n"), "{respond}");
        assert!(respond.contains("-H 'Content-Type: application/json'"), "{respond}");
        let revoke = command("post_admin_api_api_keys_key_id_revoke");
        assert!(revoke.contains("/key_0") && revoke.contains("-X POST"), "{revoke}");
        assert!(!revoke.contains('{'), "{revoke}");
    }
}
