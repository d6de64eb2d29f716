//! The provider that all targets share: one thread that sends bytes made beforehand. What it
//! answers is set from outside, so that it need not read what it is asked.

use std::io;
use std::net::TcpListener as StdListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::yield_now;
use tokio::time::sleep_until;

use super::kind::{Kind, PACE, Tape, stamp};
use tests::http1::Message;

const BUFFER_BYTES: usize = 64 << 10;

/// The provider, for as long as the process lives.
#[derive(Debug)]
pub struct Upstream {
    pub port: u16,
    stage: Arc<Stage>,
}

#[derive(Debug)]
struct Stage {
    tapes: Vec<(Kind, Tape)>,
    /// The index of the tape that is played.
    playing: AtomicUsize,
    ids: AtomicU64,
    begun: Instant,
}

impl Upstream {
    /// Starts on a free port. Times in deltas are nanoseconds since `begun`.
    pub fn start(begun: Instant) -> Result<Self> {
        let listener = StdListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let tapes = Kind::ALL.map(|kind| (kind, Tape::new(kind))).into();
        let stage = Stage {
            tapes,
            playing: AtomicUsize::new(0),
            // A provider's ids are never used twice.
            ids: AtomicU64::new(1),
            begun,
        };
        let stage = Arc::new(stage);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let served = Arc::clone(&stage);
        std::thread::Builder::new()
            .name("upstream".to_owned())
            .spawn(move || runtime.block_on(serve(listener, served)))?;
        Ok(Self { port, stage })
    }

    /// What it answers from now on.
    pub fn play(&self, kind: Kind) {
        let index = self.stage.tapes.iter().position(|(it, _)| *it == kind);
        self.stage.playing.store(index.expect("a tape for every kind"), Ordering::Release);
    }
}

async fn serve(listener: StdListener, stage: Arc<Stage>) {
    let listener = TcpListener::from_std(listener).expect("a listener");
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let stage = Arc::clone(&stage);
        // A connection that its client drops ends in an error here, which the client reports.
        tokio::spawn(async move { connection(stream, &stage).await.ok() });
    }
}

async fn connection(mut stream: TcpStream, stage: &Stage) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut request = Message::request();
    loop {
        let size = stream.read(&mut buffer).await?;
        if size == 0 {
            return Ok(());
        }
        let mut rest = &buffer[..size];
        while !rest.is_empty() {
            let taken = request.read(rest, |_| ())?;
            rest = &rest[taken..];
            if request.done() {
                request = Message::request();
                answer(&mut stream, stage).await?;
            }
        }
    }
}

async fn answer(stream: &mut TcpStream, stage: &Stage) -> io::Result<()> {
    let (kind, tape) = &stage.tapes[stage.playing.load(Ordering::Acquire)];
    let mut bytes = tape.copy(stage.ids.fetch_add(1, Ordering::AcqRel));
    match kind {
        Kind::Json | Kind::Burst(_) => stream.write_all(&bytes).await,
        Kind::Stream(_) => {
            let mut from = 0;
            for end in &tape.ends {
                stream.write_all(&bytes[from..*end]).await?;
                from = *end;
                // Every connection gets its turn, as from a provider with many machines.
                yield_now().await;
            }
            Ok(())
        }
        Kind::Paced(_) => paced(stream, stage, tape, &mut bytes).await,
    }
}

async fn paced(
    stream: &mut TcpStream,
    stage: &Stage,
    tape: &Tape,
    bytes: &mut [u8],
) -> io::Result<()> {
    let mut due = tokio::time::Instant::now();
    let mut from = 0;
    for (end, time) in tape.ends.iter().zip(&tape.times) {
        if let Some(at) = time {
            due += PACE;
            sleep_until(due).await;
            let now = stage.begun.elapsed().as_nanos();
            stamp(&mut bytes[*at..], u64::try_from(now).unwrap_or_default());
        }
        stream.write_all(&bytes[from..*end]).await?;
        from = *end;
    }
    Ok(())
}
