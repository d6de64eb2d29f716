// A certified OpenID provider that stands in for Google: node provider.mjs PORT.
//
// `POST /_serve {"redirect_uri", "people": {SUB: CLAIMS}}` says whom it serves, and who is known
// to it; anything else is the provider itself, with its own login pages.

import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import { Provider } from "oidc-provider";

const port = Number(process.argv[2]);
const issuer = `http://127.0.0.1:${port}`;
const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const key = { ...privateKey.export({ format: "jwk" }), kid: "first", alg: "RS256", use: "sig" };

let serve = (request, response) => response.writeHead(503).end();

function provider({ redirect_uri, people }) {
  const claims = (sub) => ({ sub, ...people[sub] });
  return new Provider(issuer, {
    clients: [
      {
        client_id: "app",
        client_secret: "a-secret-of-more-than-thirty-two-characters",
        redirect_uris: [redirect_uri],
        grant_types: ["authorization_code"],
        response_types: ["code"],
        id_token_signed_response_alg: "RS256",
      },
    ],
    jwks: { keys: [key] },
    cookies: { keys: ["signs-the-cookies-of-this-stand-in"] },
    // As Google does: the address stands in the id token.
    conformIdTokenClaims: false,
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
    pkce: { required: () => true },
    findAccount: (_, sub) => ({ accountId: sub, claims: () => claims(sub) }),
    features: { devInteractions: { enabled: true } },
  });
}

async function json(request) {
  let text = "";
  for await (const piece of request) text += piece;
  return JSON.parse(text);
}

createServer(async (request, response) => {
  if (request.url !== "/_serve") return serve(request, response);
  serve = provider(await json(request)).callback();
  response.writeHead(204).end();
}).listen(port, "127.0.0.1");
