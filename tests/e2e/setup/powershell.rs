//! Commands for PowerShell, read by a grammar of it: every one is whole, says what was meant, and
//! has no argument that Windows PowerShell would change on its way to a program.

use std::collections::BTreeMap;

use functions::domain::setup::quote;
use proptest::prelude::*;
use schema::agent::PublicCodex;
use tree_sitter::{Node, Parser, Tree};

use super::{BRAND, nasty, own};
use crate::desk::Desk;

/// What a script does: variables it sets, and commands with their arguments.
#[derive(Debug, Default, PartialEq)]
pub struct Script {
    pub sets: BTreeMap<String, String>,
    pub runs: Vec<Vec<String>>,
    /// Texts that are neither: what is written into a file.
    pub texts: Vec<String>,
}

fn parse(text: &str) -> Tree {
    let mut parser = Parser::new();
    parser.set_language(&tree_sitter_powershell::LANGUAGE.into()).expect("the grammar");
    parser.parse(text, None).expect("a tree")
}

/// Reads a script; every string in it as PowerShell does.
#[track_caller]
pub fn read(text: &str) -> Script {
    let tree = parse(text);
    assert!(!tree.root_node().has_error(), "{text}\n{}", tree.root_node().to_sexp());
    let mut script = Script::default();
    visit(tree.root_node(), text, &mut script);
    script
}

fn visit(node: Node<'_>, text: &str, script: &mut Script) {
    match node.kind() {
        "assignment_expression" => {
            let (Some(name), Some(value)) = (node.child(0), node.child_by_field_name("value"))
            else {
                panic!("half an assignment: {}", node.to_sexp());
            };
            script.sets.insert(source(name, text).to_owned(), value_of(value, text));
        }
        "command" => {
            let mut words = Vec::new();
            arguments(node, text, &mut words);
            script.runs.push(words);
        }
        "string_literal" => script.texts.push(value_of(node, text)),
        _ => {
            let mut cursor = node.walk();
            node.named_children(&mut cursor).for_each(|child| visit(child, text, script));
        }
    }
}

/// The words of a command: its name, and what it is told.
fn arguments(node: Node<'_>, text: &str, words: &mut Vec<String>) {
    match node.kind() {
        "command_name" | "command_parameter" | "generic_token" | "variable" => {
            words.push(source(node, text).to_owned());
        }
        "string_literal" => words.push(value_of(node, text)),
        _ => {
            let mut cursor = node.walk();
            node.named_children(&mut cursor).for_each(|child| arguments(child, text, words));
        }
    }
}

/// What a string means: verbatim ones as they are but for doubled quotes; others may name a
/// variable, and escape nothing.
fn value_of(node: Node<'_>, text: &str) -> String {
    let written = source(node, text);
    if let Some(inner) = written.strip_prefix("@'\n").and_then(|it| it.strip_suffix("\n'@")) {
        return inner.to_owned();
    }
    if let Some(inner) = written.strip_prefix('\'').and_then(|it| it.strip_suffix('\'')) {
        return inner.replace("''", "'");
    }
    let inner = written.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
    let inner = inner.unwrap_or_else(|| panic!("no string: {written}"));
    assert!(!inner.contains(['`', '"']), "{written}");
    inner.to_owned()
}

fn source<'a>(node: Node<'_>, text: &'a str) -> &'a str {
    &text[node.byte_range()]
}

/// What a program is told by a line that starts codex, after the folder and the key are chosen.
#[track_caller]
fn codex(text: &str, key: &str) -> Vec<String> {
    let script = read(text);
    assert_eq!(script.sets["$env:CODEX_HOME"], "$HOME\\.rock-run-codex");
    assert_eq!(script.sets["$env:ROCK_CODEX_API_KEY"], key);
    let run = script.runs.into_iter().find(|run| run[0] == "codex").expect("codex is run");
    for argument in &run {
        assert!(!argument.contains('"'), "Windows PowerShell loses the quotes of {argument}");
    }
    run
}

/// Settings as the CLI reads them: `name=value`, a value of TOML.
fn settings(run: &[String]) -> toml::Table {
    let pairs = run.windows(2).filter(|pair| pair[0] == "-c").map(|pair| pair[1].as_str());
    pairs.collect::<Vec<_>>().join("\n").parse().expect("TOML")
}

#[tokio::test]
async fn every_command_says_to_codex_what_the_file_says() {
    let desk = Desk::of(nasty(), "0.00").await;
    let shown = own(&desk).await;
    let mut file: toml::Table = shown.config_toml.parse().expect("TOML");
    assert_eq!(file.remove("model"), Some("gpt-5.5".into()));
    assert_eq!(file["model_providers"]["rock-run"]["name"].as_str(), Some(BRAND));
    for (command, begins) in [
        (&shown.windows_start_command, &["codex", "--search", "-m", "gpt-5.5"][..]),
        (&shown.windows_resume_last_command, &["codex", "resume", "--last", "--search", "-m"]),
        (&shown.windows_exec_smoke_test_command, &["codex", "--search", "exec"]),
    ] {
        let run = codex(command, &desk.account.key);
        assert_eq!(run[..begins.len()], *begins);
        assert_eq!(settings(&run), file, "{command}");
    }
    let run = codex(&shown.windows_exec_smoke_test_command, &desk.account.key);
    assert_eq!(run.last(), Some(&format!("Say hello from {BRAND}.")));
}

#[tokio::test]
async fn the_file_is_written_as_it_is() {
    let desk = Desk::of(nasty(), "0.00").await;
    let shown = own(&desk).await;
    let script = read(&shown.windows_setup_command);
    assert_eq!(script.sets["$env:CODEX_HOME"], "$HOME\\.rock-run-codex");
    assert_eq!(script.texts, [shown.config_toml.trim_end()]);
    let make = &script.runs[0];
    assert_eq!((make[0].as_str(), make.last().unwrap().as_str()), ("New-Item", "$env:CODEX_HOME"));
    assert!(script.runs.iter().any(|run| run[0] == "Set-Content"), "{script:?}");
}

#[tokio::test]
async fn what_is_installed_is_named_as_it_is() {
    let desk = Desk::of(nasty(), "0.00").await;
    let shown: PublicCodex = own(&desk).await;
    let words = |run: &[&str]| run.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let install = words(&["npm", "install", "-g", "@openai/codex@0.130.0"]);
    let verify =
        [words(&["node", "--version"]), words(&["npm", "--version"]), words(&["git", "--version"])];
    assert_eq!(read(&shown.windows_verify_dependencies_command).runs, verify);
    let codex = [install, words(&["codex", "--version"])];
    assert_eq!(read(&shown.windows_codex_install_command).runs, codex);
    let dependencies = read(&shown.windows_dependency_install_command).runs;
    for id in ["OpenJS.NodeJS.LTS", "Git.Git"] {
        assert!(dependencies.iter().any(|run| run.iter().any(|word| word == id)), "{id}");
    }
    let full = [&dependencies[..], &verify, &codex].concat();
    assert_eq!(read(&shown.windows_full_install_command).runs, full);
}

#[test]
fn the_grammar_knows_what_is_no_script() {
    for text in ["npm install -g @openai/codex@0.130.0", "codex 'one", "codex \"a", "$env:A = "] {
        assert!(parse(text).root_node().has_error(), "{text}");
    }
}

proptest! {
    // The grammar takes four further quotes of PowerShell for letters; their rule has a test of its
    // own, beside the quoting.
    #[test]
    fn any_value_is_read_as_it_was(value in "(['\"$` @;|&%{}()a-]|[^\0\r\u{2018}-\u{201b}])*") {
        let script = read(&format!("codex {} -c", quote::powershell(&value)));
        let words = vec!["codex".to_owned(), value, "-c".to_owned()];
        prop_assert_eq!(script.runs, vec![words]);
    }
}
