//! One answer, composed before its first byte leaves: identity, items, cost and bytes.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde_json::Value;

use super::request::Asked;
use super::script::{Ending, Script};
use super::speech::{self, Item};
use super::usage::{Rule, Usage};
use super::wire::{self, Answer, Mark};

/// What is sent, and where its events end. A JSON answer has one mark: its end.
#[derive(Debug)]
pub struct Take {
    pub id: String,
    /// The `usage` member as reported; none if it was left out.
    pub usage: Option<Value>,
    pub bytes: Bytes,
    pub marks: Vec<Mark>,
}

/// Makes ids that no other answer has, nor any answer of another process.
#[derive(Debug, Default)]
pub struct Ids {
    random: RandomState,
    count: AtomicU64,
}

impl Ids {
    fn next(&self) -> String {
        let count = self.count.fetch_add(1, Relaxed);
        format!("{:016x}{:016x}", self.random.hash_one(count), self.random.hash_one((count, "")))
    }
}

/// Composes the answer to a request.
pub fn compose(script: &Script, asked: &Asked, ids: &Ids) -> serde_json::Result<Take> {
    let mut items = speech::items(script, asked);
    let whole = fit(&mut items, asked.max_output_tokens);
    let shortened = Ending::Incomplete("max_output_tokens".to_owned());
    let ending = if whole { &script.faults.ending } else { &shortened };
    let cost = Usage { input: asked.input_tokens, ..spoken(&items) };
    let usage = report(&script.usage, ending, cost);
    let stem = ids.next();
    let id = script.id.clone().unwrap_or_else(|| format!("resp_{stem}"));
    let answer = Answer {
        id: &id,
        stem: &stem,
        created_at: seconds(),
        model: script.model.as_ref().unwrap_or(&asked.model),
        asked,
        items: &items,
        ending,
        usage: usage.as_ref(),
    };
    let (bytes, marks) = if asked.stream {
        let reel = wire::stream(&answer)?;
        (reel.bytes, reel.marks)
    } else {
        let bytes = wire::object(&answer)?;
        let mark = Mark { end: bytes.len(), tokens: cost.output };
        (bytes, vec![mark])
    };
    Ok(Take { id, usage, bytes: bytes.into(), marks })
}

/// A failed response reports no usage unless the script says which.
fn report(rule: &Rule, ending: &Ending, cost: Usage) -> Option<Value> {
    match (rule, ending) {
        (Rule::Counted, Ending::Failed { .. }) => Some(Value::Null),
        _ => rule.report(cost),
    }
}

/// Shortens what is said to a number of output tokens; false if anything was lost.
fn fit(items: &mut Vec<Item>, max_output_tokens: Option<u64>) -> bool {
    let mut left = max_output_tokens.map_or(usize::MAX, |max| max.try_into().unwrap_or(usize::MAX));
    let too_long = items.iter().position(|item| {
        let fits = item.tokens() <= left;
        left -= if fits { item.tokens() } else { 0 };
        !fits
    });
    let Some(last) = too_long else { return true };
    items.truncate(last + 1);
    match items.last_mut() {
        Some(Item::Reasoning(words) | Item::Message(words)) => words.truncate(left),
        _ => items.truncate(last),
    }
    false
}

fn spoken(items: &[Item]) -> Usage {
    let tokens = |item: &Item| item.tokens() as u64;
    let reasoning = items.iter().filter(|item| matches!(item, Item::Reasoning(_))).map(tokens);
    Usage { output: items.iter().map(tokens).sum(), reasoning: reasoning.sum(), ..Usage::default() }
}

fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(directives: &str, max_output_tokens: Option<u64>, output: u64, reasoning: u64) {
        let script = Script::parse(directives).unwrap();
        let asked = Asked { stream: true, max_output_tokens, ..Asked::default() };
        let take = compose(&script, &asked, &Ids::default()).unwrap();
        let usage = Usage::from_wire(&take.usage.unwrap()).unwrap();
        assert_eq!((usage.output, usage.reasoning), (output, reasoning));
        assert_eq!(take.marks.last().unwrap().tokens, output);
    }

    #[test]
    fn output_tokens_are_the_deltas() {
        check("text 20", None, 20, 0);
        check("reasoning 5; text 20", None, 25, 5);
    }

    #[test]
    fn an_answer_is_no_longer_than_the_request_allows() {
        check("text 20", Some(7), 7, 0);
        check("reasoning 5; text 20; text 1", Some(7), 7, 5);
        check("text 7", Some(7), 7, 0);
    }

    #[test]
    fn a_failed_answer_reports_no_usage_unless_told() {
        let usage = |directives| {
            let script = Script::parse(directives).unwrap();
            compose(&script, &Asked::default(), &Ids::default()).unwrap().usage
        };
        assert_eq!(usage("text 1; failed x"), Some(Value::Null));
        assert!(usage("text 1; failed x; usage output=1").unwrap().is_object());
        assert_eq!(usage("text 1; usage missing"), None);
    }

    #[test]
    fn ids_are_not_repeated_unless_told() {
        let (asked, ids) = (Asked::default(), Ids::default());
        let id = |script: &Script| compose(script, &asked, &ids).unwrap().id;
        let plain = Script::default();
        assert_ne!(id(&plain), id(&plain));
        let fixed = Script::parse("id resp_fixed").unwrap();
        assert_eq!(id(&fixed), "resp_fixed");
    }
}
