//! `/control/…`: how a test that is another process leads a rehearsal.
//!
//! | request | answer |
//! |---|---|
//! | `GET /control/requests` | counts, and every record |
//! | `GET /control/counts` | counts |
//! | `POST /control/next` `{"script": "text 5; cut 3"}` or `{"raw": {…}}` | queued |
//! | `POST /control/release` `{"gate": "door"}` | the gate is open until a reset |
//! | `POST /control/reset` | an empty log, closed gates, an empty queue |

use http::{Method, Response, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::log::{Counts, Record};
use super::server::{Answer, Body, error, json_answer};
use super::stage::{Next, Stage};

/// The body of `GET /control/requests`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Requests {
    pub counts: Counts,
    pub requests: Vec<Record>,
}

#[derive(Deserialize)]
struct Release {
    gate: String,
}

pub fn run(stage: &Stage, method: &Method, command: &str, body: &[u8]) -> Answer {
    let answer = match (method, command) {
        (&Method::GET, "requests") => {
            let requests = Requests { counts: stage.log.counts(), requests: stage.log.records() };
            json_answer(StatusCode::OK, &json!(requests))
        }
        (&Method::GET, "counts") => json_answer(StatusCode::OK, &json!(stage.log.counts())),
        (&Method::POST, "next") => obey(body, |next: Next| stage.queue(next)),
        (&Method::POST, "release") => obey(body, |release: Release| stage.release(&release.gate)),
        (&Method::POST, "reset") => {
            stage.reset();
            done()
        }
        _ => error(404, &format!("rehearsal does not know the command {method} {command}")),
    };
    Ok(answer)
}

fn obey<'a, T: Deserialize<'a>>(body: &'a [u8], act: impl FnOnce(T)) -> Response<Body> {
    match serde_json::from_slice(body) {
        Ok(command) => {
            act(command);
            done()
        }
        Err(cause) => error(400, &format!("not a command: {cause}")),
    }
}

fn done() -> Response<Body> {
    json_answer(StatusCode::OK, &json!({ "done": true }))
}
