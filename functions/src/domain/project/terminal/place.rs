//! Where a terminal may work: in its project's directory, on the project's own threads. Other
//! projects of the account run in the same process.

use schema::{Code, Error, Result};
use serde_json::{Map, Value, json};

/// Methods that reach across all projects of an account.
const ACROSS: [&str; 3] = ["memory/reset", "thread/search", "thread/searchOccurrences"];
/// Members that say what a client's own settings are, or what only it could serve: the process has
/// its own, and other clients.
const CLIENTS_OWN: [&str; 4] = ["dynamicTools", "environments", "modelProvider", "path"];
/// Members that list directories to look in.
const DIRECTORIES: [&str; 3] = ["cwds", "roots", "runtimeWorkspaceRoots"];
/// Settings by which a client is pointed to its provider, which the process is by its host.
const PROVIDER_SETTINGS: [&str; 3] = ["model_provider", "model_providers", "notice"];

/// A project's directory.
#[derive(Debug, Clone)]
pub struct Place {
    /// Below the account's workspace.
    root: String,
    /// As codex sees it, where it was told.
    absolute: Option<String>,
}

/// Whether a terminal may call a method that customers may call.
pub fn permit(method: &str) -> Result<()> {
    if !ACROSS.contains(&method) {
        return Ok(());
    }
    let message = format!("`{method}` reaches beyond this project, and is not served here.");
    Err(Error::new(Code::PermissionDenied, message))
}

impl Place {
    pub const fn new(root: String, absolute: Option<String>) -> Self {
        Self { root, absolute }
    }

    /// A path as the runner is told it; nothing if it lies outside.
    pub fn bind(&self, path: &str) -> Option<String> {
        if path.split('/').any(|part| part == "..") {
            return None;
        }
        if let Some(below) = self.absolute.as_deref().and_then(|it| path.strip_prefix(it)) {
            return (below.is_empty() || below.starts_with('/')).then(|| path.to_owned());
        }
        if path.starts_with('/') {
            return None;
        }
        let below: Vec<&str> = path.split('/').filter(|it| !matches!(*it, "" | ".")).collect();
        let parts = std::iter::once(self.root.as_str()).chain(below);
        Some(parts.collect::<Vec<_>>().join("/"))
    }

    /// Puts the parameters of a call where the terminal may work.
    pub fn settle(&self, method: &str, params: &mut Map<String, Value>) -> Result<()> {
        match method {
            "thread/start" | "thread/resume" | "thread/fork" | "turn/start" => {
                self.settle_cwd(method, params)?;
                for name in CLIENTS_OWN {
                    params.remove(name);
                }
                if let Some(Value::Object(config)) = params.get_mut("config") {
                    config.retain(|name, _| !is_providers(name));
                }
            }
            // A picker asks for those of the directory that it runs in, which is elsewhere.
            "thread/list" => {
                params.insert("cwd".to_owned(), json!(self.seen()));
            }
            _ => {}
        }
        for name in DIRECTORIES {
            if let Some(Value::Array(paths)) = params.get_mut(name) {
                let bound = paths.iter().filter_map(Value::as_str).filter(|it| self.is_in(it));
                let mut bound: Vec<Value> = bound.map(Value::from).collect();
                if bound.is_empty() && !paths.is_empty() {
                    bound.push(json!(self.seen()));
                }
                *paths = bound;
            }
        }
        Ok(())
    }

    fn settle_cwd(&self, method: &str, params: &mut Map<String, Value>) -> Result<()> {
        let bound = match params.get("cwd") {
            Some(Value::String(cwd)) => self.bind(cwd).ok_or_else(|| self.outside())?,
            None | Some(Value::Null) if method == "thread/start" => self.root.clone(),
            None | Some(Value::Null) => return Ok(()),
            Some(_) => return Err(Error::new(Code::InvalidRequest, "`cwd` has to be a text")),
        };
        params.insert("cwd".to_owned(), json!(bound));
        Ok(())
    }

    fn is_in(&self, path: &str) -> bool {
        path.starts_with('/') && self.bind(path).is_some()
    }

    /// As codex sees it.
    fn seen(&self) -> &str {
        self.absolute.as_deref().unwrap_or(&self.root)
    }

    fn outside(&self) -> Error {
        let message = format!(
            "`cwd` has to lie in the project, {}. Leave `-C` out, or name a directory below it.",
            self.seen()
        );
        Error::new(Code::PermissionDenied, message)
    }
}

fn is_providers(name: &str) -> bool {
    let table = name.split('.').next().unwrap_or(name);
    PROVIDER_SETTINGS.contains(&table)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Place {
        Place::new("projects/prj_1".to_owned(), Some("/w/projects/prj_1".to_owned()))
    }

    #[test]
    fn a_path_lies_in_the_project_or_nowhere() {
        let check = |path, bound: Option<&str>| {
            assert_eq!(place().bind(path).as_deref(), bound, "{path}");
        };
        check("", Some("projects/prj_1"));
        check(".", Some("projects/prj_1"));
        check("src/./a", Some("projects/prj_1/src/a"));
        check("/w/projects/prj_1", Some("/w/projects/prj_1"));
        check("/w/projects/prj_1/src", Some("/w/projects/prj_1/src"));
        for outside in [
            "/w/projects/prj_12",
            "/w/projects",
            "/etc",
            "..",
            "src/../../prj_2",
            "/w/projects/prj_1/../prj_2",
        ] {
            check(outside, None);
        }
    }

    #[test]
    fn a_project_that_codex_has_not_named_is_known_by_its_root_alone() {
        let place = Place::new("projects/prj_1".to_owned(), None);
        assert_eq!(place.bind("a").as_deref(), Some("projects/prj_1/a"));
        assert_eq!(place.bind("/w/projects/prj_1"), None);
    }

    #[track_caller]
    fn check(method: &str, given: Value, wanted: Value) {
        let mut params = given.as_object().cloned().unwrap_or_default();
        place().settle(method, &mut params).unwrap();
        assert_eq!(Value::Object(params), wanted);
    }

    #[test]
    fn a_thread_begins_in_the_project_whatever_the_client_runs_in() {
        let root = json!({ "cwd": "projects/prj_1" });
        check("thread/start", json!({}), root.clone());
        check("thread/start", json!({ "cwd": null, "path": "/x", "dynamicTools": [] }), root);
        check("thread/resume", json!({ "threadId": "T", "cwd": null }), {
            json!({ "threadId": "T", "cwd": null })
        });
        let seen = json!({ "cwd": "/w/projects/prj_1" });
        check("thread/list", json!({ "cwd": null }), seen.clone());
        check("thread/list", json!({ "cwd": "/home/me" }), seen);
        let mut outside = json!({ "cwd": "/home/me" }).as_object().cloned().unwrap();
        let refused = place().settle("thread/start", &mut outside).unwrap_err();
        assert!(refused.message.contains("/w/projects/prj_1"), "{refused}");
    }

    #[test]
    fn directories_to_look_in_are_the_project_s() {
        let seen = json!({ "cwds": ["/w/projects/prj_1"] });
        check("skills/list", json!({ "cwds": ["/home/me", "/w/projects/prj_2"] }), seen.clone());
        check("skills/list", json!({ "cwds": ["/etc", "/w/projects/prj_1"] }), seen);
        check("skills/list", json!({ "cwds": [] }), json!({ "cwds": [] }));
    }

    #[test]
    fn how_a_client_finds_its_provider_is_not_the_process_s_to_know() {
        let config = json!({
            "model_provider": "gantry", "model_providers.gantry.name": "Gantry", "notice": {},
            "sandbox_mode": "danger-full-access",
        });
        let left = json!({ "sandbox_mode": "danger-full-access" });
        check("thread/resume", json!({ "config": config }), json!({ "config": left }));
    }

    #[test]
    fn what_reaches_across_projects_is_refused() {
        assert!(permit("thread/search").is_err());
        assert!(permit("thread/list").is_ok());
    }
}
