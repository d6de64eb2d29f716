// A mail server for tests: `smtp-server` twice, with STARTTLS and with TLS from the start. It takes
// every mail, unless a rule says otherwise. One JSON object to a line: what happened goes
// out, rules come in: {"at": "auth" | "rcpt" | "data", "act": "refuse" | "drop" | "stall",
// "code": 451, "text": "…", "times": 1}.

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import PostalMime from "postal-mime";
import { SMTPServer } from "smtp-server";

const [certificate, key, most] = process.argv.slice(2);
const tell = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);
const rules = [];

/** The first rule for this moment that is not used up. */
function rule(at) {
  const found = rules.find((it) => it.at === at && it.times > 0);
  if (found) found.times -= 1;
  return found;
}

const refusal = ({ code, text }) => Object.assign(new Error(text), { responseCode: code });

function serve(secure) {
  const server = new SMTPServer({
    secure,
    cert: readFileSync(certificate),
    key: readFileSync(key),
    authMethods: ["PLAIN", "LOGIN"],
    size: Number(most) || undefined,
    disableReverseLookup: true,
    logger: false,
    onAuth({ method, username, password }, session, done) {
      tell({ auth: { method, username, password, secure: session.secure } });
      const refused = rule("auth");
      if (refused?.act === "stall") return;
      if (refused) return done(refusal(refused));
      done(null, { user: username });
    },
    onRcptTo({ address }, session, done) {
      const refused = rule("rcpt");
      tell({ rcpt: { address, refused: refused?.code ?? null } });
      if (refused?.act === "stall") return;
      done(refused && refusal(refused));
    },
    onData(stream, session, done) {
      const pieces = [];
      stream.on("data", (piece) => pieces.push(piece));
      stream.on("end", () => take(server, session, Buffer.concat(pieces), done));
    },
  });
  server.on("error", (error) => tell({ error: error.message }));
  return new Promise((listening) => {
    server.listen(0, "127.0.0.1", () => listening(server.server.address().port));
  });
}

async function take(server, session, raw, done) {
  const other = rule("data");
  if (other?.act === "refuse") {
    tell({ refused: other.code });
    return done(refusal(other));
  }
  const { from, to, subject, text, html, headers, messageId } = await PostalMime.parse(raw);
  const { mailFrom, rcptTo } = session.envelope;
  const envelope = { from: mailFrom.address, to: rcptTo.map(({ address }) => address) };
  tell({
    mail: {
      envelope, from, to, subject, text, html, headers, messageId,
      raw: raw.toString("latin1"), secure: session.secure, user: session.user ?? null,
    },
  });
  if (other?.act === "stall") return;
  if (other?.act === "drop") {
    for (const each of server.connections) {
      if (each.id === session.id) each._socket.destroy();
    }
    return;
  }
  done(null, "taken");
}

createInterface({ input: process.stdin })
  .on("line", (line) => {
    rules.push(JSON.parse(line));
    tell({ rules: rules.length });
  })
  .on("close", () => process.exit(0));

tell({ starttls: await serve(false), tls: await serve(true) });
