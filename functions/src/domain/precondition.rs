//! What a request's headers ask of a file: a part of it (RFC 9110 section 14), and only in some
//! state (section 13).

use schema::{Error, Result, workspace::Span};

/// The part that a `Range` asks for. What asks for several parts, or is not understood, asks for
/// the whole: that is what the standard wants.
pub fn span(range: &str) -> Option<Span> {
    let (from, to) = range.trim().strip_prefix("bytes=")?.split_once('-')?;
    let number = |text: &str| text.parse::<u64>().ok().filter(|_| !text.starts_with('+'));
    match (from, to) {
        ("", length) => number(length).map(Span::Last),
        (from, "") => Some(Span::From { offset: number(from)?, length: None }),
        (from, to) => {
            let (offset, last) = (number(from)?, number(to)?);
            let length = last.checked_sub(offset)?.saturating_add(1);
            Some(Span::From { offset, length: Some(length) })
        }
    }
}

/// Whether a file of that size has nothing of the part.
pub fn is_beyond(span: Span, size: u64) -> bool {
    match span {
        Span::Whole => false,
        Span::From { offset, .. } => offset >= size,
        Span::Last(length) => length == 0 || size == 0,
    }
}

/// Whether a list of states, as `If-None-Match` has it, names this one.
pub fn names(list: &str, etag: &str) -> bool {
    list.split(',').any(|it| matches!(bare(it), "*") || bare(it) == etag)
}

/// Whether a caller who says `If-None-Match` has what is tagged so already.
pub fn knows(list: &str, etag: &str) -> bool {
    !list.is_empty() && names(list, bare(etag))
}

/// The one state, or `*`, that `If-Match` or `If-None-Match` names for a change; none if the
/// header is not there. Its quotes may be missing.
pub fn state(header: &'static str, value: &str) -> Result<Option<String>> {
    match bare(value) {
        "" => Ok(None),
        state if state.contains([',', '"']) => Err(Error::field(header, "one state, or `*`")),
        state => Ok(Some(state.to_owned())),
    }
}

fn bare(state: &str) -> &str {
    let state = state.trim();
    let state = state.strip_prefix("W/").unwrap_or(state);
    state.strip_prefix('"').and_then(|it| it.strip_suffix('"')).unwrap_or(state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_part_is_read_and_everything_else_is_the_whole() {
        let from = |offset, length| Some(Span::From { offset, length });
        for (range, expected) in [
            ("bytes=0-0", from(0, Some(1))),
            ("bytes=5-9", from(5, Some(5))),
            ("bytes=5-", from(5, None)),
            ("bytes=-5", Some(Span::Last(5))),
            ("bytes=0-18446744073709551615", from(0, Some(u64::MAX))),
            ("bytes=9-5", None),
            ("bytes=0-1,3-4", None),
            ("bytes=-", None),
            ("bytes=+1-2", None),
            ("bytes=x-", None),
            ("lines=1-2", None),
            ("", None),
        ] {
            assert_eq!(span(range), expected, "{range}");
        }
    }

    #[test]
    fn a_part_beyond_the_end_is_none() {
        assert!(is_beyond(Span::From { offset: 5, length: None }, 5));
        assert!(!is_beyond(Span::From { offset: 4, length: Some(9) }, 5));
        assert!(is_beyond(Span::Last(0), 5) && is_beyond(Span::Last(1), 0));
        assert!(!is_beyond(Span::Whole, 0));
    }

    #[test]
    fn states_are_compared_without_their_quotes() {
        assert!(names("\"a\", W/\"b\"", "b") && names("*", "b") && names("b", "b"));
        assert!(!names("\"a\"", "b") && !names("", "b"));
        assert_eq!(state("If-Match", "\"a\""), Ok(Some("a".to_owned())));
        assert_eq!(state("If-Match", " * "), Ok(Some("*".to_owned())));
        assert_eq!(state("If-Match", ""), Ok(None));
        assert!(state("If-Match", "\"a\", \"b\"").is_err());
    }
}
