//! `codex --remote`: who may come, and to which project. The client can say nothing but a bearer.

use schema::{AccountId, Code, Error, ProjectId, Result, Timestamp};

use super::{Wish, open, passes};
use crate::{
    cx::Cx,
    domain::{
        access::{Access, Caller, Holder, Scope},
        project::pass,
        setup::{self, Remote},
        token,
    },
    objects::project::stub,
    services::{accounts, admission},
    store::projects,
};

/// How long a terminal may stay before its person has to come again.
const STAY_MS: i64 = 12 * 3_600_000;

/// What a person pastes to come to a project with its pass.
pub fn command(cx: &Cx, pass: &str) -> Result<Remote> {
    Ok(setup::remote(&cx.config.cli, &cx.origin()?, pass))
}

/// Lets a terminal in to the project that its bearer names, which is opened for it.
pub async fn connect(cx: &Cx, request: &web_sys::Request) -> Result<web_sys::Response> {
    let authorization = cx.header("authorization");
    let bearer = token::bearer(&authorization).ok_or_else(|| {
        let message = "Send a terminal pass or a key: `codex --remote … \
                       --remote-auth-token-env VARIABLE`.";
        Error::new(Code::AuthenticationRequired, message)
    })?;
    let is_pass = pass::project_of(bearer).is_some();
    let (project, caller) = match is_pass {
        true => by_pass(cx, bearer).await?,
        false => by_key(cx, bearer).await?,
    };
    let by = match is_pass {
        true => format!("terminal pass …{}", token::last4(bearer)),
        false => caller.holder.text(),
    };
    let cx = Cx { caller: Some(caller), ..cx.clone() };
    open(&cx, project, Wish::default()).await?;
    let until: Timestamp = cx.now.plus_millis(STAY_MS);
    let query = (("by", by), ("pass", is_pass), ("until", until.millis()));
    let query = serde_urlencoded::to_string(query).map_err(Error::internal)?;
    stub::connect(&cx.env, project, &query, request).await
}

async fn by_pass(cx: &Cx, bearer: &str) -> Result<(ProjectId, Caller)> {
    let Some(profile) = passes::terminals(cx, bearer).await? else {
        let message = "This terminal pass is not good, was revoked, or has run out. Make another: \
                       `POST /api/v1/projects/{project_id}/terminal`.";
        let error = Error::new(Code::AuthenticationRequired, message);
        return Err(admission::miss(&cx.address(), error, cx.now));
    };
    check_active(cx, profile.account).await?;
    // It stands for nobody's key: whoever holds it may do what a terminal may.
    Ok((profile.id, Caller { account: profile.account, holder: Holder::Static }))
}

/// A pass says nothing of its account's standing.
async fn check_active(cx: &Cx, account: AccountId) -> Result<()> {
    if accounts::describe(cx, account).await?.profile.active {
        return Ok(());
    }
    Err(Error::new(Code::PermissionDenied, "This account is suspended."))
}

/// The account's own key comes to the project that was opened last.
async fn by_key(cx: &Cx, bearer: &str) -> Result<(ProjectId, Caller)> {
    let access = Access::Api(Scope::Agent);
    let admitted = admission::admit(cx, access, Some(bearer), &cx.address()).await;
    let admitted = admitted.map_err(|refusal| refusal.error)?;
    let caller = admitted.pass.ok_or_else(|| Error::internal("a key of nobody"))?.caller;
    let project = projects::latest(&cx.env, caller.account).await?.ok_or_else(|| {
        let message = "This account has no project yet. Make one: `POST /api/v1/projects`; or send \
                       the terminal pass of a project.";
        Error::new(Code::ResourceNotFound, message)
    })?;
    Ok((project, caller))
}
