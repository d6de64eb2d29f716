// The repositories of a folder by HTTPS: git's own server behind a socket. It says its port, and
// what it was asked for, one JSON object to a line.

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:https";

const [certificate, key, folder] = process.argv.slice(2);
const tell = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);

/** What CGI (RFC 3875) calls the parts of a request. */
function environment({ method, url, headers }) {
  const { pathname, search } = new URL(url, "https://localhost");
  return {
    PATH: process.env.PATH,
    GIT_PROJECT_ROOT: folder,
    GIT_HTTP_EXPORT_ALL: "1",
    GIT_CONFIG_NOSYSTEM: "1",
    REQUEST_METHOD: method,
    PATH_INFO: pathname,
    QUERY_STRING: search.slice(1),
    CONTENT_TYPE: headers["content-type"] ?? "",
    HTTP_CONTENT_ENCODING: headers["content-encoding"] ?? "",
    GIT_PROTOCOL: headers["git-protocol"] ?? "",
  };
}

/** Sends what git answers: headers, an empty line, a body. */
function answer(output, response) {
  const end = output.indexOf("\r\n\r\n");
  const lines = output.subarray(0, end).toString().split("\r\n");
  const headers = lines.map((line) => line.split(": "));
  const status = headers.find(([name]) => name === "Status")?.[1] ?? "200";
  response.writeHead(Number.parseInt(status, 10), Object.fromEntries(headers));
  response.end(output.subarray(end + 4));
}

function serve(request, response) {
  tell({ asked: request.url });
  const git = spawn("git", ["http-backend"], { env: environment(request) });
  const pieces = [];
  request.pipe(git.stdin);
  git.stdin.on("error", () => {});
  git.stdout.on("data", (piece) => pieces.push(piece));
  git.on("close", () => answer(Buffer.concat(pieces), response));
}

const secrets = { cert: readFileSync(certificate), key: readFileSync(key) };
const server = createServer(secrets, serve);
server.listen(0, "127.0.0.1", () => tell({ port: server.address().port }));
process.stdin.on("end", () => process.exit(0)).resume();
