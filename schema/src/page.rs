//! Pages of a list, by cursor.

use serde::{Deserialize, Serialize};

/// One page of a list, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[cfg_attr(not(target_arch = "wasm32"), schemars(rename = "PageOf{T}"))]
pub struct Page<T> {
    /// The rows of this page.
    pub data: Vec<T>,
    /// Whether rows follow.
    pub has_more: bool,
    /// What to send as `starting_after` for the page that follows; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// Which page of a list.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(default)]
pub struct PageQuery {
    /// Rows in the page: 1 to 100, 50 unless told.
    pub limit: Option<u32>,
    /// The `next_cursor` of the page before.
    pub starting_after: Option<String>,
}

/// Most rows in one page.
pub const PAGE_MAX: u32 = 100;
/// Rows in a page whose size nobody named.
pub const PAGE_DEFAULT: u32 = 50;

impl PageQuery {
    /// The rows to read, within bounds.
    pub fn size(&self) -> u32 {
        self.limit.unwrap_or(PAGE_DEFAULT).clamp(1, PAGE_MAX)
    }
}

impl<T> Page<T> {
    /// The page of `rows`, of which one more than `size` was read to learn whether rows follow.
    pub fn of(mut rows: Vec<T>, size: u32, cursor: impl Fn(&T) -> String) -> Self {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let has_more = rows.len() > size;
        rows.truncate(size);
        let next_cursor = rows.last().filter(|_| has_more).map(cursor);
        Self { data: rows, has_more, next_cursor }
    }
}
