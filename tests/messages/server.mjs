// Those who take mails and WhatsApp messages by HTTP, for tests: every call is held against
// openapi.json, and acts once for each key. One JSON object to a line: what happened goes out,
// rules come in: {"act": "refuse", "code": 429, "text": "…", "times": 1}, or "act": "drop", which
// takes the message and hangs up.

import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import express from "express";
import OpenApiValidator from "express-openapi-validator";

const tell = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);
const rules = [];
const taken = new Set();

const app = express();
app.use(express.json());
app.use(
  OpenApiValidator.middleware({
    apiSpec: fileURLToPath(new URL("openapi.json", import.meta.url)),
    validateResponses: true,
    validateSecurity: true,
  }),
);

app.post(["/emails", "/messages"], (request, response) => {
  const key = request.get("idempotency-key");
  const rule = rules.find((it) => it.times > 0);
  if (rule) rule.times -= 1;
  tell({ call: { path: request.path, key, refused: rule?.code ?? null } });
  if (rule?.act === "refuse") {
    response.socket.end(
      `HTTP/1.1 ${rule.code} Refused\r\ncontent-type: application/json\r\n` +
        `content-length: ${Buffer.byteLength(rule.text)}\r\nconnection: close\r\n\r\n${rule.text}`,
    );
    return;
  }
  if (!taken.has(key)) {
    taken.add(key);
    const bearer = request.get("authorization");
    tell({ message: { path: request.path, key, bearer, body: request.body } });
  }
  if (rule?.act === "drop") {
    response.socket.destroy();
    return;
  }
  response.json({ id: key });
});

app.use((error, request, response, _next) => {
  const why = { message: error.message, errors: error.errors ?? [] };
  tell({ invalid: { path: request.path, ...why } });
  response.status(error.status ?? 500).json(why);
});

createInterface({ input: process.stdin })
  .on("line", (line) => {
    rules.push(JSON.parse(line));
    tell({ rules: rules.length });
  })
  .on("close", () => process.exit(0));

const server = app.listen(0, "127.0.0.1", () => tell({ port: server.address().port }));
