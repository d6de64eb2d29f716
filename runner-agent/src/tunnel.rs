//! The socket to the hub: how it is opened, and what it says when it is not.

use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt, StreamExt};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use schema::tunnel::{IDLE_PING, IDLE_PONG, MESSAGE_MAX_BYTES};
use schema::{Code, Timestamp};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::{client::generate_key, derive_accept_key};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode as WireCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Message};

use crate::date;
use crate::edge::{self, Edge, Stream};

type Socket = WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>;

/// The half that hears.
pub type Ears = SplitStream<Socket>;
/// The half that speaks.
pub type Mouth = SplitSink<Socket, Message>;

/// The edge opens a tunnel within this time, or is dialled anew.
const UPGRADE: Duration = Duration::from_secs(5);
/// Room beyond the largest message for its frames' heads.
const SLACK_BYTES: usize = 64 * 1024;

/// What came.
#[derive(Debug)]
pub enum Heard {
    /// A batch of frames.
    Frames(Bytes),
    /// The platform's answer to an idle ping.
    Pong,
    /// Something of the WebSocket protocol that means nothing here but life.
    Noise,
    /// The end, with the hub's code and reason where it gave them.
    Closed(Option<u16>, String),
}

/// Why there is no tunnel.
#[derive(Debug)]
pub enum Failure {
    /// Nobody answered.
    Unreached(anyhow::Error),
    /// The edge answered, and did not open one.
    Refused(Refused),
}

/// The edge's answer.
#[derive(Debug)]
pub struct Refused {
    /// Its words, for a person.
    pub words: String,
    /// What it is, if it was the edge itself that spoke, and not somebody on the way to it.
    pub code: Option<Code>,
    /// The edge's clock.
    pub date: Option<Timestamp>,
    /// How long it wants to be left alone.
    pub retry_after: Option<Duration>,
}

impl Refused {
    /// Whether dialling again can change nothing: the credential is void, or was never good.
    pub fn is_final(&self) -> bool {
        matches!(self.code, Some(Code::AuthenticationRequired | Code::PermissionDenied))
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Unreached(error.into())
    }
}

/// Opens the socket on a stream to the edge.
pub async fn open(
    edge: &Edge,
    stream: Stream,
    authorization: &str,
) -> Result<(Mouth, Ears), Failure> {
    let key = generate_key();
    let request = Request::get("/runner/v1/connect")
        .header("host", edge.authority())
        .header("connection", "Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", &key)
        .header("authorization", authorization)
        .body(Full::new(Bytes::new()))?;
    let answer = timeout(UPGRADE, edge::send(stream, request)).await;
    let answer = answer.context("connected, but the edge did not open a tunnel in time")??;
    if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Err(refused(answer).await);
    }
    let accept = answer.headers().get("sec-websocket-accept").map(|value| value.as_bytes());
    if accept != Some(derive_accept_key(key.as_bytes()).as_bytes()) {
        return Err(Failure::Unreached(anyhow::anyhow!(
            "something on the way garbled the upgrade"
        )));
    }
    let upgraded = hyper::upgrade::on(answer).await?;
    let config = WebSocketConfig::default()
        .max_message_size(Some(MESSAGE_MAX_BYTES + SLACK_BYTES))
        .max_frame_size(Some(MESSAGE_MAX_BYTES + SLACK_BYTES));
    let stream = TokioIo::new(upgraded);
    let socket = WebSocketStream::from_raw_socket(stream, Role::Client, Some(config)).await;
    Ok(socket.split())
}

async fn refused(answer: Response<Incoming>) -> Failure {
    let (head, body) = answer.into_parts();
    let text = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    let retry_after = text("retry-after").and_then(|value| value.parse().ok());
    let date = text("date").and_then(date::parse);
    let body = edge::whole(body).await.unwrap_or_default();
    Failure::Refused(Refused {
        words: edge::words(head.status, &body),
        code: edge::said(&body).map(|said| said.code),
        date,
        retry_after: retry_after.map(Duration::from_secs),
    })
}

/// The next thing that comes.
pub async fn hear(ears: &mut Ears) -> Heard {
    match ears.next().await {
        Some(Ok(Message::Binary(frames))) => Heard::Frames(frames),
        Some(Ok(Message::Text(text))) if text.as_str() == IDLE_PONG => Heard::Pong,
        Some(Ok(Message::Close(Some(frame)))) => {
            Heard::Closed(Some(frame.code.into()), frame.reason.as_str().to_owned())
        }
        Some(Ok(Message::Close(None))) | None => Heard::Closed(None, String::new()),
        Some(Ok(_)) => Heard::Noise,
        Some(Err(error)) => Heard::Closed(None, error.to_string()),
    }
}

/// Says a batch of frames, or an idle ping; the mouth comes back when it is said.
pub async fn say(mut mouth: Mouth, what: Said) -> Result<Mouth, tungstenite::Error> {
    let message = match what {
        Said::Frames(frames) => Message::Binary(frames),
        Said::Ping => Message::Text(IDLE_PING.into()),
        Said::Goodbye(reason) => {
            Message::Close(Some(CloseFrame { code: WireCode::Normal, reason: reason.into() }))
        }
    };
    mouth.send(message).await?;
    Ok(mouth)
}

/// What is said.
#[derive(Debug)]
pub enum Said {
    /// A batch of frames.
    Frames(Bytes),
    /// A sign of life that leaves the hub asleep.
    Ping,
    /// The end.
    Goodbye(String),
}
