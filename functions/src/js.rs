//! The platform's own objects, as Rust sees them: declarations of `glue.js`, and nothing else.

use std::panic::AssertUnwindSafe;

use js_sys::{ArrayBuffer, Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use worker::worker_sys::DurableObjectState;

#[wasm_bindgen(module = "/src/glue.js")]
extern "C" {
    /// See `glue.js`: six lines of a request's head.
    pub fn head(request: &web_sys::Request) -> String;
    /// The body as an `ArrayBuffer`, or nothing if it has more bytes than `most`.
    pub fn body(request: &web_sys::Request, most: usize) -> Promise;
    /// One header of a request, or the empty text.
    #[wasm_bindgen(js_name = header)]
    pub fn request_header(request: &web_sys::Request, name: &str) -> String;
    /// One header of a response, or the empty text.
    #[wasm_bindgen(js_name = header)]
    pub fn response_header(response: &web_sys::Response, name: &str) -> String;
    /// A response with headers from lines of `name: value`.
    #[wasm_bindgen(catch)]
    pub fn answer(status: u16, lines: &str, body: &JsValue) -> Result<web_sys::Response, JsValue>;
    /// A request on its way to a provider.
    pub type Dispatch;
    #[wasm_bindgen(constructor)]
    pub fn new(request: &web_sys::Request, url: &str, key: &str, body: &ArrayBuffer) -> Dispatch;
    #[wasm_bindgen(method, getter)]
    pub fn answer(this: &Dispatch) -> Promise;
    #[wasm_bindgen(method)]
    pub fn abort(this: &Dispatch);
    /// What a provider says: its body's type and the turn's state, one to a line.
    pub fn told(answer: &web_sys::Response) -> String;
    /// Lets go of an answer's body.
    pub fn discard(answer: &web_sys::Response);

    /// A stream that begins with some text.
    pub fn prefixed(text: &str, stream: &web_sys::ReadableStream) -> web_sys::ReadableStream;
    /// A stranger's status and, if it is 200 and no longer than `most`, text: `[status, text?]`.
    pub fn read(url: &str, accept: &str, ms: u32, most: usize) -> Promise;

    /// Asks a stranger for something: `[status, text?, header]`. See `remote::http`.
    pub fn call(
        method: &str,
        url: &str,
        lines: &str,
        body: &JsValue,
        ms: u32,
        most: usize,
        told: &str,
    ) -> Promise;

    /// Whether a key (a JSON Web Key) signed some text with RS256.
    #[wasm_bindgen(js_name = verifyRs256)]
    pub fn verify_rs256(key: &str, text: &str, signature: &Uint8Array) -> Promise;

    /// Calls an object with a request as it is.
    #[wasm_bindgen(js_name = handOn)]
    pub fn hand_on(stub: &JsValue, request: &web_sys::Request) -> Promise;

    /// A response that begins before its provider's does.
    pub type Opening;
    #[wasm_bindgen(constructor)]
    pub fn new() -> Opening;
    #[wasm_bindgen(method, getter)]
    pub fn readable(this: &Opening) -> web_sys::ReadableStream;
    #[wasm_bindgen(method)]
    pub fn say(this: &Opening, text: &str) -> Promise;
    #[wasm_bindgen(method)]
    pub fn end(this: &Opening) -> Promise;

    /// A provider's stream on its way to a client, with a copy to read.
    pub type Tap;
    #[wasm_bindgen(constructor, catch)]
    pub fn new(
        body: &web_sys::ReadableStream,
        opening: &Opening,
        dispatch: &Dispatch,
    ) -> Result<Tap, JsValue>;
    #[wasm_bindgen(method, getter)]
    pub fn delivered(this: &Tap) -> Promise;
    #[wasm_bindgen(method)]
    pub fn read(this: &Tap, least: u32) -> Promise;
    #[wasm_bindgen(method)]
    pub fn cut(this: &Tap, text: &str) -> Promise;
    #[wasm_bindgen(method)]
    pub fn drop(this: &Tap) -> Promise;

    /// Puts bytes to an object, for what it answers as an `ArrayBuffer`.
    pub fn put(stub: &JsValue, bytes: &Uint8Array) -> Promise;
    /// Calls an object with a request, of which only the address is another.
    #[wasm_bindgen(js_name = handTo)]
    pub fn hand_to(stub: &JsValue, url: &str, request: &web_sys::Request) -> Promise;
    /// Asks an object for something that it streams.
    pub fn look(stub: &JsValue, url: &str) -> Promise;
    /// A response of bytes.
    #[wasm_bindgen(js_name = bytesAnswer)]
    pub fn bytes_answer(bytes: &Uint8Array) -> web_sys::Response;
    /// Takes a socket in, and answers the request with its other end.
    #[wasm_bindgen(catch)]
    pub fn accept(
        state: &DurableObjectState,
        tag: &str,
        ping: &str,
        pong: &str,
    ) -> Result<web_sys::Response, JsValue>;
    /// When a socket's last ping was answered without the object; 0 if none was.
    #[wasm_bindgen(js_name = pingedAt)]
    pub fn pinged_at(state: &DurableObjectState, socket: &web_sys::WebSocket) -> f64;

    /// A socket that its object serves itself: see `glue.js`.
    pub type Socket;
    #[wasm_bindgen(constructor)]
    pub fn new(most: u32, bytes: u32) -> Socket;
    #[wasm_bindgen(method, getter)]
    pub fn answer(this: &Socket) -> web_sys::Response;
    #[wasm_bindgen(method)]
    pub fn hear(this: &Socket) -> Promise;
    #[wasm_bindgen(method)]
    pub fn say(this: &Socket, text: &str) -> bool;
    #[wasm_bindgen(method)]
    pub fn end(this: &Socket, code: u16, reason: &str);

    /// A body of known length, on its way to whoever reads it.
    pub type Transfer;
    #[wasm_bindgen(constructor)]
    pub fn new(size: f64) -> Transfer;
    #[wasm_bindgen(method, getter)]
    pub fn readable(this: &Transfer) -> web_sys::ReadableStream;
    #[wasm_bindgen(method)]
    pub fn write(this: &Transfer, bytes: &Uint8Array) -> Promise;
    #[wasm_bindgen(method)]
    pub fn end(this: &Transfer) -> Promise;
    #[wasm_bindgen(method)]
    pub fn cut(this: &Transfer, why: &str) -> Promise;

    /// A connection to a mail server.
    pub type Line;
    #[wasm_bindgen(constructor, catch)]
    pub fn new(hostname: &str, port: u16, secure: bool) -> Result<Line, JsValue>;
    #[wasm_bindgen(method)]
    pub fn hear(this: &Line) -> Promise;
    #[wasm_bindgen(method)]
    pub fn say(this: &Line, bytes: &Uint8Array) -> Promise;
    #[wasm_bindgen(method, catch)]
    pub fn secure(this: &Line) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method)]
    pub fn end(this: &Line);
}

/// A future as the platform awaits it. A panic in it rejects the promise and ends nothing else:
/// what it may have left half done is in cells that are borrowed for a turn and changed last.
pub fn promise(work: impl Future<Output = Result<JsValue, JsValue>> + 'static) -> Promise {
    js_sys::futures::future_to_promise(AssertUnwindSafe(work))
}

/// What JavaScript threw, in words for the log.
pub fn said(thrown: &JsValue) -> String {
    let message = js_sys::Reflect::get(thrown, &"message".into()).ok();
    let text = message.and_then(|m| m.as_string()).or_else(|| thrown.as_string());
    text.unwrap_or_else(|| format!("{thrown:?}"))
}

/// The bytes of a buffer.
pub fn bytes(buffer: &ArrayBuffer) -> Vec<u8> {
    Uint8Array::new(buffer).to_vec()
}
