//! What is new, from the changelog: its newest section, for people who come back.

/// The changelog as it was when this was built.
const CHANGELOG: &str = include_str!("../../../CHANGELOG.md");
/// Entries that are shown; the documentation has all of them.
const ITEMS_MAX: usize = 6;

/// The newest section of the changelog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notes {
    /// What it is called.
    pub version: String,
    /// Another text for every change of it: who has seen this one is not shown it again.
    pub mark: String,
    /// Its first entries, as plain text.
    pub items: Vec<String>,
    /// How many more there are.
    pub more: usize,
}

/// What is new here.
pub fn newest() -> Option<Notes> {
    read(CHANGELOG)
}

fn read(changelog: &str) -> Option<Notes> {
    let mut lines = changelog.lines().skip_while(|line| !line.starts_with("## "));
    let version = lines.next()?.trim_start_matches("## ").trim().to_owned();
    let mut items: Vec<String> = Vec::new();
    for line in lines.take_while(|line| !line.starts_with("## ")) {
        let text = line.trim_start_matches("- ").trim().replace('`', "");
        match items.last_mut() {
            _ if text.is_empty() || line.starts_with('#') => {}
            Some(item) if !line.starts_with("- ") => {
                item.push(' ');
                item.push_str(&text);
            }
            _ => items.push(text),
        }
    }
    let mark = format!("{version} {}", items.len());
    let more = items.len().saturating_sub(ITEMS_MAX);
    items.truncate(ITEMS_MAX);
    Some(Notes { version, mark, items, more })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_section_is_read_and_no_other() {
        let newest = "## 1.2.0\n\n- One `code`\n  goes on.\n- Two.\n";
        let notes = read(&format!("# Changelog\n\nWords.\n\n{newest}\n## 1.1.0\n- Old")).unwrap();
        assert_eq!((notes.version.as_str(), notes.mark.as_str()), ("1.2.0", "1.2.0 2"));
        assert_eq!(notes.items, ["One code goes on.", "Two."]);
        assert_eq!(read("# Changelog\n"), None);
    }

    #[test]
    fn a_long_section_is_cut_and_says_how_much_is_left() {
        let text = format!("## 1\n{}", "- x\n".repeat(9));
        let notes = read(&text).unwrap();
        assert_eq!((notes.items.len(), notes.more), (6, 3));
    }

    #[test]
    fn our_own_changelog_has_something_new() {
        assert!(newest().is_some_and(|notes| !notes.items.is_empty()));
    }
}
