//! Every row that lets an operator in: what it is asked, and the note that it leaves, or why none.

/// A row that changes, sends or shows something, in the order in which they are asked. A word with
/// a `$` stands for what is known by then.
pub struct Noted {
    pub route: &'static str,
    /// What follows the path.
    pub query: &'static str,
    pub body: &'static str,
    pub status: u16,
    pub act: &'static str,
    /// What the detail has in it.
    pub about: &'static [&'static str],
}

const fn noted(
    route: &'static str,
    body: &'static str,
    act: &'static str,
    about: &'static [&'static str],
) -> Noted {
    Noted { route, query: "", body, status: 200, act, about }
}

/// What concerns the process of the account that works on the machine.
const fn codex(route: &'static str, body: &'static str, act: &'static str) -> Noted {
    let query = "?account=$user";
    Noted { route, query, body, status: 200, act, about: &["$user"] }
}

/// The same, of a question that codex asks.
const fn answer(route: &'static str) -> Noted {
    let about = &["$request_id"];
    Noted { about, ..codex(route, r#"{"decision":"accept"}"#, "codex.resolved") }
}

/// What fails where nothing leads out of the machine.
const fn refused(noted: Noted) -> Noted {
    Noted { status: 502, ..noted }
}

const fn made(noted: Noted) -> Noted {
    Noted { status: 201, ..noted }
}

pub const SECRET: &str = "a-secret-that-no-note-has";

const SMTP: &str = r#"{"via":"smtp","from_name":"G","from_address":"g@example.com","smtp":{"host":
    "127.0.0.1","port":1025,"security":"tls","username":"u",
    "password":"a-secret-that-no-note-has"}}"#;
const PRICE: &str = r#"{"model":"gpt-5.5","input_usd_per_million":"7",
    "output_usd_per_million":"11"}"#;
const KEY: &str = r#"{"user_id":"$user","name":"k"}"#;
const RENAME: &str = r#"{"method":"thread/name/set",
    "params":{"threadId":"$threadId","name":"a-secret-that-no-note-has"}}"#;
const TOLD: &str = r#"{"method":"initialized"}"#;
const TURN: &str = r#"{"threadId":"$threadId","prompt":"rehearse: hang"}"#;

/// All of them, in their order.
pub fn rows() -> impl Iterator<Item = &'static Noted> {
    PEOPLE.iter().chain(&BUSINESS).chain(&MACHINE)
}

const PEOPLE: [Noted; 17] = [
    noted(
        "POST /admin/auth/login",
        r#"{"username":"ada","password":"$token"}"#,
        "operator.signed_in",
        &["until"],
    ),
    noted("POST /admin/logout", "{}", "operator.signed_out", &["before"]),
    made(noted(
        "POST /admin/api/users",
        r#"{"credit_usd":"1.00"}"#,
        "user.created",
        &["acct_", "1.00"],
    )),
    noted(
        "POST /admin/api/users/{user_id}/wallet",
        r#"{"balance_usd":"9.00","note":"n"}"#,
        "wallet.set",
        &["$user", "9.00"],
    ),
    noted(
        "POST /admin/api/users/{user_id}/wallet/credit",
        r#"{"amount_usd":"2.00","note":"n"}"#,
        "wallet.credited",
        &["$user", "2.00"],
    ),
    noted(
        "POST /admin/api/users/{user_id}/auto-topup",
        r#"{"paused":true}"#,
        "auto_top_up.paused",
        &["$user"],
    ),
    noted(
        "POST /admin/api/users/{user_id}/impersonate",
        "{}",
        "impersonation.begun",
        &["$user", "until"],
    ),
    noted("POST /admin/api/users/{user_id}/sessions/end", "{}", "user.signed_out", &["$user"]),
    made(noted("POST /admin/api/api-keys", KEY, "key.created", &["$id"])),
    noted("GET /admin/api/api-keys/{key_id}/token", "", "key.revealed", &["$id"]),
    noted(
        "POST /admin/api/api-keys/{key_id}/restrict",
        r#"{"scopes":["models"]}"#,
        "key.restricted",
        &["$id", "models"],
    ),
    noted("POST /admin/api/api-keys/{key_id}/revoke", "{}", "key.revoked", &["$id"]),
    noted(
        "POST /admin/api/signup-settings",
        r#"{"approval_required":true}"#,
        "signup_approval.set",
        &["required"],
    ),
    noted(
        "POST /admin/api/pending-signups/{application_id}/approve",
        "{}",
        "signup.approved",
        &["$application_id"],
    ),
    noted(
        "POST /admin/api/pending-signups/{application_id}/reject",
        "{}",
        "signup.rejected",
        &["$application_id"],
    ),
    made(noted(
        "POST /admin/api/users/g2g",
        r#"{"order_number":"77","credit_usd":"3.00"}"#,
        "order.placed",
        &["77"],
    )),
    noted("GET /admin/api/orders/{order_number}", "", "order.revealed", &["77"]),
];
const BUSINESS: [Noted; 11] = [
    noted(
        "POST /admin/api/billing/settings",
        PRICE,
        "price.set",
        &["gpt-5.5 was input 5.000000", "is input 7.000000 output 11.000000"],
    ),
    noted(
        "POST /admin/api/billing/fup-settings",
        r#"{"user_id":"$user","five_hours_usd":"4.00"}"#,
        "fair_use.set",
        &["$user", "4.00"],
    ),
    noted(
        "POST /admin/api/model-provider",
        r#"{"provider":"a-label-of-ours"}"#,
        "provider.chosen",
        &["a-label-of-ours after"],
    ),
    noted("POST /admin/api/smtp/settings", SMTP, "mail.set", &["smtp 127.0.0.1:1025"]),
    noted(
        "POST /admin/api/smtp/test",
        r#"{"to":"a@example.com"}"#,
        "mail.tested",
        &["signed_up to a@example.com"],
    ),
    noted(
        "POST /admin/api/email/templates/test",
        r#"{"template":"signed_up","to":"b@example.com"}"#,
        "mail.tested",
        &["signed_up to b@example.com"],
    ),
    noted("POST /admin/api/releases/sync", "{}", "release.synced", &["1.2.3"]),
    noted("POST /api/core/releases/sync", "{}", "release.synced", &["1.2.3"]),
    made(noted(
        "POST /admin/api/runners/registrations",
        r#"{"name":"r1"}"#,
        "runner.invited",
        &["r1 until"],
    )),
    noted(
        "POST /admin/api/runners/{runner_id}/drain",
        r#"{"on":true}"#,
        "runner.drained",
        &["$spare"],
    ),
    noted("POST /admin/api/runners/{runner_id}/revoke", "{}", "runner.revoked", &["$spare"]),
];
const MACHINE: [Noted; 23] = [
    codex("POST /api/threads", "{}", "codex.thread/start"),
    answer("POST /admin/api/server-requests/{request_id}/resolve"),
    answer("POST /api/server-requests/{request_id}/resolve"),
    codex("POST /api/turns", TURN, "codex.turn/start"),
    codex("POST /api/turns/{turn_id}/interrupt", "{}", "codex.turn/interrupt"),
    codex("GET /api/threads/{thread_id}", "", "codex.thread/read"),
    codex("POST /api/threads/{thread_id}/resume", "{}", "codex.thread/resume"),
    codex("POST /api/projects/open", r#"{"cwd":"a"}"#, "codex.thread/start"),
    codex("POST /admin/api/rpc", RENAME, "codex.thread/name/set"),
    codex("POST /api/codex/rpc", RENAME, "codex.thread/name/set"),
    codex("POST /api/codex/notify", TOLD, "codex.initialized"),
    codex("GET /api/codex/events", "", "codex.watched"),
    Noted {
        query: "?account=$user&path=answered",
        about: &["$runner", "$user", "answered"],
        ..codex("GET /admin/api/runners/{runner_id}/file", "", "runner.file_read")
    },
    refused(codex("POST /admin/api/auth/device/start", "{}", "codex.account/login/start")),
    refused(codex("POST /api/auth/device/start", "{}", "codex.account/login/start")),
    codex("POST /admin/api/auth/logout", "{}", "codex.account/logout"),
    codex("POST /api/auth/logout", "{}", "codex.account/logout"),
    codex("POST /admin/api/system/stop", "{}", "codex.stopped"),
    codex("POST /api/system/stop", "{}", "codex.stopped"),
    codex("POST /admin/api/system/start", "{}", "codex.started"),
    codex("POST /api/system/start", "{}", "codex.started"),
    noted(
        "POST /admin/api/users/{user_id}/active",
        r#"{"active":false}"#,
        "user.suspended",
        &["$user"],
    ),
    noted("DELETE /admin/api/users/{user_id}", "", "user.deleted", &["$user"]),
];

/// Rows that leave nothing, and why.
pub const SILENT: [(&str, &[&str]); 4] = [
    (
        "it shows how the business stands, and no secret",
        &[
            "GET /admin/api/audit",
            "GET /admin/api/billing",
            "GET /admin/api/billing/fup-settings",
            "GET /admin/api/dashboard",
            "GET /admin/api/email/templates",
            "GET /admin/api/me",
            "GET /admin/api/model-provider",
            "GET /admin/api/model-usage",
            "GET /admin/api/prices",
            "GET /admin/api/reconciliation",
            "GET /admin/api/runners",
            "GET /admin/api/runners/{runner_id}",
            "GET /admin/api/signup-settings",
            "GET /admin/api/smtp/settings",
            "GET /admin/api/webhooks",
            "GET /api/core/releases/current",
        ],
    ),
    (
        "it lists whom we serve, and what they have and owe: an operator's daily work",
        &[
            "GET /admin/api/api-keys",
            "GET /admin/api/notices",
            "GET /admin/api/orders",
            "GET /admin/api/payments/problems",
            "GET /admin/api/pending-signups",
            "GET /admin/api/registrations",
            "GET /admin/api/users",
            "GET /admin/api/users/{user_id}",
            "GET /admin/api/users/{user_id}/payments",
            "GET /admin/api/users/{user_id}/token-usage",
            "GET /admin/api/users/{user_id}/wallet/transactions",
        ],
    ),
    (
        "it tells how a process stands; what was said in it is noted when it is read",
        &[
            "GET /admin/api/models",
            "GET /admin/api/threads",
            "GET /api/auth/status",
            "GET /api/models",
            "GET /api/system/status",
            "GET /api/threads",
        ],
    ),
    (
        "it lists what waits for somebody; the answer is noted",
        &["GET /admin/api/server-requests", "GET /api/server-requests"],
    ),
];
