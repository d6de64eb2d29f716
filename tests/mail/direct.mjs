// A mail by the shortest way, for the bench to compare with: one SMTP session with STARTTLS and
// AUTH PLAIN for each line of the input, which is the address to write to.

import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { createInterface } from "node:readline";
import { connect as secure } from "node:tls";

const [port, certificate, username, password] = process.argv.slice(2);
const ca = readFileSync(certificate);
const tell = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);

/** Says a line and hears the whole reply to it. */
function talk(socket, line) {
  return new Promise((heard, broken) => {
    let text = "";
    const hear = (piece) => {
      text += piece;
      if (!/^\d{3} .*\r\n$/m.test(text)) return;
      socket.off("data", hear);
      heard(text);
    };
    socket.on("data", hear);
    socket.once("error", broken);
    if (line) socket.write(`${line}\r\n`);
  });
}

async function send(to) {
  let socket = connect(Number(port), "127.0.0.1");
  await talk(socket);
  await talk(socket, "EHLO bench.test");
  await talk(socket, "STARTTLS");
  const raw = socket;
  raw.removeAllListeners("data");
  socket = secure({ socket: raw, ca, servername: "localhost" });
  await new Promise((ready) => socket.once("secureConnect", ready));
  await talk(socket, "EHLO bench.test");
  const token = Buffer.from(`\0${username}\0${password}`).toString("base64");
  await talk(socket, `AUTH PLAIN ${token}`);
  await talk(socket, "MAIL FROM:<hello@gantry.test>");
  await talk(socket, `RCPT TO:<${to}>`);
  await talk(socket, "DATA");
  const names = ["From: <hello@gantry.test>", `To: <${to}>`, "Subject: bench"];
  const lines = [...names, `Message-ID: <${Date.now()}@bench.test>`, "", "text ".repeat(150)];
  await talk(socket, [...lines, "text ".repeat(150), "."].join("\r\n"));
  socket.end("QUIT\r\n");
}

createInterface({ input: process.stdin })
  .on("line", (line) => send(JSON.parse(line)).then(() => tell({ sent: true })))
  .on("close", () => process.exit(0));

tell({ ready: true });
