//! The callers: so many connections, each with one request after the other, until the time is over.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::LocalSet;
use tokio::time::{sleep, timeout};

use super::check::Check;
use super::kind::Kind;
use tests::http1::Message;

const BUFFER_BYTES: usize = 64 << 10;
/// An answer that takes longer than this has failed.
const PATIENCE: Duration = Duration::from_secs(60);
/// After a failure, so that a target that is gone is not asked a hundred thousand times.
const PAUSE: Duration = Duration::from_millis(10);
/// Failures that are kept to be shown.
const FAILURES_SHOWN: usize = 3;

/// Who is asked, what, and how hard.
#[derive(Debug, Clone)]
pub struct Order {
    pub port: u16,
    /// The bytes of one request.
    pub request: Rc<[u8]>,
    pub kind: Kind,
    pub connections: usize,
    /// When no more requests are begun.
    pub time: Duration,
    /// The zero of times in events.
    pub begun: Instant,
}

/// What came of it. Times are in nanoseconds.
#[derive(Debug, Default)]
pub struct Yield {
    /// From the request to the first byte of the body.
    pub first_byte: Vec<u64>,
    /// From the request to the end.
    pub total: Vec<u64>,
    /// From the sending of an event to its arrival.
    pub delays: Vec<u64>,
    pub failed: usize,
    pub failures: Vec<String>,
    pub elapsed: Duration,
}

impl Yield {
    pub fn completed(&self) -> usize {
        self.total.len()
    }

    fn fail(&mut self, why: String) {
        self.failed += 1;
        if self.failures.len() < FAILURES_SHOWN && !self.failures.contains(&why) {
            self.failures.push(why);
        }
    }
}

/// Sends requests until it is enough, and waits for the last answer.
pub async fn run(order: &Order) -> Yield {
    let yielded = Rc::new(RefCell::new(Yield::default()));
    let callers = LocalSet::new();
    let start = Instant::now();
    for _ in 0..order.connections {
        let (order, yielded) = (order.clone(), Rc::clone(&yielded));
        callers.spawn_local(async move { caller(&order, start, &yielded).await });
    }
    callers.await;
    let mut yielded = yielded.take();
    yielded.elapsed = start.elapsed();
    yielded
}

async fn caller(order: &Order, start: Instant, yielded: &RefCell<Yield>) {
    let mut connection = None;
    while start.elapsed() < order.time {
        let asked = timeout(PATIENCE, ask(order, &mut connection, yielded)).await;
        let asked = asked.unwrap_or_else(|_| bail!("no answer within {PATIENCE:?}"));
        if let Err(error) = asked {
            connection = None;
            yielded.borrow_mut().fail(format!("{error:#}"));
            sleep(PAUSE).await;
        }
    }
}

struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

async fn connect(port: u16) -> Result<Connection> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    Ok(Connection { stream, buffer: vec![0; BUFFER_BYTES] })
}

async fn ask(order: &Order, kept: &mut Option<Connection>, yielded: &RefCell<Yield>) -> Result<()> {
    let mut connection = match kept.take() {
        Some(connection) => connection,
        None => connect(order.port).await?,
    };
    let mut message = Message::response();
    let mut check = Check::new(order.kind, order.begun);
    let mut first = None;
    let start = Instant::now();
    connection.stream.write_all(&order.request).await?;
    while !message.done() {
        let size = connection.stream.read(&mut connection.buffer).await?;
        if size == 0 {
            ensure!(message.done_at_close(), "the connection was closed before the answer's end");
            break;
        }
        let now = Instant::now();
        let taken = message.read(&connection.buffer[..size], |body| {
            first.get_or_insert(now);
            check.read(body, now);
        })?;
        ensure!(taken == size, "{} bytes after the answer's end", size - taken);
    }
    let end = Instant::now();
    let status = message.status();
    ensure!(status == Some(200), "status {status:?}: {}", check.said());
    if let Err(wrong) = check.verdict() {
        bail!("{wrong}: {}", check.said());
    }
    if message.done() && !message.closes() {
        *kept = Some(connection);
    }
    let mut yielded = yielded.borrow_mut();
    yielded.first_byte.push(nanos(first.unwrap_or(end) - start));
    yielded.total.push(nanos(end - start));
    yielded.delays.append(&mut check.delays);
    Ok(())
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
