//! `/runner/v1`: how a machine is enrolled, dials in, and takes its leave.

use schema::{
    Code, Error, Result,
    admin::Done,
    agent::Failure,
    runner::{Register, Registered},
};

use super::{agent, system::Nothing};
use crate::{
    cx::Cx,
    domain::access::Access::Public,
    http::{Created, Family, Json, post, signed, upgrade},
    js,
    services::fleet,
};

/// The routes of this family. Who asks is told by a token or by what a machine signs.
pub fn family() -> Family {
    Family::new::<Failure>(
        "runner",
        agent::refuse::refuse,
        vec![
            post(
                "/runner/v1/register",
                Public,
                "runner",
                "Make a machine a runner, with a one-time token",
                register,
            ),
            signed(
                "/runner/v1/unregister",
                Public,
                "runner",
                "Take leave for good: the credential is void from then on",
                unregister,
            ),
            upgrade(
                "/runner/v1/connect",
                Public,
                "runner",
                "Open the tunnel, as a WebSocket",
                connect,
            ),
        ],
    )
}

async fn register(cx: Cx, _: Nothing, body: Register) -> Result<Created<Registered>> {
    let profile = fleet::register(&cx, body).await?;
    Ok(Created(Registered {
        runner_id: profile.id,
        name: profile.name,
        labels: profile.labels,
        capacity: profile.capacity,
    }))
}

async fn unregister(cx: Cx, request: web_sys::Request) -> Result<Json<Done>> {
    fleet::unregister(&cx, &js::request_header(&request, "authorization")).await?;
    Ok(Json(Done { ok: true }))
}

async fn connect(cx: Cx, request: web_sys::Request) -> Result<web_sys::Response> {
    if !js::request_header(&request, "upgrade").eq_ignore_ascii_case("websocket") {
        let message = "The tunnel is a WebSocket: send `Upgrade: websocket`.";
        return Err(Error::new(Code::InvalidRequest, message));
    }
    let authorization = js::request_header(&request, "authorization");
    fleet::connect(&cx, &authorization, &request).await
}
