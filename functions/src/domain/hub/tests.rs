//! The machine under random weather: cuts, repetitions, lateness, and a loss of memory now and
//! then.

use std::collections::{BTreeMap, HashMap, HashSet};

use proptest::prelude::*;
use schema::{
    AccountId, AskId, OpId, RunnerId, Timestamp,
    tunnel::{self, *},
};

use super::{command::*, *};

const ALICE: AccountId = AccountId::from_bits(0xa11ce);
const START: Timestamp = Timestamp::from_millis(1_790_000_000_000);

/// What may happen next.
#[derive(Debug, Clone, Copy)]
enum Weather {
    /// The runner sends events that it has not seen acknowledged: from where it likes.
    Events {
        back: u64,
        many: u64,
    },
    /// Its process asks.
    Ask {
        ahead: bool,
    },
    /// Somebody answers the oldest open question.
    Resolve,
    /// Somebody calls.
    Call {
        wait_ms: u32,
    },
    /// The runner answers what it was sent, so many times.
    Answer {
        times: usize,
    },
    /// The connection is lost, with or without a word.
    Cut {
        told: bool,
    },
    /// The runner dials.
    Dial,
    /// The hub's memory is lost; its rows stay.
    Forget {
        socket: bool,
    },
    Pass {
        ms: i64,
    },
}

fn weather() -> impl Strategy<Value = Weather> {
    prop_oneof![
        4 => (0..6u64, 1..6u64).prop_map(|(back, many)| Weather::Events { back, many }),
        2 => any::<bool>().prop_map(|ahead| Weather::Ask { ahead }),
        2 => Just(Weather::Resolve),
        4 => (1..40_000u32).prop_map(|wait_ms| Weather::Call { wait_ms }),
        4 => (0..3usize).prop_map(|times| Weather::Answer { times }),
        2 => any::<bool>().prop_map(|told| Weather::Cut { told }),
        4 => Just(Weather::Dial),
        1 => any::<bool>().prop_map(|socket| Weather::Forget { socket }),
        3 => (1..9_000i64).prop_map(|ms| Weather::Pass { ms }),
    ]
}

/// A hub, its rows, a runner, and whoever waits.
struct World {
    hub: Hub,
    now: Timestamp,
    kept: Kept,
    places: BTreeMap<AccountId, Place>,
    events: Vec<u64>,
    asks: BTreeMap<AskId, Question>,
    /// The runner's: its generation, whether it is connected, its journal's length.
    generation: u64,
    connected: bool,
    journal: Vec<Option<AskId>>,
    /// What it was sent and has not answered.
    sent: Vec<OpId>,
    /// Answers to questions that its process has, by question.
    delivered: HashMap<AskId, OpId>,
    /// Whoever waits, and what was settled.
    waiting: HashSet<OpId>,
    settled: HashSet<OpId>,
    ids: u128,
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            hub: Hub::default(),
            now: START,
            kept: Kept::default(),
            places: BTreeMap::new(),
            events: Vec::new(),
            asks: BTreeMap::new(),
            generation: 0,
            connected: false,
            journal: Vec::new(),
            sent: Vec::new(),
            delivered: HashMap::new(),
            waiting: HashSet::new(),
            settled: HashSet::new(),
            ids: 0,
        };
        let (name, labels) = ("a runner".to_owned(), Labels::new());
        let id = RunnerId::from_bits(1);
        let profile = Profile { id, name, labels, capacity: 1, ephemeral: false };
        world.obey(Act::Enrol { profile }, b"");
        world.dial();
        world
    }

    fn id(&mut self) -> u128 {
        self.ids += 1;
        self.ids
    }

    fn obey(&mut self, act: Act, body: &[u8]) -> Option<Answer> {
        let (verdict, outputs) = self.hub.obey(act, body, self.now);
        if let Verdict::Later(op) = verdict {
            assert!(self.waiting.insert(op), "an operation is begun once");
        }
        self.carry_out(outputs);
        match verdict {
            Verdict::Now(answer) => Some(answer),
            Verdict::Later(_) => None,
        }
    }

    fn step(&mut self, input: Input<'_>) {
        let outputs = self.hub.step(input, self.now);
        self.carry_out(outputs);
    }

    fn carry_out(&mut self, outputs: Vec<Output>) {
        for (place, output) in outputs.into_iter().enumerate() {
            match output {
                Output::Store(batch) => {
                    assert_eq!(place, 0, "rows come before everything that tells of them");
                    self.store(*batch);
                }
                Output::Send(message) => self.hear(&message),
                Output::Close { generation, .. } => {
                    self.connected &= generation != self.generation;
                }
                Output::Settle { op, .. } => {
                    assert!(self.waiting.remove(&op), "{op} was settled, and nobody waits");
                    assert!(self.settled.insert(op), "{op} was settled twice");
                }
                Output::Piece { .. } | Output::Broken { .. } => panic!("nobody reads a file"),
                Output::Said(_) | Output::Stands { .. } | Output::Owed => {}
            }
        }
    }

    fn store(&mut self, batch: Batch) {
        self.kept = batch.kept.unwrap_or(self.kept.clone());
        self.places.extend(batch.places);
        for row in batch.asks {
            let (account, seq, request) = (row.account, row.seq, row.request);
            let (thread, state) = (row.said.thread, State::Pending);
            let question = Question { account, seq, request, thread, state };
            self.asks.entry(row.ask).or_insert(question);
        }
        for (ask, state) in batch.states {
            self.asks.get_mut(&ask).expect("a row").state = state;
        }
        self.events.extend(batch.events.iter().map(|event| event.seq.0));
    }

    /// The runner hears a message.
    fn hear(&mut self, message: &[u8]) {
        let mut rest = message;
        while let Some((frame, _, after)) = tunnel::pop::<ToRunner>(rest).unwrap() {
            rest = after;
            match frame {
                ToRunner::Call { op, .. } => self.sent.push(op),
                ToRunner::Reply { op, ask, .. } => {
                    // However often it comes, the process has it once.
                    let first = *self.delivered.entry(ask).or_insert(op);
                    assert_eq!(first, op, "two answers to one question");
                    self.sent.push(op);
                }
                _ => {}
            }
        }
    }

    fn send(&mut self, frames: &[(FromRunner, Vec<u8>)]) {
        if !self.connected {
            return;
        }
        let mut message = Vec::new();
        for (head, body) in frames {
            tunnel::push(&mut message, head, body).unwrap();
        }
        self.step(Input::Message { generation: self.generation, bytes: &message });
    }

    fn dial(&mut self) {
        self.generation += 1;
        self.connected = true;
        self.sent.clear();
        assert_eq!(self.hub.admit(self.generation), Ok(()));
        assert!(self.hub.admit(self.generation - 1).is_err(), "a generation was taken twice");
        self.step(Input::Opened { generation: self.generation });
        let process = Process {
            process: ALICE,
            state: ProcessState::Running,
            reason: String::new(),
            codex: String::new(),
            provisioned: true,
            turns: 0,
        };
        let hello = Hello {
            version: VERSION,
            agent: String::new(),
            generation: self.generation,
            boot: String::new(),
            codex: String::new(),
            schema: String::new(),
            provider: Provider::Edge,
            platform: String::new(),
            draining: false,
            processes: vec![process],
        };
        self.send(&[(FromRunner::Hello(hello), Vec::new())]);
    }

    /// What the process said at a place of its journal.
    fn event(&self, seq: u64) -> (FromRunner, Vec<u8>) {
        let ask = self.journal[usize::try_from(seq - 1).unwrap()];
        let body = match ask {
            Some(_) => format!(r#"{{"method":"ask","id":{seq},"params":{{}}}}"#),
            None => r#"{"method":"said","params":{}}"#.to_owned(),
        };
        let head = FromRunner::Event { process: ALICE, seq: Seq(seq), at: START, ask };
        (head, body.into_bytes())
    }

    fn stored(&self) -> u64 {
        self.events.last().copied().unwrap_or(0)
    }

    fn happen(&mut self, weather: Weather) {
        match weather {
            Weather::Events { back, many } => {
                let first = (self.stored() + 1).saturating_sub(back).max(1);
                while self.journal.len() < usize::try_from(first + many).unwrap() {
                    self.journal.push(None);
                }
                let frames: Vec<_> = (first..first + many).map(|seq| self.event(seq)).collect();
                self.send(&frames);
            }
            Weather::Ask { ahead } => {
                let ask = AskId::from_bits(self.id());
                self.journal.push(Some(ask));
                let seq = self.journal.len() as u64;
                let (_, body) = self.event(seq);
                if ahead {
                    let (process, seq) = (ALICE, Seq(seq));
                    let head = FromRunner::Ask { process, seq, at: START, ask };
                    self.send(&[(head, body)]);
                }
            }
            Weather::Resolve => {
                let open = self.asks.iter().find(|(_, it)| it.state == State::Pending);
                let Some(ask) = open.map(|(ask, _)| *ask) else { return };
                let op = OpId::from_bits(self.id());
                self.obey(Act::Resolve { op, ask, account: Some(ALICE) }, b"{}");
                let again = OpId::from_bits(self.id());
                let again = Act::Resolve { op: again, ask, account: None };
                assert!(matches!(self.obey(again, b"{}"), Some(Answer::Refused(_))));
            }
            Weather::Call { wait_ms } => {
                let op = OpId::from_bits(self.id());
                let (account, grade, pays) = (ALICE, Grade::Customer, None);
                let act = Act::Call { op, account, grade, wait_ms, pays };
                self.obey(act, b"{}");
            }
            Weather::Answer { times } => {
                let answers = self.sent.iter().flat_map(|op| {
                    let head = FromRunner::Answer { op: *op, size: 2, refused: None };
                    std::iter::repeat_n((head, b"{}".to_vec()), times)
                });
                let answers: Vec<_> = answers.collect();
                self.send(&answers);
            }
            Weather::Cut { told } => {
                if self.connected && told {
                    let generation = self.generation;
                    self.step(Input::Closed { generation, reason: "cut" });
                }
                self.connected = false;
            }
            Weather::Dial => self.dial(),
            Weather::Forget { socket } => self.forget(socket && self.connected),
            Weather::Pass { ms } => {
                self.now = self.now.plus_millis(ms);
                let alive_at = self.connected.then_some(self.now);
                self.step(Input::Tick { alive_at });
            }
        }
    }

    /// The object's memory is gone: whoever waited has been told by that.
    fn forget(&mut self, socket: bool) {
        self.waiting.clear();
        let mut places = self.places.clone();
        for place in places.values_mut() {
            place.last = Seq(self.stored());
        }
        let last = self.stored();
        let known = |it: &Question| {
            it.state.as_str() == "pending" || it.state.as_str() == "answered" || it.seq.0 > last
        };
        let asks = self.asks.iter().filter(|(_, it)| known(it));
        let asks = asks.map(|(ask, it)| (*ask, it.clone())).collect();
        self.connected = socket;
        self.hub = Hub::restore(self.kept.clone(), places, asks, socket, self.now);
    }

    /// The weather clears: everything gets where it is going.
    fn settle(&mut self) {
        self.dial();
        let (first, last) = (self.stored() + 1, self.journal.len() as u64);
        let rest: Vec<_> = (first..=last).map(|seq| self.event(seq)).collect();
        self.send(&rest);
        for _ in 0..2 {
            self.happen(Weather::Answer { times: 1 });
        }
        self.now = self.now.plus_millis(700_000);
        self.step(Input::Tick { alive_at: Some(self.now) });
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn whatever_happens_nothing_is_lost_doubled_or_left_waiting(
        weather in prop::collection::vec(weather(), 1..80),
    ) {
        let mut world = World::new();
        for weather in weather {
            world.happen(weather);
            // Stored in order, without a gap and none twice.
            let expected: Vec<u64> = (1..=world.stored()).collect();
            prop_assert_eq!(&world.events, &expected);
        }
        world.settle();
        prop_assert_eq!(world.stored(), world.journal.len() as u64);
        prop_assert!(world.waiting.is_empty(), "left waiting: {:?}", world.waiting);
        prop_assert!(!world.hub.is_busy());
        // Every question is known, and every answer that was given has arrived.
        let asked = world.journal.iter().flatten().count();
        prop_assert_eq!(world.asks.len(), asked);
        for (ask, question) in &world.asks {
            match question.state {
                State::Pending => prop_assert!(!world.delivered.contains_key(ask)),
                State::Delivered(_) => prop_assert!(world.delivered.contains_key(ask)),
                ref other => prop_assert!(false, "a question is left {}", other.as_str()),
            }
        }
    }

    #[test]
    fn no_bytes_are_a_fault(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut world = World::new();
        world.step(Input::Message { generation: 1, bytes: &bytes });
        world.dial();
        prop_assert!(world.connected);
    }
}

#[test]
fn an_older_connection_is_not_heard_any_more() {
    let mut world = World::new();
    world.dial();
    world.journal.push(None);
    let (head, body) = world.event(1);
    let mut message = Vec::new();
    tunnel::push(&mut message, &head, &body).unwrap();
    world.step(Input::Message { generation: 1, bytes: &message });
    assert_eq!(world.stored(), 0);
    world.step(Input::Closed { generation: 1, reason: "late" });
    assert_eq!(world.hub.standing(world.now), Standing::Online);
}

#[test]
fn only_what_the_host_does_itself_needs_no_key() {
    let mut world = World::new();
    let mut asked = |place: u128, method: &str| {
        let (op, account) = (OpId::from_bits(place), AccountId::from_bits(place));
        let (grade, wait_ms, pays) = (Grade::Customer, 1_000, None);
        let body = format!(r#"{{"method":"{method}","params":{{"x":"gantry/files/tree"}}}}"#);
        world.obey(Act::Call { op, account, grade, wait_ms, pays }, body.as_bytes())
    };
    assert!(matches!(asked(71, "thread/read"), Some(Answer::NeedsKey)));
    assert!(asked(72, "gantry/files/tree").is_none(), "it is on its way");
    assert!(matches!(asked(73, "x/gantry/"), Some(Answer::NeedsKey)));
}

#[test]
fn silence_makes_a_runner_suspect_and_then_offline() {
    let mut world = World::new();
    for (ms, standing) in [
        (SUSPECT_MS - 1, Standing::Online),
        (SUSPECT_MS, Standing::Suspect),
        (LEASE_MS - 1, Standing::Suspect),
        (LEASE_MS, Standing::Offline),
    ] {
        assert_eq!(world.hub.standing(START.plus_millis(ms)), standing, "{ms} ms");
    }
    world.now = START.plus_millis(LEASE_MS);
    world.step(Input::Tick { alive_at: Some(START.plus_millis(LEASE_MS - 1)) });
    assert_eq!(world.hub.standing(world.now), Standing::Online);
}

#[test]
fn a_connection_that_fell_silent_is_closed_and_may_come_back() {
    let mut world = World::new();
    let op = OpId::from_bits(7);
    let (account, grade, wait_ms, pays) = (ALICE, Grade::Customer, 600_000, None);
    let act = Act::Call { op, account, grade, wait_ms, pays };
    assert!(world.obey(act, b"{}").is_none());
    world.now = START.plus_millis(LEASE_MS);
    world.step(Input::Tick { alive_at: None });
    assert!(!world.connected && world.settled.contains(&op));
    world.dial();
    assert_eq!(world.hub.standing(world.now), Standing::Online);
}
