// A stand-in for Stripe: state behind a front that refuses whatever Stripe's own description
// refuses. It listens on this machine only, says where on its first line, and ends when its input
// does.
//
//     node server.mjs [--validate-responses] [--port N]

import express from "express";
import OpenApiValidator from "express-openapi-validator";

import { Refusal, account as accountOf } from "./account.mjs";
import { control } from "./control.mjs";
import { VERSION, document, requestsOnly } from "./document.mjs";
import { pages } from "./page.mjs";
import { ROUTES, expanded } from "./routes.mjs";

const validateResponses = process.argv.includes("--validate-responses");
const port = Number(process.argv[process.argv.indexOf("--port") + 1]) || 0;

const app = express();
app.disable("x-powered-by");
app.set("query parser", "extended");

let origin = "";
pages(app.use("/pay", express.urlencoded({ extended: false })));

app.post("/control/:verb", express.json({ limit: "10mb" }), async (request, reply) => {
  reply.json(await control(accountOf(bearer(request)), request.params.verb, request.body ?? {}));
});

app.use("/v1", (request, _reply, next) => {
  const key = bearer(request);
  if (!key) {
    throw new Refusal(401, {
      type: "invalid_request_error",
      message: "You did not provide an API key.",
    });
  }
  request.account = accountOf(key);
  const { method, originalUrl: path, headers } = request;
  request.note = { method, path, key: headers["idempotency-key"] ?? null, status: 0 };
  request.account.requests.push(request.note);
  next();
});
app.use(express.urlencoded({ extended: true, limit: "1mb" }));
app.use("/v1", (request, _reply, next) => {
  request.note.body = structuredClone(request.body ?? {});
  if (request.headers["stripe-version"] !== VERSION) {
    throw refused(request, `Stripe-Version is not ${VERSION}`);
  }
  next();
});
app.use("/v1", before);
app.use(
  OpenApiValidator.middleware({
    apiSpec: validateResponses ? document : requestsOnly(),
    validateApiSpec: false,
    validateSecurity: false,
    validateRequests: { coerceTypes: true, allowUnknownQueryParameters: false },
    validateResponses,
    ignorePaths: /^\/(pay|authenticate|control)/,
  }),
);

for (const [call, act] of Object.entries(ROUTES)) {
  const [method, path] = call.split(" ");
  app[method](path, (request, reply) => answer(request, reply, act));
}

/** What goes wrong before anything is done. */
async function before(request, reply, next) {
  const fault = take(request, ["429", "500", "slow", "refuse"]);
  if (fault?.kind === "slow") {
    await new Promise((resolve) => setTimeout(resolve, fault.ms ?? 1_000));
  } else if (fault?.kind === "429") {
    const message = "Too many requests hit the API too quickly.";
    throw new Refusal(429, { type: "invalid_request_error", code: "rate_limit", message });
  } else if (fault?.kind === "500") {
    throw new Refusal(500, { type: "api_error", message: "Something went wrong on our side." });
  } else if (fault?.kind === "refuse") {
    return request.socket.destroy();
  }
  next();
}

/** The next fault that is meant for this call, of these kinds. */
function take(request, kinds) {
  const { faults } = request.account;
  const path = request.originalUrl.split("?")[0];
  const meant = (it) =>
    it.times > 0 &&
    kinds.includes(it.kind) &&
    (!it.method || it.method === request.method) &&
    (!it.path || path.startsWith(it.path));
  const fault = faults.find(meant);
  if (fault) fault.times -= 1;
  return fault;
}

/** Answers a call, once for each idempotency key. */
async function answer(request, reply, act) {
  const { account, params, method } = request;
  const key = method === "POST" ? request.note.key : null;
  const said = JSON.stringify([request.path, request.body]);
  const known = key && account.answers.get(key);
  if (known && known.said !== said) {
    const message = `Keys for idempotent requests can only be used with the same parameters they \
were first used with. Try using a key other than '${key}'.`;
    throw new Refusal(400, { type: "idempotency_error", message });
  }
  if (known && !known.status) {
    const message = "There is currently another in-progress request using this Idempotent Key.";
    throw new Refusal(409, {
      type: "invalid_request_error",
      code: "idempotency_key_in_use",
      message,
    });
  }
  if (known) return send(request, reply.set("idempotent-replayed", "true"), known);
  const kept = { said, status: 0 };
  if (key) account.answers.set(key, kept);
  const held = take(request, ["held"]);
  if (held) await new Promise((resolve) => setTimeout(resolve, held.ms ?? 1_000));
  const { path, query, body = {} } = request;
  try {
    const made = act(account, { id: params.id, path, query, body, origin, key });
    kept.body = expanded(account, made, body.expand ?? query.expand);
    kept.status = 200;
  } catch (error) {
    if (!(error instanceof Refusal)) {
      account.answers.delete(key);
      throw error;
    }
    // What was refused for its form was not begun, and may be said better under the same key.
    if (error.status === 400) account.answers.delete(key);
    Object.assign(kept, { status: error.status, body: { error: error.error } });
  }
  const late = take(request, ["late"]);
  if (late) {
    // It is said as it was, whatever happens meanwhile.
    kept.body = structuredClone(kept.body);
    request.note.late = true;
    await new Promise((resolve) => setTimeout(resolve, late.ms ?? 1_000));
  }
  send(request, reply, kept);
}

function send(request, reply, { status, body }) {
  const lost = take(request, ["cut", "500 after"]);
  if (lost?.kind === "cut") return request.socket.destroy();
  if (lost) throw new Refusal(500, { type: "api_error", message: "Something went wrong." });
  request.note.status = status;
  reply.set("request-id", request.account.newId("req_")).status(status).json(body);
}

/** Notes that a call is not as the description has it. */
function refused(request, message, status = 400) {
  const { method, originalUrl: path, body } = request;
  request.account.refusals.push({ method, path, message, body });
  return new Refusal(status, { type: "invalid_request_error", message });
}

app.use((error, request, reply, _next) => {
  const ours = error instanceof Refusal;
  const known = ours || !request.account ? error : refused(request, say(error), error.status);
  const status = known.status ?? 500;
  if (!ours && (status >= 500 || !request.account)) console.error(error);
  if (request.note) request.note.status = status;
  reply
    .status(status)
    .json({ error: known.error ?? { type: "api_error", message: known.message } });
});

/** What the front has against a call, with the places. */
function say(error) {
  const places = error.errors?.map(({ path, message }) => `${path}: ${message}`);
  return places?.join("; ") || error.message;
}

/** The secret key, as either kind of client sends it. */
function bearer(request) {
  const [scheme, value = ""] = (request.headers.authorization ?? "").split(" ");
  if (scheme === "Basic") return Buffer.from(value, "base64").toString().split(":")[0];
  return scheme === "Bearer" ? value : "";
}

const server = app.listen(port, "127.0.0.1", () => {
  origin = `http://127.0.0.1:${server.address().port}`;
  console.log(JSON.stringify({ url: origin }));
});
server.keepAliveTimeout = 60_000;
process.stdin.resume().on("end", () => process.exit());
