//! Where a list goes on: a page is named by the last row of the one before it.

use std::str::FromStr;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use schema::{Error, Result, page::Page};

/// Rows in a page of a list that people read.
pub const ROWS: u32 = 25;

/// The ways out of one page of a list.
#[derive(Debug, Default)]
pub struct Pager {
    /// To its beginning, where this is not it.
    pub first: Option<String>,
    /// To what follows, if anything does.
    pub next: Option<String>,
}

/// The row that a page begins after, where its address names one.
pub fn after<T: FromStr>(text: Option<&str>) -> Result<Option<T>> {
    text.map(str::parse).transpose().map_err(|_| odd())
}

/// What is said of an address that names no row.
pub fn odd() -> Error {
    Error::field("after", "not a row of this list")
}

/// A page of `rows`, of which one more than [`ROWS`] was read, and the ways out of it. `path` is
/// the list's address with what was asked for; `after` is what the page was named by.
pub fn page<T>(
    path: &str,
    after: Option<&str>,
    rows: Vec<T>,
    cursor: impl Fn(&T) -> String,
) -> (Vec<T>, Pager) {
    let page = Page::of(rows, ROWS, cursor);
    let mark = if path.contains('?') { '&' } else { '?' };
    let next = |cursor: String| {
        format!("{path}{mark}after={}", utf8_percent_encode(&cursor, NON_ALPHANUMERIC))
    };
    let pager = Pager { first: after.map(|_| path.to_owned()), next: page.next_cursor.map(next) };
    (page.data, pager)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_page_leads_on_and_the_last_one_back() {
        let rows: Vec<u32> = (0..=ROWS).collect();
        let (shown, ways) = page("/x?q=a", None, rows, u32::to_string);
        assert_eq!(shown.len(), 25);
        assert_eq!((ways.first, ways.next.as_deref()), (None, Some("/x?q=a&after=24")));
        let (shown, ways) = page("/x", Some("24"), vec![25, 26], u32::to_string);
        assert_eq!(shown, [25, 26]);
        assert_eq!((ways.first.as_deref(), ways.next), (Some("/x"), None));
    }

    #[test]
    fn a_cursor_is_quoted() {
        let rows = (0..=ROWS).map(|_| "a&b=c").collect();
        let (_, ways) = page("/x", None, rows, |row: &&str| (*row).to_owned());
        assert_eq!(ways.next.as_deref(), Some("/x?after=a%26b%3Dc"));
    }
}
