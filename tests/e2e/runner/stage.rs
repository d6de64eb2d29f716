//! A world with one runner in it, and ways to ask its object what services ask.

use functions::domain::hub::command::{Act, Answer, Command, Description, Look, PendingAsk};
use reqwest::Response;
use schema::rpc::RequestId;
use schema::tunnel::{Grade, Process, ToRunner};
use schema::{AccountId, AskId, Id, OpId, id::Kind};
use serde_json::{Value, json};
use tests::object::Object;
use tests::runner_peer::{Machine, Peer, answer, now, op, running};
use tests::world::{Plan, World};
use tokio::task::JoinHandle;

/// The account whose process most tests are about.
pub const ALICE: AccountId = AccountId::from_bits(0xa11ce);

pub struct Stage {
    pub world: World,
    pub machine: Machine,
}

/// Something that was asked, and whose answer has not come.
pub type Pending = JoinHandle<anyhow::Result<(Answer, Vec<u8>)>>;

impl Stage {
    pub async fn open() -> Self {
        Self::of(World::plan()).await
    }

    pub async fn of(plan: Plan) -> Self {
        let world = plan.start().await;
        let machine = Machine::enrolled(&world, json!({})).await;
        Self { world, machine }
    }

    /// A tunnel that works, with Alice's process running behind it.
    pub async fn connect(&mut self) -> (Peer, ToRunner) {
        self.connect_with(vec![running(ALICE)]).await
    }

    pub async fn connect_with(&mut self, processes: Vec<Process>) -> (Peer, ToRunner) {
        self.machine.connect(&self.world, processes).await
    }

    /// The runner's object.
    pub fn object(&self) -> Object {
        self.world.object("RUNNER", &self.machine.id.to_string())
    }

    pub async fn act(&self, act: Act, body: &[u8]) -> (Answer, Vec<u8>) {
        self.object().tell(&Command::Act(act), body).await.expect("an answer")
    }

    /// Asks, and goes on meanwhile.
    pub fn begin(&self, act: Act, body: &[u8]) -> Pending {
        let (object, body) = (self.object(), body.to_vec());
        tokio::spawn(async move { object.tell(&Command::Act(act), &body).await })
    }

    /// A request to Alice's process that waits for so long at most.
    pub fn call(&self, body: &[u8], wait_ms: u32) -> Pending {
        let op = id();
        let (account, grade, pays) = (ALICE, Grade::Operator, None);
        let act = Act::Call { op, account, grade, wait_ms, pays };
        self.begin(act, body)
    }

    pub async fn describe(&self) -> Description {
        match self.object().tell(&Command::Look(Look::Runner), b"").await.expect("an answer").0 {
            Answer::Description(description) => *description,
            other => panic!("{other:?}"),
        }
    }

    pub async fn asks(&self) -> Vec<PendingAsk> {
        let look = Command::Look(Look::Asks { account: Some(ALICE) });
        match self.object().tell(&look, b"").await.expect("an answer").0 {
            Answer::Asks(asks) => asks,
            other => panic!("{other:?}"),
        }
    }

    /// Alice's events, as a viewer sees them.
    pub async fn watch(&self, query: &str) -> Viewer {
        let path = format!("/events?account={ALICE}{query}");
        Viewer::of(self.object().look(&path).await.expect("a stream"))
    }
}

/// A new identifier.
pub fn id<K: Kind>() -> Id<K> {
    let mut random = [0; 10];
    for (place, byte) in tests::secret::random().bytes().take(10).enumerate() {
        random[place] = byte;
    }
    Id::new(now(), random)
}

/// What an operation was refused with.
pub async fn refusal(pending: Pending) -> schema::Error {
    match pending.await.expect("no panic").expect("an answer").0 {
        Answer::Refused(error) => error,
        other => panic!("{other:?} instead of a refusal"),
    }
}

/// The next frame has to be a call; it is answered with its own body.
pub async fn echo(peer: &mut Peer) {
    let (frame, body) = peer.next().await;
    assert!(matches!(frame, ToRunner::Call { .. }), "{frame:?}");
    peer.send(&answer(op(&frame), &body), &body).await;
}

/// A question as a process asks it.
pub fn asking(request: &RequestId) -> Vec<u8> {
    let params = json!({ "threadId": "T", "turnId": "U", "command": "touch x" });
    let method = "item/commandExecution/requestApproval";
    json!({ "method": method, "id": request, "params": params }).to_string().into_bytes()
}

pub fn resolve(op: OpId, ask: AskId) -> Act {
    Act::Resolve { op, ask, account: Some(ALICE) }
}

/// A stream of events, frame by frame.
pub struct Viewer {
    response: Response,
    unread: Vec<u8>,
}

/// One frame of a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    pub id: Option<u64>,
    pub event: String,
    pub data: Value,
}

impl Viewer {
    pub fn of(response: Response) -> Self {
        Self { response, unread: Vec::new() }
    }

    /// The next frame that says something; nothing at the end.
    pub async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(end) = self.unread.windows(2).position(|pair| pair == b"\n\n") {
                let frame: Vec<u8> = self.unread.drain(..end + 2).collect();
                let frame = String::from_utf8(frame).expect("UTF-8");
                let line = |name: &str| {
                    let found = frame.lines().find_map(|line| line.strip_prefix(name));
                    found.map(|value| value.trim_start().to_owned())
                };
                let Some(data) = line("data:") else { continue };
                return Some(Frame {
                    id: line("id:").map(|id| id.parse().expect("a number")),
                    event: line("event:").unwrap_or_default(),
                    data: serde_json::from_str(&data).expect("JSON"),
                });
            }
            let block = tokio::time::timeout(PATIENCE, self.response.chunk()).await;
            match block.expect("a frame in time").expect("a stream") {
                Some(block) => self.unread.extend_from_slice(&block),
                None => return None,
            }
        }
    }

    /// The next frame of this name.
    pub async fn until(&mut self, event: &str) -> Frame {
        loop {
            let frame = self.next().await.unwrap_or_else(|| panic!("no `{event}` before the end"));
            if frame.event == event {
                return frame;
            }
        }
    }

    /// The numbers of so many events.
    pub async fn seqs(&mut self, many: usize) -> Vec<u64> {
        let mut seqs = Vec::new();
        while seqs.len() < many {
            let frame = self.next().await.expect("a frame");
            seqs.extend(frame.id);
        }
        seqs
    }
}

/// No step of a test takes longer; one that does is a failure, not a hang.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);
