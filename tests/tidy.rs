//! The rules of the house, read from its sources: each failure names the file, the line and the
//! rule.

use std::fmt::Write;
use std::fs;

use serde_json::Value;
use tests::source::Source;
use tests::{command, paths};

const FUNCTION_MAX_LINES: usize = 70;
const LINE_MAX_COLUMNS: usize = 100;

/// Lists of routes, and the one event loop that may be read whole, over two screens.
const LONG_FUNCTIONS: [(&str, &str); 2] =
    [("functions/src/api/", "family"), ("runner-agent/src/agent.rs", "run")];

/// The only door to clock and randomness.
const CX: &str = "functions/src/cx.rs";

/// What a room must not name, beside what the lints refuse everywhere.
struct Room {
    place: &'static str,
    never: &'static [&'static str],
    rule: &'static str,
}

const ROOMS: [Room; 9] = [
    Room {
        place: "schema/src/",
        never: &["worker::", "tokio::", "async", "std::fs", "std::net", "js_sys::", "web_sys::"],
        rule: "schema is types only: nothing that does",
    },
    Room {
        place: "functions/src/domain",
        never: &[
            "worker::",
            "js_sys::",
            "web_sys::",
            "wasm_bindgen::",
            "async",
            "crate::cx",
            "crate::store",
            "crate::objects",
            "crate::services",
            "crate::remote",
            "crate::api",
            "crate::http",
            "getrandom::",
            "console_log!",
            "console_error!",
        ],
        rule: "domain is pure: values in, decision out",
    },
    Room {
        place: "functions/src/store",
        never: &["crate::http", "crate::remote", "crate::services", "crate::api", "crate::objects"],
        rule: "store knows D1 and entities, no decisions and no HTTP",
    },
    Room {
        place: "functions/src/objects",
        never: &["crate::services", "crate::api", "crate::pages"],
        rule: "objects are shells around domain",
    },
    Room {
        place: "functions/src/remote",
        never: &["crate::store", "crate::objects", "crate::services", "crate::api"],
        rule: "remote speaks to strangers and keeps nothing",
    },
    Room {
        place: "functions/src/services",
        never: &["crate::http", "crate::api", "StatusCode"],
        rule: "services are the verbs of every dialect: no HTTP, no DTOs, no status codes",
    },
    Room {
        place: "functions/src/api",
        never: &["crate::store", "crate::objects", "crate::remote", "worker::"],
        rule: "api translates: it reaches the world through services only",
    },
    Room {
        place: "functions/src/http",
        never: &[
            "crate::store",
            "crate::objects",
            "crate::remote",
            "crate::services",
            "crate::api",
            "crate::domain",
        ],
        rule: "http does not know the product's nouns",
    },
    Room {
        place: "functions/src/pages",
        never: &["crate::store", "crate::objects", "crate::remote", "crate::api"],
        rule: "pages render what services find",
    },
];

/// Failures, one line each.
#[derive(Default)]
struct Report(String);

impl Report {
    fn add(&mut self, source: &Source, line: usize, rule: &str) {
        let _ = writeln!(self.0, "{}:{line}: {rule}", source.path);
    }

    #[track_caller]
    fn end(self) {
        assert!(self.0.is_empty(), "\n{}", self.0);
    }
}

fn sources(folders: &[&str]) -> Vec<Source> {
    let folders = folders.iter().filter(|folder| paths::at(folder).exists());
    let files = folders.flat_map(|folder| Source::below(folder, ".rs").expect("a folder"));
    files.map(|path| Source::read(&path).expect("a source")).collect()
}

/// What runs in production.
fn shipped() -> Vec<Source> {
    sources(&["schema/src", "functions/src", "runner-agent/src"])
}

fn all() -> Vec<Source> {
    sources(&["schema", "functions", "runner-agent", "tests"])
}

#[test]
fn rooms_keep_to_themselves() {
    let mut report = Report::default();
    for source in shipped() {
        for room in ROOMS.iter().filter(|room| source.path.starts_with(room.place)) {
            for word in room.never {
                for line in source.naming(word) {
                    report.add(&source, line, &format!("`{word}`: {}", room.rule));
                }
            }
        }
    }
    report.end();
}

#[test]
fn only_the_context_reads_a_clock_or_rolls_dice() {
    let mut report = Report::default();
    let names = ["Date::now", "SystemTime::now", "Instant::now", "getrandom::fill", "Math::random"];
    for source in sources(&["schema/src", "functions/src"]) {
        for word in names.iter().filter(|_| source.path != CX) {
            for line in source.naming(word) {
                report.add(
                    &source,
                    line,
                    &format!("`{word}` belongs to cx.rs; take it as a value"),
                );
            }
        }
    }
    report.end();
}

#[test]
fn sql_lives_in_the_store_and_in_objects() {
    let mut report = Report::default();
    let words = ["SELECT ", "INSERT ", "UPDATE ", "DELETE FROM ", "CREATE TABLE ", "PRAGMA "];
    for source in sources(&["functions/src"]) {
        let home = ["functions/src/store", "functions/src/objects"];
        if home.iter().any(|room| source.path.starts_with(room)) {
            continue;
        }
        for line in source.quoting(&words) {
            report.add(&source, line, "SQL belongs to store and objects");
        }
    }
    report.end();
}

#[test]
fn exceptions_expire() {
    let mut report = Report::default();
    for source in all() {
        for word in ["#[allow(", "#![allow("] {
            for line in source.naming(word) {
                report.add(&source, line, "use #[expect(lint, reason = \"…\")], which expires");
            }
        }
    }
    report.end();
}

#[test]
fn every_file_says_what_it_is_for() {
    let mut report = Report::default();
    for source in all() {
        if !source.text.starts_with("//!") {
            report.add(&source, 1, "open with `//!`: what the file is for, what it never does");
        }
    }
    report.end();
}

#[test]
fn functions_fit_on_a_screen() {
    let mut report = Report::default();
    for source in all() {
        for function in source.functions() {
            let excused = LONG_FUNCTIONS
                .iter()
                .any(|(place, name)| source.path.starts_with(place) && function.name == *name);
            if function.lines > FUNCTION_MAX_LINES && !excused {
                let (name, lines) = (&function.name, function.lines);
                let rule = format!("`{name}` has {lines} lines, over {FUNCTION_MAX_LINES}");
                report.add(&source, function.line, &rule);
            }
        }
    }
    report.end();
}

#[test]
fn lines_fit_in_a_window() {
    let mut report = Report::default();
    let mut scripts = Vec::new();
    for folder in ["functions", "tests"] {
        for ending in [".js", ".mjs"] {
            scripts.extend(Source::below(folder, ending).expect("a folder"));
        }
    }
    // What others wrote is made as small as it gets, and not checked in.
    scripts.retain(|path| !path.components().any(|part| part.as_os_str() == "vendor"));
    let scripts = scripts.iter().map(|path| Source::read(path).expect("a source"));
    for source in all().into_iter().chain(scripts) {
        for (index, line) in source.text.lines().enumerate() {
            if line.chars().count() > LINE_MAX_COLUMNS {
                report.add(&source, index + 1, &format!("over {LINE_MAX_COLUMNS} columns"));
            }
        }
    }
    report.end();
}

#[test]
fn a_promise_to_do_it_later_is_not_kept_in_a_comment() {
    let mut report = Report::default();
    let words = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
    for source in all() {
        for (index, line) in source.text.lines().enumerate() {
            if words.iter().any(|word| line.contains(word)) {
                report.add(&source, index + 1, "do it, or leave the remark out");
            }
        }
    }
    report.end();
}

#[test]
fn every_route_has_a_test_that_names_it() {
    let Ok(contract) = fs::read_to_string(paths::at("schema/openapi.json")) else { return };
    let contract: Value = serde_json::from_str(&contract).expect("JSON");
    let tests: String = sources(&["tests/e2e"]).into_iter().map(|source| source.text).collect();
    let paths = contract["paths"].as_object().expect("paths");
    let unnamed: Vec<&String> = paths.keys().filter(|path| !tests.contains(*path)).collect();
    assert!(unnamed.is_empty(), "no file of tests/e2e names {unnamed:#?}");
}

#[test]
fn the_npm_lockfile_pins_content_and_no_host() {
    let lockfile = fs::read_to_string(paths::at("tests/package-lock.json")).expect("a lockfile");
    assert!(!lockfile.contains("\"resolved\""), "versions and digests only: leave `resolved` out");
}

#[test]
fn the_code_is_formatted() {
    let mut cargo = command::cargo();
    cargo.args(["fmt", "--all", "--check"]).current_dir(paths::root());
    command::run(&mut cargo).expect("run `cargo fmt`");
}

#[test]
fn the_lints_are_silent() {
    let mut cargo = command::cargo();
    cargo.args(["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]);
    command::run(cargo.current_dir(paths::root())).expect("clippy is silent");
}
