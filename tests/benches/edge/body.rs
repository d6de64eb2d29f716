//! The request that everybody sends: a small one, or one of the size and form that the stock client
//! sends.

use std::env;
use std::rc::Rc;

use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::kind::Kind;
use super::targets::Target;

/// Repeated until the request is as large as the client's.
const INSTRUCTION: &str = "Prefer the smallest change that does what was asked, say what you did \
    and what you left, and never run a command that destroys work without having been told to. ";
const INSTRUCTIONS: usize = 125;
const TOOLS: [&str; 10] = [
    "exec_command",
    "write_stdin",
    "request_user_input",
    "view_image",
    "get_goal",
    "create_goal",
    "update_goal",
    "tool_search",
    "spawn_agent",
    "wait_agent",
];
const THREAD: &str = "01a1f6b8-5571-77f0-90e4-a567c8390d67";

/// Which request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    Small,
    /// About 40 kB, with the headers of the stock client.
    Codex,
}

impl Body {
    pub fn read() -> Result<Self> {
        match env::var("GANTRY_BENCH_BODY").as_deref() {
            Err(_) | Ok("small") => Ok(Self::Small),
            Ok("codex") => Ok(Self::Codex),
            Ok(other) => bail!("GANTRY_BENCH_BODY: `{other}` is neither small nor codex"),
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Codex => "codex",
        }
    }

    /// The bytes of a request to a target.
    pub fn request(self, target: &Target, kind: Kind) -> Rc<[u8]> {
        let (body, headers) = match self {
            Self::Small => (small(kind.streams()), String::new()),
            Self::Codex => (codex(kind.streams()), codex_headers()),
        };
        let (body, accept) = (body.to_string(), accept(kind));
        let Target { port, bearer, headers: own, .. } = target;
        let head = format!(
            "POST /v1/responses HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n\
             authorization: Bearer {bearer}\r\ncontent-type: application/json\r\n\
             accept: {accept}\r\ncontent-length: {}\r\n{own}{headers}\r\n",
            body.len()
        );
        (head + &body).into_bytes().into()
    }
}

fn accept(kind: Kind) -> &'static str {
    if kind.streams() { "text/event-stream" } else { "application/json" }
}

fn small(stream: bool) -> Value {
    json!({ "model": "gpt-5.5", "input": "Say hello.", "stream": stream })
}

fn codex(stream: bool) -> Value {
    let message = |role: &str, text: &str| {
        json!({ "type": "message", "role": role,
            "content": [{ "type": "input_text", "text": text }] })
    };
    let tools: Vec<Value> = TOOLS.iter().map(|name| tool(name)).collect();
    json!({
        "model": "gpt-5.5", "instructions": INSTRUCTION.repeat(INSTRUCTIONS),
        "input": [
            message("developer", &INSTRUCTION.repeat(10)),
            message("user", "<environment_context>\n  <cwd>/home/u/work</cwd>\n\
                <shell>bash</shell>\n</environment_context>"),
            message("user", "Say hello."),
        ],
        "tools": tools, "tool_choice": "auto", "parallel_tool_calls": true,
        "reasoning": { "effort": "medium" }, "store": false, "stream": stream,
        "include": ["reasoning.encrypted_content"], "prompt_cache_key": THREAD,
        "text": { "verbosity": "low" },
    })
}

fn tool(name: &str) -> Value {
    let property = |kind: &str| json!({ "type": kind, "description": INSTRUCTION });
    json!({
        "type": "function", "name": name, "description": INSTRUCTION.repeat(2), "strict": false,
        "parameters": {
            "type": "object", "additionalProperties": false, "required": ["cmd"],
            "properties": {
                "cmd": property("string"), "workdir": property("string"),
                "yield_time_ms": property("number"), "max_output_tokens": property("number"),
            },
        },
    })
}

fn codex_headers() -> String {
    let turn = json!({ "session_id": THREAD, "thread_id": THREAD, "turn_id": THREAD,
        "request_kind": "turn", "sandbox": "seccomp", "model": "gpt-5.5" });
    format!(
        "originator: codex_exec\r\nsession-id: {THREAD}\r\nthread-id: {THREAD}\r\n\
         x-client-request-id: {THREAD}\r\nx-codex-window-id: {THREAD}:0\r\n\
         x-codex-turn-metadata: {turn}\r\n\
         user-agent: codex_exec/0.169.0 (Debian 12.0.0; x86_64) xterm (codex_exec; 0.169.0)\r\n"
    )
}
