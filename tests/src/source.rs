//! Rust source as the tidy rules see it: code, comments and strings told apart, line by line.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::paths;

/// A source file.
#[derive(Debug)]
pub struct Source {
    /// From the repository's root.
    pub path: String,
    pub text: String,
    /// The text with comments and the insides of strings blanked; same lines, same columns.
    pub code: String,
    /// The first line of the unit tests, which stand last in a file.
    tests_from: usize,
}

/// A function, by its lines.
#[derive(Debug)]
pub struct Function {
    pub name: String,
    pub line: usize,
    pub lines: usize,
}

impl Source {
    /// Reads one file.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let path = path.strip_prefix(paths::root()).unwrap_or(path);
        Ok(Self::new(&path.to_string_lossy(), text))
    }

    fn new(path: &str, text: String) -> Self {
        let code = blank(&text);
        let tests = code.lines().position(|line| line.trim_start().starts_with("#[cfg(test)]"));
        let tests_from = tests.map_or(usize::MAX, |index| index + 1);
        Self { path: path.to_owned(), text, code, tests_from }
    }

    /// Every file with this ending below a folder, hidden and built ones left out.
    pub fn below(folder: &str, ending: &str) -> Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        let mut open = vec![paths::at(folder)];
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
                let path = entry?.path();
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                if path.is_dir() && !name.starts_with('.') && name != "node_modules" {
                    open.push(path);
                } else if name.ends_with(ending) {
                    found.push(path);
                }
            }
        }
        found.sort();
        Ok(found)
    }

    /// The numbered lines of code, without the unit tests.
    pub fn shipped(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line))
            .take_while(|(number, _)| *number < self.tests_from)
    }

    /// The lines, unit tests left out, whose code has this word or path in it.
    pub fn naming(&self, word: &str) -> Vec<usize> {
        let names = |line: &str| positions(line, word).next().is_some();
        self.shipped().filter(|(_, line)| names(line)).map(|(number, _)| number).collect()
    }

    /// The lines, unit tests left out, on which a string starts with one of these words.
    pub fn quoting(&self, words: &[&str]) -> Vec<usize> {
        let raw: Vec<&str> = self.text.lines().collect();
        let quotes = |number: &usize, line: &str| {
            line.match_indices('"').any(|(at, _)| {
                let inside = raw.get(number - 1).and_then(|raw| raw.get(at + 1..));
                inside.is_some_and(|text| words.iter().any(|word| text.starts_with(word)))
            })
        };
        let lines = self.shipped().filter(|(number, line)| quotes(number, line));
        lines.map(|(number, _)| number).collect()
    }

    /// The strings, unit tests left out, by the lines on which they start.
    pub fn strings(&self) -> Vec<(usize, String)> {
        let mut found = Vec::new();
        for (at, _) in self.code.match_indices('"') {
            let line = self.code.get(..at).unwrap_or_default().matches('\n').count() + 1;
            let rest = self.text.get(at..).unwrap_or_default();
            let inside = rest.get(1..escaped(rest, '"')).unwrap_or_default();
            if line < self.tests_from {
                found.push((line, inside.replace("\\\n", "").replace("\\\"", "\"")));
            }
        }
        found
    }

    /// The functions that have a body.
    pub fn functions(&self) -> Vec<Function> {
        let mut found = Vec::new();
        for at in positions(&self.code, "fn") {
            let Some(rest) = self.code.get(at..) else { continue };
            let name = rest.trim_start_matches("fn").trim_start();
            let name: String = name.chars().take_while(|it| is_word(*it)).collect();
            let Some(length) = body_end(rest).filter(|_| !name.is_empty()) else { continue };
            let line = self.code.get(..at).unwrap_or_default().lines().count().max(1);
            let lines = rest.get(..length).unwrap_or_default().lines().count();
            found.push(Function { name, line, lines });
        }
        found
    }
}

/// Where a word stands that is not part of a longer one.
fn positions(text: &str, word: &str) -> impl Iterator<Item = usize> {
    let ends_free = !word.ends_with(is_word);
    let starts_free = !word.starts_with(is_word);
    text.match_indices(word).map(|(at, _)| at).filter(move |at| {
        let before = text.get(..*at).and_then(|it| it.chars().next_back());
        let after = text.get(at + word.len()..).and_then(|it| it.chars().next());
        (starts_free || !before.is_some_and(is_word)) && (ends_free || !after.is_some_and(is_word))
    })
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// The length from `fn` to the brace that closes its body; none for a declaration.
fn body_end(code: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut brackets = 0_usize;
    for (at, letter) in code.char_indices() {
        match letter {
            '(' | '[' => brackets += 1,
            ')' | ']' => brackets = brackets.saturating_sub(1),
            ';' if depth == 0 && brackets == 0 => return None,
            '{' => depth += 1,
            '}' if depth <= 1 => return Some(at + 1),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Blanks comments and the insides of strings and characters.
fn blank(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let (kept, blanked) = token(rest, code.chars().next_back());
        let (head, tail) = rest.split_at(kept);
        let (inside, after) = tail.split_at(blanked);
        code.push_str(head);
        code.extend(inside.chars().flat_map(|letter| match letter {
            '\n' => vec!['\n'],
            wide => vec![' '; wide.len_utf8()],
        }));
        rest = after;
    }
    code
}

/// How many bytes to keep, and how many after them to blank.
fn token(rest: &str, before: Option<char>) -> (usize, usize) {
    let until = |from: usize, end: &str| {
        let tail = rest.get(from..).unwrap_or_default();
        tail.find(end).unwrap_or(tail.len())
    };
    if rest.starts_with("//") {
        return (0, until(0, "\n"));
    }
    if rest.starts_with("/*") {
        return (0, (until(0, "*/") + 2).min(rest.len()));
    }
    if let Some(hashes) = raw_string(rest).filter(|_| !before.is_some_and(is_word)) {
        let start = hashes + 2;
        return (start, until(start, &format!("\"{}", "#".repeat(hashes))) + 1 + hashes);
    }
    if rest.starts_with('"') {
        return (1, escaped(rest, '"'));
    }
    if rest.starts_with('\'') && is_character(rest) {
        return (1, escaped(rest, '\''));
    }
    (rest.chars().next().map_or(1, char::len_utf8), 0)
}

/// `r"` or `r#"`, with the number of its hashes.
fn raw_string(rest: &str) -> Option<usize> {
    let tail = rest.strip_prefix('r')?;
    let hashes = tail.len() - tail.trim_start_matches('#').len();
    tail.get(hashes..)?.starts_with('"').then_some(hashes)
}

/// A character, as against a lifetime.
fn is_character(rest: &str) -> bool {
    let mut letters = rest.chars().skip(1);
    let first = letters.next();
    first == Some('\\') || letters.next() == Some('\'')
}

/// The length after the opening quote, closing quote included.
fn escaped(rest: &str, quote: char) -> usize {
    let mut skip = false;
    for (at, letter) in rest.char_indices().skip(1) {
        match letter {
            _ if skip => skip = false,
            '\\' => skip = true,
            end if end == quote => return at,
            _ => {}
        }
    }
    rest.len() - 1
}

#[cfg(test)]
mod tests {
    use super::Source;

    fn source(text: &str) -> Source {
        Source::new("a.rs", text.to_owned())
    }

    #[test]
    fn comments_and_strings_are_not_code() {
        let it = source(
            "let a = \"worker::\\\"\"; // worker::\nlet b = r#\"worker::\"#;\n/* worker:: */",
        );
        assert!(it.naming("worker::").is_empty());
        assert_eq!(it.naming("let"), [1, 2]);
    }

    #[test]
    fn lifetimes_are_not_characters() {
        let it = source("fn a<'a>(b: &'a str) -> char { '\"' }\nfn c() {}");
        assert_eq!(it.functions().len(), 2);
    }

    #[test]
    fn a_word_is_not_found_inside_another() {
        assert!(source("let coworker = async_thing;").naming("worker").is_empty());
        assert_eq!(source("use worker::Env;").naming("worker::"), [1]);
    }

    #[test]
    fn unit_tests_are_not_shipped() {
        assert_eq!(
            source("a.unwrap();\n#[cfg(test)]\nmod tests { a.unwrap(); }").naming(".unwrap()"),
            [1]
        );
    }

    #[test]
    fn sql_is_known_by_its_first_word() {
        assert_eq!(
            source("let a = \"SELECT 1\";\nlet b = \"not SELECT\";").quoting(&["SELECT "]),
            [1]
        );
    }

    #[test]
    fn strings_are_read_whole() {
        let it = source("let a = \"SELECT\n  \\\"b\\\"\"; // \"c\"\nlet d = \"e\";");
        let strings = [(1, "SELECT\n  \"b\"".to_owned()), (3, "e".to_owned())];
        assert_eq!(it.strings(), strings);
    }

    #[test]
    fn a_function_is_as_long_as_its_lines() {
        let it = source("trait A {\n    fn a();\n    fn b() {\n        c();\n    }\n}");
        let functions = it.functions();
        assert_eq!(functions.len(), 1);
        assert_eq!((functions[0].line, functions[0].lines), (3, 3));
    }
}
