//! Patterns: `*` stands for anything, within a text or within the name of a file; `**` for any
//! folders.

/// Whether a text is what a pattern says.
pub fn text(text: &str, pattern: &str) -> bool {
    let (text, pattern): (Vec<char>, Vec<char>) =
        (text.chars().collect(), pattern.chars().collect());
    wild(&text, &pattern, |sign| *sign == '*', |_| true, |sign, c| *sign == '?' || sign == c)
}

/// Whether a path is what a pattern says. Narrowly, a name with a dot before it stands only for
/// itself, so that nobody approves hooks and settings by approving everything.
pub fn path(path: &[&str], pattern: &str, narrow: bool) -> bool {
    let pattern: Vec<&str> = pattern.split('/').filter(|name| !name.is_empty()).collect();
    let may_pass = |name: &&str| !narrow || !name.starts_with('.');
    let one =
        |sign: &&str, name: &&str| (may_pass(name) || sign.starts_with('.')) && text(name, sign);
    wild(path, &pattern, |sign| *sign == "**", may_pass, one)
}

/// The same for both: a star takes as little as it can, and more where it has to.
fn wild<T, S>(
    items: &[T],
    signs: &[S],
    is_star: impl Fn(&S) -> bool,
    may_pass: impl Fn(&T) -> bool,
    one: impl Fn(&S, &T) -> bool,
) -> bool {
    let (mut item, mut sign) = (0, 0);
    // The last star, and how much of the items it stands before.
    let mut star: Option<(usize, usize)> = None;
    while let Some(next) = items.get(item) {
        match signs.get(sign) {
            Some(at) if is_star(at) => {
                star = Some((sign, item));
                sign += 1;
                continue;
            }
            Some(at) if one(at, next) => {
                item += 1;
                sign += 1;
                continue;
            }
            _ => {}
        }
        let Some((at, taken)) = star else { return false };
        if !items.get(taken).is_some_and(&may_pass) {
            return false;
        }
        star = Some((at, taken + 1));
        (item, sign) = (taken + 1, at + 1);
    }
    signs.get(sign..).is_some_and(|rest| rest.iter().all(is_star))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, matched: &[&str], other: &[&str]) {
        for (texts, expected) in [(matched, true), (other, false)] {
            for it in texts {
                assert_eq!(text(it, pattern), expected, "{pattern} and {it}");
            }
        }
    }

    #[track_caller]
    fn check_path(pattern: &str, narrow: bool, matched: &[&str], other: &[&str]) {
        for (paths, expected) in [(matched, true), (other, false)] {
            for it in paths {
                let names: Vec<&str> = it.split('/').collect();
                assert_eq!(path(&names, pattern, narrow), expected, "{pattern} and {it}");
            }
        }
    }

    #[test]
    fn a_star_is_anything_and_a_question_mark_one_character() {
        check("npm run *", &["npm run ", "npm run a b"], &["npm run", "npm test", " npm run a"]);
        check("*", &["", "a"], &[]);
        check("a?c*e", &["abce", "aécde"], &["ace", "abcd"]);
        check("*a*b", &["ab", "xaxbxab"], &["ba", "abx"]);
        check("", &[""], &["a"]);
    }

    #[test]
    fn a_long_pattern_takes_no_longer_than_it_has_to() {
        let pattern = "*a".repeat(128);
        assert!(!text(&"a".repeat(60_000).replace('b', ""), &format!("{pattern}b")));
    }

    #[test]
    fn stars_of_paths_end_at_folders_and_double_ones_do_not() {
        check_path("src/*.rs", true, &["src/a.rs"], &["src/b/a.rs", "a.rs", "src/.a.rs"]);
        check_path("**", true, &["a", "a/b/c"], &[".git/config", "a/.env", "a/.b/c"]);
        check_path("src/**/x", true, &["src/x", "src/a/b/x"], &["src/x/y", "src/.a/x"]);
        check_path(".git/**", false, &[".git/config", ".git/a/b"], &["a/.git/config"]);
        check_path("**/.env", true, &[".env", "a/.env"], &["a/.env/b", ".a/.env"]);
        check_path("**", false, &["a", ".git/config"], &[]);
    }
}
