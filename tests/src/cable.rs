//! The wire between two parts, in a test's hand: cut, left dangling, or down for a while.
//!
//! A TCP relay on loopback. What it does to bytes is what networks do: a cut ends every connection
//! at once, a loss leaves both ends with a connection on which nothing ever arrives again, and
//! while the link is down nothing is delivered and nobody gets through.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

const BLOCK_BYTES: usize = 256 * 1024;

/// What the wire does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct State {
    /// Connections of an earlier number are cut.
    cut: u64,
    /// Connections of an earlier number lead nowhere any more, and do not say so.
    lost: u64,
    /// Whether nothing is delivered, and nobody gets through.
    down: bool,
}

/// A wire to one port. Dropping it cuts it.
#[derive(Debug)]
pub struct Cable {
    port: u16,
    state: watch::Sender<State>,
    relay: JoinHandle<()>,
}

impl Cable {
    /// A wire that leads to a port of this machine.
    pub async fn to(port: u16) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let here = listener.local_addr()?.port();
        let (state, seen) = watch::channel(State { cut: 0, lost: 0, down: false });
        let relay = tokio::spawn(relay(listener, (Ipv4Addr::LOCALHOST, port).into(), seen));
        Ok(Self { port: here, state, relay })
    }

    /// `http://127.0.0.1:PORT`, the near end.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Ends every connection. New ones are made at once.
    pub fn cut(&self) {
        self.state.send_modify(|state| state.cut += 1);
    }

    /// Lets nothing through on the connections that there are, in either direction, and tells
    /// neither end. New ones work.
    pub fn lose(&self) {
        self.state.send_modify(|state| state.lost += 1);
    }

    /// The link is down: what is on its way waits, and nobody gets through.
    pub fn unplug(&self) {
        self.state.send_modify(|state| state.down = true);
    }

    /// The link is up again, and what was on its way arrives.
    pub fn plug(&self) {
        self.state.send_modify(|state| state.down = false);
    }

    /// The link is down for so long.
    pub async fn unplug_for(&self, time: Duration) {
        self.unplug();
        tokio::time::sleep(time).await;
        self.plug();
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.cut();
        self.relay.abort();
    }
}

async fn relay(listener: TcpListener, to: SocketAddr, state: watch::Receiver<State>) {
    loop {
        let Ok((near, _)) = listener.accept().await else { continue };
        tokio::spawn(connection(near, to, state.clone()));
    }
}

/// One connection, from the moment that the link lets it through.
async fn connection(near: TcpStream, to: SocketAddr, mut state: watch::Receiver<State>) {
    let born = *state.borrow_and_update();
    if state.wait_for(|now| !now.down || now.cut > born.cut).await.is_err() {
        return;
    }
    let Ok(far) = TcpStream::connect(to).await else { return };
    for stream in [&near, &far] {
        if stream.set_nodelay(true).is_err() {
            return;
        }
    }
    let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
    let forth = carry(near_in, far_out, born, state.clone());
    let back = carry(far_in, near_out, born, state.clone());
    let cut = async { state.wait_for(|now| now.cut > born.cut).await.map(drop) };
    tokio::select! {
        _ = async { tokio::join!(forth, back) } => {}
        _ = cut => {}
    }
}

/// Carries bytes one way, until they end or the connection is lost.
async fn carry(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    born: State,
    mut state: watch::Receiver<State>,
) {
    let mut block = vec![0; BLOCK_BYTES];
    loop {
        let read = from.read(&mut block).await.unwrap_or_default();
        if state.wait_for(|now| !now.down).await.is_err() {
            return;
        }
        let lost = state.borrow().lost > born.lost;
        if lost {
            // Both ends go on believing in it.
            std::future::pending::<()>().await;
        }
        let Some(bytes) = block.get(..read).filter(|bytes| !bytes.is_empty()) else {
            let _ = to.shutdown().await;
            return;
        };
        if to.write_all(bytes).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A peer that sends back what it gets.
    async fn echo() -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.split();
                    let _ = tokio::io::copy(&mut from, &mut to).await;
                });
            }
        });
        port
    }

    async fn dial(cable: &Cable) -> TcpStream {
        TcpStream::connect((Ipv4Addr::LOCALHOST, cable.port)).await.expect("the near end")
    }

    async fn says_back(stream: &mut TcpStream, word: &[u8]) -> bool {
        let mut heard = vec![0; word.len()];
        let sent = stream.write_all(word).await.is_ok();
        sent && stream.read_exact(&mut heard).await.is_ok() && heard == word
    }

    #[tokio::test]
    async fn a_cut_ends_what_runs_and_nothing_else() {
        let cable = Cable::to(echo().await).await.expect("a cable");
        let mut first = dial(&cable).await;
        assert!(says_back(&mut first, b"one").await);
        cable.cut();
        assert!(!says_back(&mut first, b"two").await);
        assert!(says_back(&mut dial(&cable).await, b"three").await);
    }

    #[tokio::test]
    async fn a_lost_connection_stays_open_and_silent() {
        let cable = Cable::to(echo().await).await.expect("a cable");
        let mut first = dial(&cable).await;
        assert!(says_back(&mut first, b"one").await);
        cable.lose();
        first.write_all(b"two").await.expect("the near end takes it");
        assert!(says_back(&mut dial(&cable).await, b"three").await);
        let mut heard = [0; 1];
        assert!(
            first.try_read(&mut heard).is_err_and(|e| e.kind() == std::io::ErrorKind::WouldBlock)
        );
    }

    #[tokio::test]
    async fn what_is_sent_while_the_link_is_down_arrives_when_it_is_up() {
        let cable = Cable::to(echo().await).await.expect("a cable");
        let mut first = dial(&cable).await;
        assert!(says_back(&mut first, b"one").await);
        cable.unplug();
        first.write_all(b"two").await.expect("the near end takes it");
        let mut late = dial(&cable).await;
        late.write_all(b"late").await.expect("the near end takes it");
        cable.plug();
        let mut heard = [0; 3];
        first.read_exact(&mut heard).await.expect("it arrives");
        assert_eq!(&heard, b"two");
        let mut heard = [0; 4];
        late.read_exact(&mut heard).await.expect("it arrives");
        assert_eq!(&heard, b"late");
    }
}
