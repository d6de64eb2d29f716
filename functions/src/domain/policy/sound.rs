//! What is wrong with rules, field by field.

use schema::{
    Code, Error, FieldError, Result,
    agent::{ApprovalKind, PolicyRule, PolicyThen, PolicyWhen},
};

/// Rules of one project.
const RULES_MAX: usize = 64;
const NAME_MAX_CHARS: usize = 64;
const REASON_MAX_CHARS: usize = 500;
const GLOB_MAX_CHARS: usize = 256;
const PREFIX_MAX_WORDS: usize = 16;
const WORD_MAX_CHARS: usize = 256;

/// What is wrong, where it is.
struct Wrong {
    at: String,
    found: Vec<FieldError>,
}

impl Wrong {
    fn add(&mut self, is_wrong: bool, name: &str, message: impl Into<String>) {
        if is_wrong {
            let field = format!("{}{name}", self.at);
            self.found.push(FieldError { field, message: message.into() });
        }
    }
}

/// Everything that is wrong with some rules is the error.
pub(super) fn look_at(rules: &[PolicyRule]) -> Result<()> {
    let mut wrong = Wrong { at: String::new(), found: Vec::new() };
    wrong.add(rules.len() > RULES_MAX, "rules", format!("{RULES_MAX} at most"));
    for (place, rule) in rules.iter().enumerate().take(RULES_MAX) {
        wrong.at = format!("rules[{place}].");
        let taken = rules.iter().take(place).any(|other| other.name == rule.name);
        wrong.add(taken, "name", "unlike the name of every other rule");
        names(rule, &mut wrong);
        sizes(&rule.when, &mut wrong);
        meaning(rule, &mut wrong);
    }
    let Some(first) = wrong.found.first() else { return Ok(()) };
    let error = Error::new(Code::ValidationError, format!("`{}`: {}", first.field, first.message));
    Err(Error { details: wrong.found, ..error })
}

fn names(rule: &PolicyRule, wrong: &mut Wrong) {
    let shown = !rule.name.chars().any(char::is_control);
    let fits = fits(&rule.name, NAME_MAX_CHARS) && shown;
    wrong.add(!fits, "name", format!("1 to {NAME_MAX_CHARS} characters that can be seen"));
    let reason = rule.reason.as_deref().is_none_or(|reason| self::fits(reason, REASON_MAX_CHARS));
    wrong.add(!reason, "reason", format!("1 to {REASON_MAX_CHARS} characters"));
}

fn sizes(when: &PolicyWhen, wrong: &mut Wrong) {
    if let Some(prefix) = &when.command_prefix {
        let many = (1..=PREFIX_MAX_WORDS).contains(&prefix.len());
        let fit = many && prefix.iter().all(|word| fits(word, WORD_MAX_CHARS));
        let message = format!("1 to {PREFIX_MAX_WORDS} words of 1 to {WORD_MAX_CHARS} characters");
        wrong.add(!fit, "when.commandPrefix", message);
    }
    let globs = [(&when.command_glob, "when.commandGlob"), (&when.path_glob, "when.pathGlob")];
    for (glob, name) in globs {
        let fits = glob.as_deref().is_none_or(|glob| fits(glob, GLOB_MAX_CHARS));
        wrong.add(!fits, name, format!("1 to {GLOB_MAX_CHARS} characters"));
    }
}

/// A rule that could never match, or would approve what nobody named.
fn meaning(rule: &PolicyRule, wrong: &mut Wrong) {
    let PolicyWhen { kind, command_prefix, command_glob, path_glob, reads_only } = &rule.when;
    let named = command_prefix.is_some() || command_glob.is_some();
    let about = match (named || reads_only.is_some(), path_glob.is_some()) {
        (true, true) => {
            return wrong.add(true, "when", "of a command or of files: make two rules");
        }
        (true, false) => Some(ApprovalKind::Command),
        (false, true) => Some(ApprovalKind::FileChange),
        (false, false) => None,
    };
    let other = kind.is_some() && about.is_some() && *kind != about;
    wrong.add(other, "when.kind", "what the other conditions are about");
    if rule.then != PolicyThen::Approve {
        return;
    }
    let says_what = named || *reads_only == Some(true) || path_glob.is_some();
    let message = "a rule that approves says which commands or files: `commandPrefix`, \
                   `commandGlob`, `readsOnly` or `pathGlob`";
    wrong.add(!says_what, "when", message);
    let never = *reads_only == Some(false);
    wrong.add(never && says_what, "when.readsOnly", "true, in a rule that approves");
    let leaves = |glob: &String| glob.starts_with('/') || glob.split('/').any(|it| it == "..");
    let leaves = path_glob.as_ref().is_some_and(leaves);
    wrong.add(leaves, "when.pathGlob", "from the project's directory, and below it");
}

fn fits(text: &str, most_chars: usize) -> bool {
    !text.is_empty() && text.chars().count() <= most_chars
}
