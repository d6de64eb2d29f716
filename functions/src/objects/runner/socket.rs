//! The runner's socket: which one counts, and whether its other end lives. The platform keeps it
//! while the object sleeps; its tag is its generation.

use std::rc::Rc;

use js_sys::Uint8Array;
use schema::{
    Error, Result, Timestamp,
    tunnel::{CloseCode, IDLE_PING, IDLE_PONG},
};
use serde::Deserialize;
use web_sys::WebSocket;

use super::Inner;
use crate::{cx, domain::hub::Input, js};

/// A sign of life that is older is looked for anew before it is relied on.
const FRESH_MS: i64 = 1_000;
/// Bytes that the reason of a close has at most (RFC 6455 section 5.5).
const REASON_MAX_BYTES: usize = 123;

/// The query of a runner's own connection.
#[derive(Deserialize)]
pub(super) struct ConnectionOf {
    generation: u64,
}

impl Inner {
    /// Lets the runner's connection in, and whoever held it before go.
    pub(super) fn connect(self: &Rc<Self>, at: ConnectionOf) -> Result<web_sys::Response> {
        let ConnectionOf { generation } = at;
        self.wake()?;
        self.with(|hub| hub.admit(generation))??;
        let tag = generation.to_string();
        let response = js::accept(self.state.as_raw(), &tag, IDLE_PING, IDLE_PONG);
        let response = response.map_err(|thrown| Error::internal(js::said(&thrown)))?;
        self.try_step(Input::Opened { generation })?;
        worker::console_log!("{{\"event\":\"runner dialled\",\"generation\":{generation}}}");
        Ok(response)
    }

    pub(super) fn send(&self, bytes: &[u8]) {
        let generation = self.with(|hub| hub.kept().generation).unwrap_or_default();
        let Some(socket) = self.socket_of(generation) else { return };
        let sent = socket.send_with_js_u8_array(&Uint8Array::from(bytes));
        if let Err(thrown) = sent {
            // It is gone, which is told by its own event.
            worker::console_error!("socket: {}", js::said(&thrown));
        }
    }

    pub(super) fn close(&self, generation: u64, code: CloseCode, reason: &str) {
        let reason: String = reason.chars().filter(char::is_ascii).take(REASON_MAX_BYTES).collect();
        if let Some(socket) = self.socket_of(generation) {
            let _ = socket.close_with_code_and_reason(code.number(), &reason);
        }
        self.forget_socket(generation);
    }

    /// A socket is closed, or about to be.
    pub(super) fn forget_socket(&self, generation: u64) {
        self.socket.borrow_mut().take_if(|(it, _)| *it == generation);
    }

    /// The socket of a generation, if it is open.
    pub(super) fn socket_of(&self, generation: u64) -> Option<WebSocket> {
        let mut kept = self.socket.borrow_mut();
        if let Some((_, socket)) = kept.as_ref().filter(|(it, _)| *it == generation) {
            return Some(socket.clone());
        }
        let found = self.state.as_raw().get_websockets_with_tag(&generation.to_string());
        let found = found.ok()?.into_iter().find(|it| it.ready_state() == WebSocket::OPEN)?;
        *kept = Some((generation, found.clone()));
        Some(found)
    }

    /// A socket's generation is its tag.
    pub(super) fn generation_of(&self, socket: &WebSocket) -> u64 {
        if let Some((generation, _)) = self.socket.borrow().as_ref().filter(|(_, it)| it == socket)
        {
            return *generation;
        }
        let tags = self.state.as_raw().get_tags(socket).unwrap_or_default();
        tags.first().and_then(|tag| tag.parse().ok()).unwrap_or(0)
    }

    /// When the platform last answered for the runner's being alive.
    pub(super) fn alive_at(&self) -> Option<Timestamp> {
        let generation = self.with(|hub| hub.kept().generation).ok()?;
        let socket = self.socket_of(generation)?;
        #[expect(clippy::cast_possible_truncation, reason = "a millisecond count fits")]
        let millis = js::pinged_at(self.state.as_raw(), &socket) as i64;
        let config = cx::config(&self.env).ok()?;
        (millis > 0).then(|| Timestamp::from_millis(millis + config.clock_skew_ms))
    }

    /// Asks the platform for signs of life, where memory has none that is fresh.
    pub(super) fn look_alive(self: &Rc<Self>, now: Timestamp) {
        let seen_at = self.with(|hub| hub.kept().seen_at).ok().flatten();
        if seen_at.is_some_and(|seen_at| now.since(seen_at) >= FRESH_MS) {
            self.step(Input::Tick { alive_at: self.alive_at() });
        }
    }
}
