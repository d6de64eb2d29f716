//! Sentences of the contract, in which words between backticks are code.

/// A part of a sentence.
pub struct Span<'a> {
    pub code: bool,
    pub text: &'a str,
}

/// The parts of a sentence, in their order. A backtick that nothing closes is a backtick.
pub fn spans(text: &str) -> Vec<Span<'_>> {
    let mut spans = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('`') {
        let Some((code, left)) = after.split_once('`') else { break };
        spans.extend([Span { code: false, text: before }, Span { code: true, text: code }]);
        rest = left;
    }
    spans.push(Span { code: false, text: rest });
    spans.retain(|span| !span.text.is_empty());
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_between_backticks_are_code_and_a_lone_backtick_is_itself() {
        let check = |text, expected: &[(bool, &str)]| {
            let spans = spans(text);
            let found: Vec<_> = spans.iter().map(|span| (span.code, span.text)).collect();
            assert_eq!(found, expected);
        };
        check("", &[]);
        check("plain", &[(false, "plain")]);
        check("a `b` c", &[(false, "a "), (true, "b"), (false, " c")]);
        check("`b`", &[(true, "b")]);
        check("a ` b", &[(false, "a ` b")]);
    }
}
