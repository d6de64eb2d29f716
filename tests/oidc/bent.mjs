// An OpenID provider whose tokens can be bent: node bent.mjs PORT. It asks nobody to log in.
//
// `POST /_bend {"claims", "make", "callback", "discovery", "status"}` says how, until the next:
// claims are set or (null) left out; `make` is who signs instead; `callback` is set in the address
// that a browser is sent back to; `discovery` in what it says of itself; `status` is the token
// endpoint's. `GET /_asked` counts requests by path.

import { createHmac, createPublicKey, createSign, generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import { OAuth2Server } from "oauth2-mock-server";

const port = Number(process.argv[2]);
const server = new OAuth2Server();
server.issuer.url = `http://127.0.0.1:${port}`;
let current = await server.issuer.keys.generate("RS256", { kid: "first" });
const strange = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;

let bend = {};
const asked = {};

const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

function change(target, by = {}) {
  for (const [name, value] of Object.entries(by)) {
    if (value === null) delete target[name];
    else target[name] = value;
  }
}

function sign(alg, kid, payload, signature) {
  const text = `${encode({ alg, kid })}.${payload}`;
  return `${text}.${signature(text)}`;
}

const rsa = (key) => (text) => createSign("RSA-SHA256").update(text).sign(key, "base64url");
const jwk = (key) => ({ key, format: "jwk" });

const MAKE = {
  none: (payload) => sign("none", "first", payload, () => ""),
  // The public key, which everybody has, taken for a password.
  hs256: (payload) => {
    const pem = createPublicKey(jwk(current)).export({ type: "spki", format: "pem" });
    const mac = (text) => createHmac("sha256", pem).update(text).digest("base64url");
    return sign("HS256", "first", payload, mac);
  },
  stranger: (payload) => sign("RS256", "first", payload, rsa(strange)),
  unlisted: (payload) => sign("RS256", "nobody-has-it", payload, rsa(strange)),
  // Signed with the newest key, which need not have been there when keys were last read.
  newest: (payload) => sign("RS256", current.kid, payload, rsa(jwk(current))),
  unnamed: (payload) => sign("RS256", undefined, payload, rsa(jwk(current))),
  altered: (payload, token) => {
    const claims = JSON.parse(Buffer.from(payload, "base64url"));
    const [head, , signature] = token.split(".");
    return `${head}.${encode({ ...claims, sub: "somebody-else" })}.${signature}`;
  },
  garbage: () => "not-a-token",
};

server.service.on("beforeTokenSigning", ({ payload }) => {
  if ("aud" in payload) change(payload, bend.claims);
});
server.service.on("beforeResponse", (response) => {
  const { id_token: token } = response.body;
  if (bend.make) response.body.id_token = MAKE[bend.make](token.split(".")[1], token);
  if (bend.status) response.statusCode = bend.status;
});
server.service.on("beforeAuthorizeRedirect", ({ url }) => {
  for (const [name, value] of Object.entries(bend.callback ?? {})) {
    if (value === null) url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  }
});

async function json(request) {
  let text = "";
  for await (const piece of request) text += piece;
  return JSON.parse(text);
}

async function discovery(request, response) {
  const { issuer } = server;
  const said = {
    issuer: issuer.url,
    authorization_endpoint: `${issuer.url}/authorize`,
    token_endpoint: `${issuer.url}/token`,
    jwks_uri: `${issuer.url}/jwks`,
  };
  change(said, bend.discovery);
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(said));
}

createServer(async (request, response) => {
  const path = request.url.split("?")[0];
  if (path === "/_asked") return response.end(JSON.stringify(asked));
  if (path === "/_bend") {
    bend = await json(request);
    if (bend.rotate) current = await server.issuer.keys.generate("RS256", { kid: bend.rotate });
    return response.writeHead(204).end();
  }
  asked[path] = (asked[path] ?? 0) + 1;
  if (path === "/.well-known/openid-configuration") return discovery(request, response);
  return server.service.requestHandler(request, response);
}).listen(port, "127.0.0.1");
