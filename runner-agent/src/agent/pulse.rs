//! Whether the other side is still there: when to ask, and when to stop believing. Pure.

use std::time::Duration;

use schema::tunnel::BEAT_MS;
use tokio::time::Instant;

/// Between two questions.
const BEAT: Duration = Duration::from_millis(BEAT_MS);
/// After so long without a word the socket is dead: two questions went unanswered.
const SILENCE: Duration = Duration::from_millis(2 * BEAT_MS + 1_000);
/// After something of the network went.
const PROBE_DOWN: Duration = Duration::from_secs(2);
/// After something of the network came.
const PROBE_UP: Duration = Duration::from_millis(700);
/// The same, where a question has been out already: its resend may be seconds away, and a new dial
/// is quicker.
const PROBE_AGAIN: Duration = Duration::from_millis(300);

/// The signs of life of one connection.
#[derive(Debug, Clone)]
pub struct Pulse {
    /// The next question is due.
    pub ask_at: Instant,
    /// Without a word by then the socket is dead.
    pub dead_at: Instant,
    /// The question that is out, and since when.
    asked: Option<(u64, Instant)>,
    /// Counts the questions.
    last: u64,
    /// How long the last one took.
    pub round_trip: Option<Duration>,
}

impl Pulse {
    /// A connection that has just said its first word.
    pub fn begin(now: Instant) -> Self {
        let (ask_at, dead_at) = (now + BEAT, now + SILENCE);
        Self { ask_at, dead_at, asked: None, last: 0, round_trip: None }
    }

    /// A question goes out; its number.
    pub fn ask(&mut self, now: Instant) -> u64 {
        self.last += 1;
        self.ask_at = now + BEAT;
        self.asked = self.asked.or(Some((self.last, now)));
        self.last
    }

    /// Something came: any word is a sign of life.
    pub fn heard(&mut self, now: Instant) {
        self.dead_at = now + SILENCE;
    }

    /// The answer to a question came. Idle ones carry no number, and there is one at a time.
    pub fn answered(&mut self, now: Instant, n: Option<u64>) {
        self.heard(now);
        if let Some((asked, since)) = self.asked.take_if(|(asked, _)| n.is_none_or(|n| n >= *asked))
        {
            let in_time = n.is_none_or(|n| n == asked);
            self.round_trip = if in_time { Some(now - since) } else { self.round_trip };
        }
    }

    /// The network changed under the connection: ask now, and believe for less long.
    pub fn probe(&mut self, now: Instant, something_came: bool) {
        let patience = match (something_came, self.asked) {
            (false, _) => PROBE_DOWN,
            (true, None) => PROBE_UP,
            (true, Some(_)) => PROBE_AGAIN,
        };
        self.ask_at = now;
        self.dead_at = self.dead_at.min(now + patience);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[tokio::test(start_paused = true)]
    async fn two_questions_without_an_answer_and_a_second_are_the_end() {
        let start = Instant::now();
        let mut pulse = Pulse::begin(start);
        assert_eq!(pulse.ask_at, start + ms(5_000));
        assert_eq!(pulse.ask(start + ms(5_000)), 1);
        assert_eq!(pulse.ask(start + ms(10_000)), 2);
        assert_eq!(pulse.dead_at, start + ms(11_000));
    }

    #[tokio::test(start_paused = true)]
    async fn any_word_is_a_sign_of_life() {
        let start = Instant::now();
        let mut pulse = Pulse::begin(start);
        pulse.ask(start + ms(5_000));
        pulse.heard(start + ms(7_000));
        assert_eq!(pulse.dead_at, start + ms(18_000));
    }

    #[tokio::test(start_paused = true)]
    async fn a_round_trip_is_measured_by_the_answer_to_its_own_question() {
        let start = Instant::now();
        let mut pulse = Pulse::begin(start);
        let first = pulse.ask(start);
        pulse.ask(start + ms(5_000));
        pulse.answered(start + ms(5_010), Some(first));
        assert_eq!(pulse.round_trip, Some(ms(5_010)));
        let third = pulse.ask(start + ms(10_000));
        pulse.answered(start + ms(10_003), Some(third - 1));
        assert_eq!(pulse.round_trip, Some(ms(5_010)), "an answer to an older one tells nothing");
        pulse.answered(start + ms(10_020), Some(third));
        assert_eq!(pulse.round_trip, Some(ms(20)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_changed_network_is_probed_at_once_and_trusted_for_less_long() {
        let start = Instant::now();
        let mut pulse = Pulse::begin(start);
        pulse.probe(start, false);
        assert_eq!((pulse.ask_at, pulse.dead_at), (start, start + ms(2_000)));
        pulse.probe(start + ms(100), true);
        assert_eq!(pulse.dead_at, start + ms(800));
        pulse.probe(start + ms(200), false);
        assert_eq!(pulse.dead_at, start + ms(800), "a later change gives no more time");
        pulse.ask(start + ms(200));
        pulse.probe(start + ms(300), true);
        assert_eq!(pulse.dead_at, start + ms(600), "it was asked before the network came back");
        pulse.answered(start + ms(400), None);
        assert_eq!(pulse.dead_at, start + ms(11_400));
    }
}
