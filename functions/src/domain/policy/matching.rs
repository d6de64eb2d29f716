//! Whether a rule means what is asked: narrowly where it approves, widely where it does not.

use schema::agent::{PolicyRule, PolicyThen, PolicyWhen};

use super::{Asked, Command, Files, Path, glob, plain, reads};

/// Stands for a space within a word, where words are joined by spaces.
const INNER_SPACE: &str = "\u{a0}";

pub(super) fn matches(rule: &PolicyRule, asked: &Asked) -> bool {
    let when = &rule.when;
    if when.kind.is_some_and(|kind| kind != asked.kind()) {
        return false;
    }
    match rule.then {
        PolicyThen::Approve => narrowly(when, asked),
        PolicyThen::Reject | PolicyThen::Ask => widely(when, asked),
    }
}

/// Whether all that is asked is what a rule means, and nothing but that.
fn narrowly(when: &PolicyWhen, asked: &Asked) -> bool {
    let PolicyWhen { kind: _, command_prefix, command_glob, path_glob, reads_only } = when;
    match asked {
        Asked::Command(Command { words: Some(words), is_ordinary: true, .. }) => {
            let named = command_prefix.as_ref().map(|prefix| words.starts_with(prefix));
            let looks =
                |glob: &String| !plain::runs_others(words) && glob::text(&joined(words), glob);
            let looks = command_glob.as_ref().map(looks);
            let reads = reads_only.map(|wanted| wanted && reads::only(words));
            all([named, looks, reads]) && path_glob.is_none()
        }
        Asked::Files(Files { paths, is_ordinary: true }) => {
            let Some(glob) = path_glob else { return false };
            let commands =
                command_prefix.is_some() || command_glob.is_some() || reads_only.is_some();
            let inside = |path: &Path| match path {
                Path::Inside(names) if names.is_empty() => false,
                Path::Inside(names) => glob::path(&texts(names), glob, true),
                Path::Outside(_) => false,
            };
            !commands && !paths.is_empty() && paths.iter().all(inside)
        }
        Asked::Command(_) | Asked::Files(_) | Asked::Other(_) => false,
    }
}

/// Whether some of what is asked may be what a rule means.
fn widely(when: &PolicyWhen, asked: &Asked) -> bool {
    let PolicyWhen { kind: _, command_prefix, command_glob, path_glob, reads_only } = when;
    let about_commands = command_prefix.is_some() || command_glob.is_some() || reads_only.is_some();
    match asked {
        Asked::Command(command) => {
            let named = command_prefix.as_ref().is_none_or(|prefix| has(command, prefix));
            let looks = command_glob.as_ref().is_none_or(|glob| shows(command, glob));
            let reads = command.words.as_ref().is_some_and(|words| reads::only(words));
            let reads = reads_only.is_none_or(|wanted| wanted == reads);
            named && looks && reads && path_glob.is_none()
        }
        Asked::Files(Files { paths, .. }) => {
            let touched = |glob: &String| paths.iter().any(|path| touches(path, glob));
            !about_commands && path_glob.as_ref().is_none_or(touched)
        }
        Asked::Other(_) => !about_commands && path_glob.is_none(),
    }
}

/// Whether a rule has a condition, and all that it has are true.
fn all(conditions: [Option<bool>; 3]) -> bool {
    let mut conditions = conditions.into_iter().flatten().peekable();
    conditions.peek().is_some() && conditions.all(|is_true| is_true)
}

/// Whether a command begins with these words, options between them or not; or may run something
/// that does.
fn has(command: &Command, prefix: &[String]) -> bool {
    let begins = |words: &[String]| {
        let Some((first, rest)) = words.split_first() else { return false };
        let Some((program, others)) = prefix.split_first() else { return false };
        let same = first == program || plain::base(first) == program;
        let mut rest = rest.iter();
        same && others.iter().all(|word| rest.any(|it| it == word))
    };
    match &command.words {
        Some(words) if !plain::runs_others(words) => begins(words),
        _ => {
            let pieces = plain::pieces(&command.text);
            (0..pieces.len()).any(|from| pieces.get(from..).is_some_and(begins))
        }
    }
}

/// Whether a command is, or has in it, what a pattern says.
fn shows(command: &Command, glob: &str) -> bool {
    match &command.words {
        Some(words) if !plain::runs_others(words) => glob::text(&joined(words), glob),
        _ => glob::text(&command.text, &format!("*{glob}*")),
    }
}

/// Whether a path is what a pattern says, in small letters or large.
fn touches(path: &Path, glob: &str) -> bool {
    let (Path::Inside(names) | Path::Outside(names)) = path;
    let names: Vec<String> = names.iter().map(|name| name.to_lowercase()).collect();
    glob::path(&texts(&names), &glob.to_lowercase(), false)
}

fn texts(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

fn joined(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| word.replace(' ', INNER_SPACE)).collect();
    words.join(" ")
}
