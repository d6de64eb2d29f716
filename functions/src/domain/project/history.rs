//! Turns, put together again from the lines of a log: what codex itself tells of them is not whole,
//! and not there while its runner is away.

use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use super::log::Entry;

/// A turn as it is put together.
struct Turn {
    /// The line it began with.
    seq: u64,
    id: String,
    head: Value,
    items: Vec<(String, Box<RawValue>)>,
}

#[derive(Deserialize)]
struct Said {
    turn: Value,
}

#[derive(Deserialize)]
struct Item {
    item: Box<RawValue>,
}

/// The turns that these lines of one thread tell, oldest first, as codex would write them; and the
/// line that the first of them began with.
pub fn turns(lines: Vec<Entry>) -> (Vec<Box<RawValue>>, Option<u64>) {
    let mut turns: Vec<Turn> = Vec::new();
    for line in lines {
        match line.method.as_str() {
            "turn/started" | "turn/completed" => head(&mut turns, &line),
            _ => item(&mut turns, line),
        }
    }
    let first = turns.first().map(|turn| turn.seq);
    (turns.iter().filter_map(whole).collect(), first)
}

fn head(turns: &mut Vec<Turn>, line: &Entry) {
    let Ok(Said { turn: head }) = serde_json::from_str::<Said>(line.params.get()) else { return };
    let Some(id) = head.get("id").and_then(Value::as_str).map(str::to_owned) else { return };
    match turns.iter_mut().find(|turn| turn.id == id) {
        Some(turn) => turn.head = head,
        // The end of a turn whose beginning is on an earlier page tells nothing here.
        None if line.method == "turn/started" => {
            turns.push(Turn { seq: line.seq, id, head, items: Vec::new() });
        }
        None => {}
    }
}

/// The end of an item takes the place of its beginning.
fn item(turns: &mut [Turn], line: Entry) {
    let (Some(turn), Some(id)) = (line.turn, line.item) else { return };
    let Some(turn) = turns.iter_mut().find(|it| it.id == turn) else { return };
    let Ok(Item { item }) = serde_json::from_str::<Item>(line.params.get()) else { return };
    match turn.items.iter_mut().find(|(its, _)| *its == id) {
        Some((_, known)) => *known = item,
        None => turn.items.push((id, item)),
    }
}

fn whole(turn: &Turn) -> Option<Box<RawValue>> {
    let items: Vec<&RawValue> = turn.items.iter().map(|(_, item)| item.as_ref()).collect();
    let items = serde_json::to_string(&items).ok()?;
    let mut head = turn.head.as_object()?.clone();
    head.remove("items");
    head.insert("itemsView".to_owned(), json!("full"));
    let head = serde_json::to_string(&head).ok()?;
    let head = head.strip_suffix('}')?;
    RawValue::from_string(format!("{head},\"items\":{items}}}")).ok()
}

#[cfg(test)]
mod tests {
    use schema::Timestamp;
    use serde_json::value::to_raw_value;

    use super::*;

    fn line(seq: u64, method: &str, turn: &str, params: &Value) -> Entry {
        Entry {
            seq,
            at: Timestamp::from_millis(0),
            method: method.to_owned(),
            thread: Some("T".to_owned()),
            turn: Some(turn.to_owned()),
            item: params.pointer("/item/id").and_then(Value::as_str).map(str::to_owned),
            ask: None,
            request: None,
            params: to_raw_value(params).unwrap(),
        }
    }

    fn turn(seq: u64, method: &str, id: &str, status: &str) -> Entry {
        line(seq, method, id, &json!({ "turn": { "id": id, "status": status, "items": [] } }))
    }

    fn said(seq: u64, method: &str, turn: &str, id: &str, text: &str) -> Entry {
        line(seq, method, turn, &json!({ "item": { "id": id, "text": text } }))
    }

    #[test]
    fn a_turn_has_each_item_once_as_it_was_told_last() {
        let lines = vec![
            turn(3, "turn/started", "U", "inProgress"),
            said(4, "item/started", "U", "a", ""),
            said(5, "item/started", "U", "b", ""),
            said(6, "item/completed", "U", "a", "hello"),
            turn(7, "turn/completed", "U", "completed"),
            // The end of a command may be told after the end of its turn.
            said(8, "item/completed", "U", "b", "late"),
            turn(9, "turn/started", "V", "inProgress"),
        ];
        let (turns, first) = turns(lines);
        let turns: Vec<Value> =
            turns.iter().map(|turn| serde_json::from_str(turn.get()).unwrap()).collect();
        assert_eq!(first, Some(3));
        assert_eq!(turns.len(), 2);
        assert_eq!(turns[0]["status"], "completed");
        let texts = json!([{ "id": "a", "text": "hello" }, { "id": "b", "text": "late" }]);
        assert_eq!(turns[0]["items"], texts);
        assert_eq!(turns[1]["items"], json!([]));
    }

    #[test]
    fn what_belongs_to_an_earlier_page_is_left_to_it() {
        let lines = vec![
            said(4, "item/completed", "old", "a", "x"),
            turn(5, "turn/completed", "old", "completed"),
        ];
        assert!(turns(lines).0.is_empty());
    }
}
