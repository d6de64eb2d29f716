//! What a prompt asks the scripted model to play: words in, a script out, no socket anywhere.
//!
//! A line of the last user message that starts with `rehearse:` holds directives separated by `;`
//! (write `\;` for a semicolon that belongs to a command):
//!
//! | directive | plays |
//! |---|---|
//! | `text N`, `unicode N` | N words, one delta each (`unicode`: several bytes per character) |
//! | `say WORDS` | exactly these words |
//! | `reasoning N` | a reasoning item whose summary has N words |
//! | `shell COMMAND` | a call of whichever shell tool the request offers |
//! | `patch FILE` | a patch that adds FILE, by the patch tool or through the shell |
//! | `slow TIME [N]` | a pause of TIME before each delta (of N words) |
//! | `pace TIME [N]` | deltas on a fixed timetable, TIME apart |
//! | `burst [N]` | every event in one write |
//! | `split BYTES` | writes of BYTES bytes, wherever that cuts |
//! | `delay TIME` | nothing at all for TIME, not even headers |
//! | `wait GATE [EVENT]` | stops after EVENT (the first) until GATE is released |
//! | `cut EVENT` | the connection is dropped after EVENT events |
//! | `cut-before` | the connection is dropped before any header |
//! | `hang` | no header ever comes |
//! | `garbage` | HTTP 200 with a page of HTML |
//! | `fail STATUS [code=C] [type=T] [retry-after=S] [MESSAGE]` | an error instead of an answer |
//! | `failed CODE [MESSAGE]` | the stream ends with `response.failed` |
//! | `incomplete [REASON]` | the stream ends with `response.incomplete` |
//! | `usage …` | see [`usage::Rule`](super::usage::Rule) |
//! | `id ID`, `model NAME` | this response id, this model name in the answer |
//! | `header NAME VALUE` | one more response header |
//! | `once` | faults come only the first time that this very thing is asked |
//!
//! Speech and calls are played in the order given. A call ends its response; what follows it is
//! played when the call's output comes back, and when nothing follows, the output is quoted.

use std::time::Duration;

use super::usage;

/// The words that introduce a script inside a prompt.
const CUE: &str = "rehearse:";

/// Everything that a request can be led through.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Script {
    pub acts: Vec<Act>,
    pub delivery: Delivery,
    pub delay: Duration,
    pub gate: Option<Gate>,
    pub faults: Faults,
    pub once: bool,
    pub usage: usage::Rule,
    pub id: Option<String>,
    pub model: Option<String>,
    pub headers: Vec<(String, String)>,
}

/// One thing that the scripted model says or does.
#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    Text(u32),
    Unicode(u32),
    Say(String),
    Reasoning(u32),
    Shell(String),
    Patch(String),
}

/// How the events are spread over writes and time.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum Delivery {
    /// Each event is a write of its own, one directly after the other.
    #[default]
    Each,
    Burst,
    Slow(Duration),
    Pace(Duration),
    Split(usize),
}

/// A place where the stream stands still until a test releases it.
#[derive(Debug, Clone, PartialEq)]
pub struct Gate {
    pub name: String,
    pub after: usize,
}

/// What goes wrong on purpose.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Faults {
    pub opening: Opening,
    pub cut: Option<usize>,
    pub ending: Ending,
}

/// How the answer begins.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Opening {
    #[default]
    Answer,
    Hang,
    Drop,
    Garbage,
    Refuse(Refusal),
}

/// An HTTP error in OpenAI's form.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    pub status: u16,
    pub kind: String,
    pub code: Option<String>,
    pub message: String,
    pub retry_after: Option<String>,
}

/// The last event of a stream.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Ending {
    #[default]
    Completed,
    Incomplete(String),
    Failed {
        code: String,
        message: String,
    },
}

/// What one response of a turn holds.
#[derive(Debug, PartialEq)]
pub struct Round<'a> {
    pub speech: &'a [Act],
    pub call: Option<&'a Act>,
}

impl Act {
    pub fn is_call(&self) -> bool {
        matches!(self, Act::Shell(_) | Act::Patch(_))
    }
}

impl Script {
    /// The directives that a prompt holds; none in a prompt that is not addressed to rehearsal.
    pub fn cue(prompt: &str) -> Option<&str> {
        prompt.lines().find_map(addressed)
    }

    /// The directives on the first line of a prompt. Further down, a prompt for a structured answer
    /// quotes another one.
    pub fn first_cue(prompt: &str) -> Option<&str> {
        prompt.lines().next().and_then(addressed)
    }

    /// Reads directives, without the cue before them.
    pub fn parse(directives: &str) -> Result<Script, String> {
        let mut script = Script::default();
        for directive in split(directives) {
            let (word, rest) = head(&directive);
            script.direct(word, rest)?;
        }
        Ok(script)
    }

    /// The part that is played when `answered` calls of this turn have come back.
    pub fn round(&self, answered: usize) -> Round<'_> {
        let mut rest = self.acts.as_slice();
        for _ in 0..answered {
            let Some(call) = rest.iter().position(Act::is_call) else {
                return Round { speech: &[], call: None };
            };
            rest = rest.get(call + 1..).unwrap_or_default();
        }
        let end = rest.iter().position(Act::is_call).unwrap_or(rest.len());
        Round { speech: rest.get(..end).unwrap_or_default(), call: rest.get(end) }
    }

    fn direct(&mut self, word: &str, rest: &str) -> Result<(), String> {
        match word {
            "" => {}
            "text" => self.acts.push(Act::Text(number(rest)?)),
            "unicode" => self.acts.push(Act::Unicode(number(rest)?)),
            "reasoning" => self.acts.push(Act::Reasoning(number(rest)?)),
            "say" => self.acts.push(Act::Say(rest.to_owned())),
            "shell" => self.acts.push(Act::Shell(required(rest, "a command")?)),
            "patch" => self.acts.push(Act::Patch(required(rest, "a file")?)),
            "slow" => self.delivery = Delivery::Slow(self.timed(rest)?),
            "pace" => self.delivery = Delivery::Pace(self.timed(rest)?),
            "burst" => {
                self.words(rest)?;
                self.delivery = Delivery::Burst;
            }
            "split" => self.delivery = Delivery::Split(number::<usize>(rest)?.max(1)),
            "delay" => self.delay = time(rest)?,
            "wait" => self.gate = Some(gate(rest)?),
            "cut" => self.faults.cut = Some(number(rest)?),
            "cut-before" => self.faults.opening = Opening::Drop,
            "hang" => self.faults.opening = Opening::Hang,
            "garbage" => self.faults.opening = Opening::Garbage,
            "fail" => self.faults.opening = Opening::Refuse(refusal(rest)?),
            "failed" => self.faults.ending = failed(rest)?,
            "incomplete" => self.faults.ending = incomplete(rest),
            "usage" => self.usage = usage::Rule::parse(rest)?,
            "id" => self.id = Some(required(rest, "an id")?),
            "model" => self.model = Some(required(rest, "a name")?),
            "header" => self.headers.push(header(rest)?),
            "once" => self.once = true,
            unknown => return Err(format!("rehearsal does not know the directive `{unknown}`")),
        }
        Ok(())
    }

    /// `TIME [N]`: the time, and N words of text if they are asked for.
    fn timed(&mut self, rest: &str) -> Result<Duration, String> {
        let (first, rest) = head(rest);
        self.words(rest)?;
        time(first)
    }

    fn words(&mut self, rest: &str) -> Result<(), String> {
        if !rest.is_empty() {
            self.acts.push(Act::Text(number(rest)?));
        }
        Ok(())
    }
}

fn addressed(line: &str) -> Option<&str> {
    line.trim_start().strip_prefix(CUE).map(str::trim)
}

/// Directives are separated by `;`, and `\;` is a semicolon.
fn split(directives: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut letters = directives.chars().peekable();
    while let Some(letter) = letters.next() {
        match (letter, parts.last_mut()) {
            (';', _) => parts.push(String::new()),
            ('\\', Some(part)) if letters.next_if_eq(&';').is_some() => part.push(';'),
            (_, Some(part)) => part.push(letter),
            (_, None) => {}
        }
    }
    parts.into_iter().map(|part| part.trim().to_owned()).collect()
}

/// The first word, and what follows it.
fn head(text: &str) -> (&str, &str) {
    let text = text.trim();
    text.split_once(char::is_whitespace)
        .map_or((text, ""), |(word, rest)| (word, rest.trim_start()))
}

fn number<N: std::str::FromStr>(text: &str) -> Result<N, String> {
    text.parse().map_err(|_| format!("rehearsal expected a number, not `{text}`"))
}

fn required(text: &str, what: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err(format!("rehearsal expected {what}"));
    }
    Ok(text.to_owned())
}

fn time(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(char::is_alphabetic);
    match text.get(digits.len()..) {
        Some("us") => Ok(Duration::from_micros(number(digits)?)),
        Some("ms") => Ok(Duration::from_millis(number(digits)?)),
        Some("s") => Ok(Duration::from_secs(number(digits)?)),
        _ => Err(format!("rehearsal expected a time such as 50ms, not `{text}`")),
    }
}

fn gate(rest: &str) -> Result<Gate, String> {
    let (name, after) = head(rest);
    let after = if after.is_empty() { 1 } else { number(after)? };
    Ok(Gate { name: required(name, "the name of a gate")?, after })
}

fn refusal(rest: &str) -> Result<Refusal, String> {
    let (status, mut rest) = head(rest);
    let mut refusal = Refusal::plain(number(status)?);
    loop {
        let (word, after) = head(rest);
        match word.split_once('=') {
            Some(("code", value)) => refusal.code = Some(value.to_owned()),
            Some(("type", value)) => refusal.kind = value.to_owned(),
            Some(("retry-after", value)) => refusal.retry_after = Some(value.to_owned()),
            _ => break,
        }
        rest = after;
    }
    if !rest.is_empty() {
        refusal.message = rest.to_owned();
    }
    Ok(refusal)
}

impl Refusal {
    /// What OpenAI would say with this status.
    pub fn plain(status: u16) -> Refusal {
        let (kind, code) = match status {
            401 => ("invalid_request_error", Some("invalid_api_key")),
            404 => ("invalid_request_error", Some("model_not_found")),
            429 => ("rate_limit_error", Some("rate_limit_exceeded")),
            500.. => ("server_error", None),
            _ => ("invalid_request_error", None),
        };
        Refusal {
            status,
            kind: kind.to_owned(),
            code: code.map(str::to_owned),
            message: format!("rehearsal was told to fail with {status}"),
            retry_after: None,
        }
    }
}

fn failed(rest: &str) -> Result<Ending, String> {
    let (code, message) = head(rest);
    let message = if message.is_empty() { "rehearsal was told to fail" } else { message };
    Ok(Ending::Failed { code: required(code, "a code")?, message: message.to_owned() })
}

fn incomplete(rest: &str) -> Ending {
    let reason = if rest.is_empty() { "max_output_tokens" } else { rest };
    Ending::Incomplete(reason.to_owned())
}

fn header(rest: &str) -> Result<(String, String), String> {
    let (name, value) = head(rest);
    Ok((required(name, "the name of a header")?, value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(directives: &str, expected: Script) {
        assert_eq!(Script::parse(directives), Ok(expected));
    }

    #[test]
    fn a_prompt_without_a_cue_asks_for_nothing() {
        assert_eq!(Script::cue("Say hi"), None);
        assert_eq!(Script::parse(""), Ok(Script::default()));
    }

    #[test]
    fn the_cue_may_stand_on_any_line() {
        let prompt = "Please do this:\n  rehearse: text 3\nthank you";
        assert_eq!(Script::cue(prompt), Some("text 3"));
        assert_eq!(Script::first_cue(prompt), None);
        assert_eq!(Script::first_cue("rehearse: text 3\nplease"), Some("text 3"));
    }

    #[test]
    fn directives_combine() {
        let faults = Faults { cut: Some(5), ..Faults::default() };
        let id = Some("resp_fixed".to_owned());
        let acts = vec![Act::Text(3)];
        check("id resp_fixed; text 3; cut 5;", Script { id, acts, faults, ..Script::default() });
    }

    #[test]
    fn a_semicolon_can_be_part_of_a_command() {
        let acts = vec![Act::Shell("cd /; ls \\n".to_owned())];
        check("shell cd /\\; ls \\n", Script { acts, ..Script::default() });
    }

    #[test]
    fn paced_text_carries_its_own_words() {
        let delivery = Delivery::Pace(Duration::from_millis(5));
        check("pace 5ms 2", Script { acts: vec![Act::Text(2)], delivery, ..Script::default() });
        let delivery = Delivery::Slow(Duration::from_secs(1));
        check("slow 1s", Script { delivery, ..Script::default() });
        let acts = vec![Act::Text(9)];
        check("burst 9", Script { acts, delivery: Delivery::Burst, ..Script::default() });
    }

    #[test]
    fn a_gate_stands_after_the_first_event_unless_told_otherwise() {
        let gate = Some(Gate { name: "door".to_owned(), after: 1 });
        check("wait door", Script { gate, ..Script::default() });
        let gate = Some(Gate { name: "door".to_owned(), after: 7 });
        check("wait door 7", Script { gate, ..Script::default() });
    }

    #[test]
    fn a_refusal_takes_its_details_before_its_message() {
        let refusal = Refusal {
            status: 429,
            kind: "rate_limit_error".to_owned(),
            code: Some("insufficient_quota".to_owned()),
            message: "come back later".to_owned(),
            retry_after: Some("3".to_owned()),
        };
        let faults = Faults { opening: Opening::Refuse(refusal), ..Faults::default() };
        let directive = "fail 429 code=insufficient_quota retry-after=3 come back later";
        check(directive, Script { faults, ..Script::default() });
    }

    #[test]
    fn a_failure_in_the_stream_has_a_code_and_a_message() {
        let (code, message) = ("invalid_prompt".to_owned(), "no money".to_owned());
        let faults = Faults { ending: Ending::Failed { code, message }, ..Faults::default() };
        check("failed invalid_prompt no money", Script { faults, ..Script::default() });
    }

    #[test]
    fn a_call_ends_its_round() {
        let script = Script::parse("text 1; shell ls; patch a.txt; text 2").unwrap_or_default();
        let shell = Act::Shell("ls".to_owned());
        let patch = Act::Patch("a.txt".to_owned());
        let round = |answered| script.round(answered);
        assert_eq!(round(0), Round { speech: &[Act::Text(1)], call: Some(&shell) });
        assert_eq!(round(1), Round { speech: &[], call: Some(&patch) });
        assert_eq!(round(2), Round { speech: &[Act::Text(2)], call: None });
        assert_eq!(round(3), Round { speech: &[], call: None });
    }

    #[test]
    fn what_is_not_understood_is_named() {
        let error = Script::parse("dance").unwrap_err();
        assert_eq!(error, "rehearsal does not know the directive `dance`");
        assert!(Script::parse("text many").unwrap_err().contains("`many`"));
        assert!(Script::parse("slow 5 200").unwrap_err().contains("`5`"));
        assert!(Script::parse("shell").is_err());
    }
}
