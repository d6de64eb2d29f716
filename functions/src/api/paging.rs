//! Where a page of a list begins, in every dialect.

use std::str::FromStr;

use schema::{Error, Result, page::PageQuery};

/// The row after which a page begins, where one is named.
pub fn after<T: FromStr>(page: &PageQuery) -> Result<Option<T>> {
    page.starting_after.as_deref().map(read).transpose()
}

/// A row's place, as a page before has named it.
pub fn read<T: FromStr>(text: &str) -> Result<T> {
    text.parse().map_err(|_| odd())
}

/// What is said of a text that names no place.
pub fn odd() -> Error {
    Error::field("starting_after", "not a cursor")
}
