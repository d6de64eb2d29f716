//! Commands as they are shown: the words of one plain command, or nothing.
//!
//! A shell reads more into a text than anybody lists. So this says yes to what it knows and no to
//! all else: letters, digits and a few harmless signs, quotes without anything in them that a shell
//! would look at, and one command. What is refused here is a matter for a person.

/// The signs that mean nothing to a shell wherever they stand in a word.
const HARMLESS: &str = "_-./,:@%+=";
/// Shells: what they are given is what runs.
const SHELLS: &[&str] = &["bash", "sh", "zsh", "dash", "ash", "ksh"];
/// Words with which a shell begins something other than a command of that name, or makes one of the
/// text that follows.
const RESERVED: &[&str] = &[
    "alias", "builtin", "case", "command", "coproc", "declare", "do", "done", "elif", "else",
    "enable", "esac", "eval", "exec", "export", "fi", "for", "function", "hash", "if", "in",
    "local", "readonly", "select", "set", "shopt", "source", "then", "time", "trap", "typeset",
    "unalias", "until", "while", ".",
];
/// Programs that run what is named in their arguments.
const RUNNERS: &[&str] = &[
    "busybox", "chroot", "doas", "env", "find", "flock", "ionice", "nice", "nohup", "nsenter",
    "parallel", "setpriv", "setsid", "ssh", "stdbuf", "strace", "su", "sudo", "timeout", "unshare",
    "watch", "xargs",
];

/// The words of a command, if it is one plain command. What a shell is given with `-c` is taken out
/// of its wrapping.
pub fn command(text: &str) -> Option<Vec<String>> {
    let outer = words(text)?;
    let inner = match outer.as_slice() {
        [shell, flag, script] if is_shell(shell) && (flag == "-lc" || flag == "-c") => {
            words(script)?
        }
        _ => outer,
    };
    let first = inner.first()?;
    let named = !first.is_empty() && !first.starts_with('-') && !first.contains([' ', '=']);
    (named && !RESERVED.contains(&first.as_str())).then_some(inner)
}

/// Whether a command does what its arguments name: whoever approves it has to name it.
pub fn runs_others(words: &[String]) -> bool {
    let Some(first) = words.first() else { return false };
    is_shell(first) || RUNNERS.contains(&base(first))
}

/// Words in any text, in their order, whatever stands between them: what may be run by it, if it is
/// not one plain command.
pub fn pieces(text: &str) -> Vec<String> {
    let inside = |c: char| !(c.is_alphanumeric() || HARMLESS.contains(c));
    text.split(inside).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// A program's name without its folder.
pub fn base(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

fn is_shell(word: &str) -> bool {
    SHELLS.contains(&base(word))
}

/// Splits a text into words as every shell would. Nothing if there is anything in it that a shell
/// might read as more than words.
fn words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = text.chars();
    while let Some(next) = rest.next() {
        match next {
            ' ' => words.extend(word.take()),
            '\'' => single(&mut rest, word.get_or_insert_default())?,
            '"' => double(&mut rest, word.get_or_insert_default())?,
            '\\' => word.get_or_insert_default().push(rest.next().filter(is_shown)?),
            // At the beginning of a word it is a search for a program, for one of the shells.
            '=' if word.is_none() => return None,
            next if next.is_ascii_alphanumeric() || HARMLESS.contains(next) => {
                word.get_or_insert_default().push(next);
            }
            _ => return None,
        }
    }
    words.extend(word);
    Some(words)
}

/// Up to the closing quote everything is itself.
fn single(rest: &mut std::str::Chars<'_>, word: &mut String) -> Option<()> {
    loop {
        match rest.next()? {
            '\'' => return Some(()),
            next if next.is_control() => return None,
            next => word.push(next),
        }
    }
}

/// Up to the closing quote everything is itself that a shell does not look for.
fn double(rest: &mut std::str::Chars<'_>, word: &mut String) -> Option<()> {
    loop {
        match rest.next()? {
            '"' => return Some(()),
            '\\' => word.push(rest.next().filter(|next| "\"\\$`".contains(*next))?),
            '$' | '`' | '!' => return None,
            next if next.is_control() => return None,
            next => word.push(next),
        }
    }
}

fn is_shown(next: &char) -> bool {
    next.is_ascii_graphic() || *next == ' '
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, words: &[&str]) {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        assert_eq!(command(text), Some(words), "{text}");
    }

    #[test]
    fn a_plain_command_is_its_words_however_it_is_quoted_or_wrapped() {
        check("cargo test -p x", &["cargo", "test", "-p", "x"]);
        check("/bin/bash -lc 'git status'", &["git", "status"]);
        check(r#"bash -c "git commit -m 'two words'""#, &["git", "commit", "-m", "two words"]);
        check(
            r#"/bin/bash -lc "git commit -m \"two words\"""#,
            &["git", "commit", "-m", "two words"],
        );
        check(r"grep 'a;b && c|d' f", &["grep", "a;b && c|d", "f"]);
        check(r"printf a\ b ''", &["printf", "a b", ""]);
        check("make  all ", &["make", "all"]);
        // Only one wrapping is taken off: what is left is a shell that has to be named.
        check(r#"bash -lc "sh -c 'ls -l'""#, &["sh", "-c", "ls -l"]);
    }

    /// One to a line; those that have control characters in them follow.
    const TRICKS: &str = r#"ls;rm x
ls && rm x
ls & rm x
ls || rm x
ls | sh
$(rm x)
ls $(rm x)
ls `rm x`
ls "$(rm x)"
ls "`rm x`"
ls > x
ls >> x
ls < x
ls <(rm x)
ls 2>&1
(rm x)
{ rm x; }
{rm,x}
ls *
ls ?
ls [a-z]
ls ~
~/x
ls $HOME
${IFS}
rm${IFS}x
! ls
ls !!
ls "!!"
A=1 rm x
PATH=. ls
'A=1' ls
ls =rm
if ls
for x in y
while ls
time rm x
eval rm x
exec rm x
. ./x
source ./x
builtin eval x
command rm x
trap x EXIT
alias ls=rm
function ls
coproc rm
-lc ls
'ls -l'
ls # x
#ls
ls 'x
ls "x
ls \
bash -lc 'ls; rm x'
bash -lc 'ls && rm x'
bash -lc "ls $(rm x)"
bash -lc 'A=1 ls'
bash -lc 'ls > x'
bash -lc ''
zsh -lc 'ls *'
/usr/bin/sh -c 'ls|sh'
bash -lc 'bash -lc "ls;rm"' ; x"#;
    const UNSEEN: [&str; 12] = [
        "",
        " ",
        "ls\nrm x",
        "ls\rrm x",
        "ls\trm",
        "ls \\\nrm",
        "'ls\nrm'",
        "ls \u{a0}x",
        "ls\u{2028}rm x",
        "ls \u{0}",
        "rm\u{200b} x",
        "bash -lc 'ls\nrm x'",
    ];

    #[test]
    fn what_could_be_more_than_one_plain_command_is_none() {
        for trick in TRICKS.lines().chain(UNSEEN) {
            assert_eq!(command(trick), None, "{trick:?}");
        }
    }

    #[test]
    fn what_runs_others_is_known_by_any_path() {
        for words in [["/usr/bin/env", "x"], ["sudo", "x"], ["bash", "x"], ["./xargs", "x"]] {
            assert!(runs_others(&words.map(str::to_owned)), "{words:?}");
        }
        assert!(!runs_others(&["cargo".to_owned()]));
    }

    /// What bash makes of a text, as the arguments of something that prints them.
    fn bash(text: &str) -> Vec<String> {
        let script = format!("PATH=/nowhere; f() {{ printf '%s\\0' \"$@\"; }}; f {text}");
        let mut bash = Command::new("bash");
        let told = bash.args(["--norc", "--noprofile", "-c", &script]).output();
        let told = String::from_utf8(told.expect("bash is there").stdout).expect("UTF-8");
        told.split_terminator('\0').map(str::to_owned).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3_000))]

        #[test]
        fn what_is_understood_is_what_a_shell_understands(
            text in r#"[ab '"\\$`;&|><(){}*?~#!=\n\t-]{1,12}"#,
        ) {
            if let Some(words) = words(&text).filter(|words| !words.is_empty()) {
                prop_assert_eq!(bash(&text), words);
            }
        }

        #[test]
        fn every_list_of_words_has_a_text_that_is_understood(
            list in prop::collection::vec("[a-z ;&|$`*<>(){}é]{0,6}", 1..5),
        ) {
            let quoted: Vec<String> = list.iter().map(|word| format!("'{word}'")).collect();
            prop_assert_eq!(words(&quoted.join(" ")), Some(list));
        }

        #[test]
        fn nothing_that_follows_a_command_unquoted_is_part_of_a_plain_one(
            tail in r"(;|&|\||&&|\|\||\n|>|<|\$\(|`)[a-z ]{0,6}",
        ) {
            prop_assert_eq!(command(&format!("ls -l {tail}")), None);
            prop_assert_eq!(command(&format!("/bin/bash -lc 'ls -l {tail}'")), None);
        }
    }
}
