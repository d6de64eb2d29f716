// What only the platform's own objects can do, or what would cost Rust one crossing for every step.
// Mechanics only: every decision is made by whoever calls.

import { connect } from "cloudflare:sockets";

/** The bearer, the two content headers, the length, the address and the thread, one to a line. */
export function head(request) {
  const headers = request.headers;
  const named = (name) => headers.get(name) ?? "";
  const thread = headers.get("thread_id") ?? headers.get("thread-id") ?? threadOf(headers);
  return [
    named("authorization"),
    named("content-type"),
    named("content-encoding"),
    named("content-length"),
    named("cf-connecting-ip"),
    thread,
  ].join("\n");
}

/** Proxies drop headers with underscores; the same id stands in the turn's metadata. */
function threadOf(headers) {
  const metadata = headers.get("x-codex-turn-metadata");
  if (metadata === null) return "";
  try {
    const { thread_id: thread } = JSON.parse(metadata);
    return typeof thread === "string" ? thread : "";
  } catch {
    return "";
  }
}

/**
 * The body of a request that did not say its length, as one buffer, or nothing if it has more bytes
 * than that. It is read in pieces, and no further.
 */
export function body(request, most) {
  return bodyOf(request, most);
}

async function bodyOf(message, most) {
  const pieces = [];
  let size = 0;
  for await (const piece of message.body ?? []) {
    size += piece.byteLength;
    if (size > most) return undefined;
    pieces.push(piece);
  }
  return new Blob(pieces).arrayBuffer();
}

/** One header, or the empty text. */
export function header(message, name) {
  return message.headers.get(name) ?? "";
}

/** A response of the given lines of `name: value`. */
export function answer(status, lines, body) {
  return new Response(body, { status, headers: record(lines) });
}

function record(lines) {
  const headers = {};
  for (const line of lines.split("\n")) {
    const colon = line.indexOf(": ");
    headers[line.slice(0, colon)] = line.slice(colon + 2);
  }
  return headers;
}

/** What may go on to a provider; never a credential, a cookie or an address. */
const FORWARDED = new RegExp(
  "^(accept|content-type|user-agent|originator|version|session[-_]id|thread[-_]id" +
    "|openai-beta|x-client-request-id|x-codex-.*|x-openai-.*)$",
);

/** A request on its way to a provider. */
export class Dispatch {
  constructor(request, url, key, body) {
    const headers = { authorization: `Bearer ${key}`, "accept-encoding": "identity" };
    for (const [name, value] of request.headers) {
      if (FORWARDED.test(name)) headers[name] = value;
    }
    // One for the answer and, later, for its way to the client: see `Tap`.
    this.cutter = new AbortController();
    const { signal } = this.cutter;
    this.answer = fetch(url, { method: "POST", headers, body, redirect: "manual", signal });
  }

  /** Hangs up: a provider that nobody waits for any more must not go on at our cost. */
  abort() {
    this.answer.catch(() => {});
    this.cutter.abort();
  }
}

/** What a provider says of its body and of the turn: its type and the state, line by line. */
export function told(answer) {
  const headers = answer.headers;
  return `${headers.get("content-type") ?? ""}\n${headers.get("x-codex-turn-state") ?? ""}`;
}

/** Lets go of an answer's body. */
export function discard(answer) {
  answer.body?.cancel().catch(() => {});
}

/** A response that begins before its provider's does. */
export class Opening {
  constructor() {
    this.stream = new IdentityTransformStream();
  }

  get readable() {
    return this.stream.readable;
  }

  /** Writes text; false when nobody is there to read it. */
  async say(text) {
    const writer = this.stream.writable.getWriter();
    try {
      await writer.write(new TextEncoder().encode(text));
      return true;
    } catch {
      return false;
    } finally {
      writer.releaseLock();
    }
  }

  /** Ends the response. */
  async end() {
    await this.stream.writable.close().catch(() => {});
  }
}

const BLOCK_BYTES = 65_536;

/**
 * A provider's stream on its way to a client, with a copy to read: the client's hang-up ends only
 * its own.
 */
export class Tap {
  constructor(body, opening, dispatch) {
    const [forth, copy] = body.tee();
    this.stream = opening.stream;
    this.cutter = dispatch.cutter;
    this.reader = copy.getReader({ mode: "byob" });
    const { writable } = opening.stream;
    const { signal } = this.cutter;
    // 1: all is delivered; 2: the client has left, or the provider broke off.
    this.delivered = forth
      .pipeTo(writable, { preventClose: true, preventAbort: true, signal })
      .then(() => writable.close())
      .then(
        () => 1,
        (broken) => {
          // Who cuts has a last word to say; what breaks off by itself does so for the client too.
          if (!signal.aborted) writable.abort(broken).catch(() => {});
          return 2;
        },
      );
  }

  /** The next block of the copy, of at least so many bytes if there are; nothing at the end. */
  async read(least) {
    const { value } = await this.reader.readAtLeast(least, new Uint8Array(BLOCK_BYTES));
    return value?.byteLength > 0 ? value : undefined;
  }

  /** Ends the client's stream with a last text, and the provider's at once. */
  async cut(text) {
    this.cutter.abort();
    await this.delivered;
    await this.reader.cancel().catch(() => {});
    const writer = this.stream.writable.getWriter();
    await writer.write(new TextEncoder().encode(text)).catch(() => {});
    await writer.close().catch(() => {});
  }

  /** Lets go of the provider. */
  async drop() {
    this.cutter.abort();
    await this.reader.cancel().catch(() => {});
  }
}

/** A stream that begins with some text. */
export function prefixed(text, stream) {
  const { readable, writable } = new IdentityTransformStream();
  const begin = async () => {
    const writer = writable.getWriter();
    await writer.write(new TextEncoder().encode(text));
    writer.releaseLock();
    await stream.pipeTo(writable);
  };
  // Whoever reads it has left, or it has broken off: either way it ends for both.
  begin().catch((broken) => stream.cancel(broken).catch(() => {}));
  return readable;
}

/** What a stranger has at an address: its status, and its text if it is there and not too long. */
export async function read(url, accept, ms, most) {
  const signal = AbortSignal.timeout(ms);
  const answer = await fetch(url, { headers: { accept }, signal });
  const length = Number(answer.headers.get("content-length") ?? 0);
  if (answer.status !== 200 || length > most) {
    discard(answer);
    return [answer.status, undefined];
  }
  const bytes = await body(answer, most);
  return [answer.status, bytes && new TextDecoder().decode(bytes)];
}

/**
 * Asks a stranger for something: its status, its text if it is not too long, and one header of it.
 * Nobody is followed elsewhere.
 */
export async function call(method, url, lines, body, ms, most, told) {
  const signal = AbortSignal.timeout(ms);
  const init = { method, headers: record(lines), body, redirect: "manual", signal };
  const answer = await fetch(url, init);
  const length = Number(answer.headers.get("content-length") ?? 0);
  const header = answer.headers.get(told) ?? "";
  if (length > most) {
    discard(answer);
    return [answer.status, undefined, header];
  }
  const bytes = await bodyOf(answer, most);
  return [answer.status, bytes && new TextDecoder().decode(bytes), header];
}

/** Whether a key, as a JSON Web Key, signed some text with RS256. */
export async function verifyRs256(key, text, signature) {
  const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
  const { subtle } = crypto;
  const imported = await subtle.importKey("jwk", JSON.parse(key), algorithm, false, ["verify"]);
  return subtle.verify(algorithm, imported, signature, new TextEncoder().encode(text));
}

/** Calls an object with a request as it is. */
export function handOn(stub, request) {
  return stub.fetch(request);
}

/** Puts bytes to an object, and gives what it answers as bytes. */
export async function put(stub, bytes) {
  const answer = await stub.fetch("http://object/", { method: "PUT", body: bytes });
  return answer.arrayBuffer();
}

/** Calls an object with a request, of which only the address is another. */
export function handTo(stub, url, request) {
  return stub.fetch(new Request(url, request));
}

/** Asks an object for something that it streams. */
export function look(stub, url) {
  return stub.fetch(url);
}

/** A response of bytes. */
export function bytesAnswer(bytes) {
  return new Response(bytes);
}

/**
 * Takes a socket in, whose messages wake the object and whose pings do not, and answers the request
 * with its other end.
 */
export function accept(state, tag, ping, pong) {
  const [theirs, ours] = Object.values(new WebSocketPair());
  state.setWebSocketAutoResponse(new WebSocketRequestResponsePair(ping, pong));
  state.acceptWebSocket(ours, [tag]);
  return new Response(null, { status: 101, webSocket: theirs });
}

/** When a socket's last ping was answered without the object, in milliseconds; 0 if none was. */
export function pingedAt(state, socket) {
  return state.getWebSocketAutoResponseTimestamp(socket)?.getTime() ?? 0;
}

/**
 * A socket that its object serves itself while it is open. Messages wait in order until they are
 * heard, so many and so large at most; what is no text is passed over.
 */
export class Socket {
  constructor(most, bytes) {
    const [theirs, ours] = Object.values(new WebSocketPair());
    Object.assign(this, { theirs, ours, most, bytes, inbox: [], held: 0, over: false });
    ours.accept();
    ours.addEventListener("message", ({ data }) => this.take(data));
    ours.addEventListener("close", () => this.end(1000, ""));
    ours.addEventListener("error", () => this.end(1011, ""));
  }

  /** The answer to whoever asked for the socket: its other end. */
  get answer() {
    return new Response(null, { status: 101, webSocket: this.theirs });
  }

  take(data) {
    if (this.over || typeof data !== "string") return;
    this.held += data.length;
    this.inbox.push(data);
    if (this.inbox.length > this.most || this.held > this.bytes) {
      this.end(1008, "more was sent than can be taken at once");
    }
    this.wake?.();
  }

  /** The next message; nothing at the end. */
  async hear() {
    while (this.inbox.length === 0 && !this.over) {
      await new Promise((wake) => (this.wake = wake));
    }
    const text = this.inbox.shift();
    this.held -= text?.length ?? 0;
    return text;
  }

  /** Says something; false when nobody is there to hear it. */
  say(text) {
    if (this.over) return false;
    try {
      this.ours.send(text);
      return true;
    } catch {
      this.end(1011, "");
      return false;
    }
  }

  /** Hangs up, or answers that the other end did. */
  end(code, reason) {
    if (!this.over) {
      this.over = true;
      this.inbox.length = 0;
      try {
        this.ours.close(code, reason);
      } catch {
        // It is closed already.
      }
    }
    this.wake?.();
  }
}

/** A body of known length, on its way to whoever reads it. */
export class Transfer {
  constructor(size) {
    const stream = new FixedLengthStream(size);
    this.readable = stream.readable;
    this.writer = stream.writable.getWriter();
    this.writer.closed.catch(() => {});
  }

  /** Writes a piece; false when nobody is there to read it. */
  async write(bytes) {
    try {
      await this.writer.write(bytes);
      return true;
    } catch {
      return false;
    }
  }

  /** Ends it, whole. */
  async end() {
    await this.writer.close().catch(() => {});
  }

  /** Breaks it off, so that nobody takes it for whole. */
  async cut(why) {
    await this.writer.abort(new Error(why)).catch(() => {});
  }
}

/** A connection to a mail server. Whoever it serves decides what is said. */
export class Line {
  constructor(hostname, port, secure) {
    const secureTransport = secure ? "on" : "starttls";
    this.take(connect({ hostname, port }, { secureTransport, allowHalfOpen: false }));
  }

  take(socket) {
    this.socket = socket;
    // Told by whoever reads; not by nobody.
    socket.opened.catch(() => {});
    socket.closed.catch(() => {});
    this.reader = socket.readable.getReader();
    this.writer = socket.writable.getWriter();
  }

  /** What is heard next; nothing at the end. */
  async hear() {
    const { value } = await this.reader.read();
    return value;
  }

  say(bytes) {
    return this.writer.write(bytes);
  }

  /** Goes on under TLS. */
  secure() {
    this.reader.releaseLock();
    this.writer.releaseLock();
    this.take(this.socket.startTls());
    return this.socket.opened;
  }

  /** Hangs up. */
  end() {
    this.socket.close().catch(() => {});
  }
}
