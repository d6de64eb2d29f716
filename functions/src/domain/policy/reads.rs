//! Commands of which it is known that they do nothing but read, and what they read.

use super::plain::base;

/// Programs that only read, whatever their options are.
const READERS: &[&str] = &[
    "basename",
    "cat",
    "cksum",
    "cmp",
    "cut",
    "dirname",
    "du",
    "false",
    "head",
    "id",
    "ls",
    "md5sum",
    "nl",
    "pwd",
    "readlink",
    "sha1sum",
    "sha256sum",
    "stat",
    "tail",
    "true",
    "uname",
    "wc",
    "which",
    "whoami",
];
/// Programs that only read without certain options, and those options.
const MOSTLY: &[(&str, &[&str])] = &[
    ("grep", &["-f", "--file"]),
    ("rg", &["--pre", "--hostname-bin", "-z", "--search-zip", "-f", "--file", "--ignore-file"]),
];

/// Whether a plain command only reads, and nothing outside of the directory that it is run in.
pub fn only(words: &[String]) -> bool {
    let Some((program, rest)) = words.split_first() else { return false };
    // Another program of that name is not known.
    if base(program) != program || !rest.iter().all(|word| stays(word)) {
        return false;
    }
    let mostly = MOSTLY.iter().find(|(name, _)| name == program);
    READERS.contains(&program.as_str())
        || mostly.is_some_and(|(_, never)| !rest.iter().any(|word| uses(word, never)))
}

/// Whether an argument is one of these options, alone, with a value, or among short ones.
fn uses(word: &str, options: &[&str]) -> bool {
    let short = |option: &str| {
        let letter = option.strip_prefix('-').filter(|rest| !rest.starts_with('-'));
        letter.is_some_and(|letter| {
            word.starts_with('-') && !word.starts_with("--") && word.contains(letter)
        })
    };
    let long = |option: &str| {
        // A long option may be cut short.
        let name = word.split('=').next().unwrap_or(word);
        option.starts_with("--") && name.len() > 2 && option.starts_with(name)
    };
    options.iter().any(|option| short(option) || long(option))
}

/// Whether an argument names nothing outside of the directory.
fn stays(word: &str) -> bool {
    let outside = word.starts_with('/') || word.starts_with('~') || word.contains("=/");
    let hidden = word.starts_with('-') && word.contains('/');
    !outside && !hidden && !word.split(['/', '=']).any(|part| part == "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(command: &str, reads: bool) {
        let words: Vec<String> = command.split(' ').map(str::to_owned).collect();
        assert_eq!(only(&words), reads, "{command}");
    }

    #[test]
    fn what_only_reads_is_known_and_nothing_else_is() {
        for command in ["ls -la", "cat a b/c", "grep -rn x src", "rg x", "head -n 5 a", "pwd"] {
            check(command, true);
        }
        for command in ["rm x", "sort -o a b", "find . -delete", "git status", "sed -i s/a/b/ c"] {
            check(command, false);
        }
    }

    #[test]
    fn another_program_of_the_name_is_not_known() {
        for command in ["./ls", "bin/cat x", "/tmp/ls", "/bin/ls"] {
            check(command, false);
        }
    }

    #[test]
    fn what_is_outside_is_not_read() {
        for command in ["cat /etc/passwd", "cat ../x", "cat a/../../x", "ls ~", "ls ~root"] {
            check(command, false);
        }
        for command in ["head --x=/etc/passwd", "head -n/x", "ls --x=../y"] {
            check(command, false);
        }
    }

    #[test]
    fn options_that_run_or_read_something_else_are_found_however_they_are_written() {
        for command in ["rg --pre x y", "rg --pre=x y", "rg -z x", "rg -iz x", "rg --search-z x"] {
            check(command, false);
        }
        for command in ["grep -fx y", "grep -rf x y", "grep --file=x y", "grep --fil=x y"] {
            check(command, false);
        }
    }
}
