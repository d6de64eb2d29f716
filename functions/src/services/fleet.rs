//! The machines themselves: enrolled with a one-time token, let in by what they sign, drained,
//! revoked, described.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use schema::{
    AccountId, Code, Error, Result, RunnerId,
    runner::{Register, TOKEN_MAX_MINUTES},
    tunnel::VERSION_MIN,
};

use super::{audit, keys, runners::unexpected};
use crate::{
    cx::{self, Cx},
    domain::{
        credential::{self, Registered, Unverified, Wrong},
        hub::command::{Act, Answer, Command, Description, Labels, Look, Profile},
        token,
    },
    objects::runner::stub,
    store::{
        self,
        runners::{self, Machine, Registration},
    },
};

/// What a registration token begins with.
const TOKEN_PREFIX: &str = "grt_";
/// How many processes a machine hosts for which nobody said.
const CAPACITY: u32 = 8;
/// How many it may host.
const CAPACITY_MAX: u32 = 1_000;
/// Bytes that a name, a label's name or its value may have.
const TEXT_MAX_BYTES: usize = 100;
/// Labels that a machine may have.
const LABELS_MAX: usize = 32;

/// What a new token shall be good for.
pub struct Wish {
    pub name: String,
    pub labels: Labels,
    pub capacity: Option<u32>,
    pub ephemeral: bool,
    pub minutes: Option<u32>,
}

/// A machine, and what its object says of it now; nothing if the object is out of reach.
pub struct Seen {
    pub machine: Machine,
    pub description: Option<Description>,
}

/// Makes a token with which one machine becomes a runner. Its text is returned this once.
pub async fn invite(cx: &Cx, wish: Wish) -> Result<(String, Registration)> {
    let Wish { name, labels, capacity, ephemeral, minutes } = wish;
    let minutes = minutes.unwrap_or(TOKEN_MAX_MINUTES);
    if !(1..=TOKEN_MAX_MINUTES).contains(&minutes) {
        return Err(Error::field("minutes", format!("1 to {TOKEN_MAX_MINUTES}")));
    }
    check(&name, &labels, capacity)?;
    let text = format!("{TOKEN_PREFIX}{}", URL_SAFE_NO_PAD.encode(cx::random::<32>()?));
    let expires_at = cx.now.plus_millis(i64::from(minutes) * 60_000);
    let (used_at, runner) = (None, None);
    let it = Registration { name, labels, capacity, ephemeral, expires_at, used_at, runner };
    runners::add_registration(&cx.env, &stored(&text), &it).await?;
    Ok((text, it))
}

/// Makes a machine a runner, once for each token. The same machine may ask again, in case it did
/// not hear the answer.
pub async fn register(cx: &Cx, wish: Register) -> Result<Profile> {
    check(&wish.name, &wish.labels, wish.capacity)?;
    if wish.version < VERSION_MIN {
        let message = format!("at least {VERSION_MIN}: update the runner");
        return Err(Error::field("version", message));
    }
    if !credential::is_public_key(&wish.public_key) {
        return Err(Error::field("public_key", "an Ed25519 public key in base64url"));
    }
    if wish.machine.is_empty() || wish.machine.len() > TEXT_MAX_BYTES {
        return Err(Error::field("machine", format!("1 to {TEXT_MAX_BYTES} bytes")));
    }
    let token = stored(&wish.token);
    let known = wish.token.starts_with(TOKEN_PREFIX);
    let found = if known { runners::registration(&cx.env, &token).await? } else { None };
    let found = found.ok_or_else(|| {
        let message = "This registration token is not known here. Ask an operator for a new one.";
        Error::new(Code::AuthenticationRequired, message)
    })?;
    if let Some(runner) = found.runner {
        return again(cx, runner, &wish, &found).await;
    }
    if found.expires_at <= cx.now {
        let message = format!("This registration token expired at {}.", found.expires_at);
        return Err(Error::new(Code::AuthenticationRequired, message));
    }
    let profile = Profile {
        id: cx::new_id(cx.now)?,
        name: Some(found.name).filter(|name| !name.is_empty()).unwrap_or(wish.name),
        // The operator's choice wins.
        labels: wish.labels.into_iter().chain(found.labels).collect(),
        capacity: found.capacity.or(wish.capacity).unwrap_or(CAPACITY),
        ephemeral: found.ephemeral || wish.ephemeral,
    };
    let machine = Machine {
        profile: profile.clone(),
        public_key: wish.public_key,
        machine: wish.machine,
        created_at: cx.now,
        revoked_at: None,
    };
    if !runners::register(&cx.env, &token, &machine, cx.now).await? {
        return Err(used());
    }
    enrol(cx, &profile).await?;
    store::audit::note(
        &cx.env,
        cx.now,
        &profile.id.to_string(),
        "runner.registered",
        &profile.name,
    )
    .await?;
    Ok(profile)
}

/// A token that was used: by the same machine, or by another.
async fn again(
    cx: &Cx,
    runner: RunnerId,
    wish: &Register,
    found: &Registration,
) -> Result<Profile> {
    let machine = runners::machine(&cx.env, runner).await?.filter(|machine| {
        let same = machine.public_key == wish.public_key && machine.machine == wish.machine;
        same && machine.revoked_at.is_none() && found.expires_at > cx.now
    });
    let machine = machine.ok_or_else(used)?;
    enrol(cx, &machine.profile).await?;
    Ok(machine.profile)
}

async fn enrol(cx: &Cx, profile: &Profile) -> Result<()> {
    let enrol = Act::Enrol { profile: profile.clone() };
    match stub::tell(&cx.env, profile.id, &Command::Act(enrol), b"").await?.0 {
        Answer::Done => Ok(()),
        other => Err(unexpected(&other)),
    }
}

fn used() -> Error {
    let message = "This registration token has been used: it is good once. Ask for a new one.";
    Error::new(Code::Conflict, message)
}

/// Hands a runner's own connection on to its object, if the runner signed for it.
pub async fn connect(
    cx: &Cx,
    authorization: &str,
    request: &web_sys::Request,
) -> Result<web_sys::Response> {
    let (machine, generation) = signed(cx, authorization, "connect").await?;
    stub::connect(&cx.env, machine.profile.id, generation, request).await
}

/// A runner takes its leave for good.
pub async fn unregister(cx: &Cx, authorization: &str) -> Result<RunnerId> {
    let (machine, _) = signed(cx, authorization, "unregister").await?;
    let id = machine.profile.id;
    void(cx, id).await?;
    let actor = id.to_string();
    store::audit::note(&cx.env, cx.now, &actor, "runner.unregistered", &machine.profile.name)
        .await?;
    Ok(id)
}

/// The machine that signed a credential, and the generation that it named.
async fn signed(cx: &Cx, authorization: &str, purpose: &str) -> Result<(Machine, u64)> {
    let unverified = Unverified::read(authorization)?;
    let id = unverified.runner();
    let machine = runners::machine(&cx.env, id).await?.ok_or_else(credential::unknown)?;
    let by = Registered { public_key: &machine.public_key, machine: &machine.machine };
    let claims = match unverified.verify(&by, purpose, cx.now) {
        Ok(claims) => claims,
        Err(Wrong::Refused(error)) => return Err(error),
        Err(Wrong::Elsewhere(error)) => {
            let (actor, act) = (id.to_string(), "runner.elsewhere");
            let detail = "its credential was shown by another machine";
            store::audit::note(&cx.env, cx.now, &actor, act, detail).await?;
            return Err(error);
        }
    };
    if machine.revoked_at.is_some() {
        let message = "This runner was revoked. Register the machine again with a new token.";
        return Err(Error::new(Code::PermissionDenied, message));
    }
    Ok((machine, claims.generation))
}

/// Runners, newest first, one more than `size`, each with what its object says of it now.
pub async fn list(cx: &Cx, after: Option<RunnerId>, size: u32) -> Result<Vec<Seen>> {
    let machines = runners::list(&cx.env, after, size).await?;
    Ok(futures::future::join_all(machines.into_iter().map(|machine| see(cx, machine))).await)
}

/// A runner.
pub async fn read(cx: &Cx, id: RunnerId) -> Result<Seen> {
    let machine = runners::machine(&cx.env, id).await?;
    Ok(see(cx, machine.ok_or_else(|| Error::not_found("runner", id))?).await)
}

async fn see(cx: &Cx, machine: Machine) -> Seen {
    let look = Command::Look(Look::Runner);
    let description = match stub::tell(&cx.env, machine.profile.id, &look, b"").await {
        Ok((Answer::Description(description), _)) => Some(*description),
        // The list is of use without it.
        Ok(_) | Err(_) => None,
    };
    Seen { machine, description }
}

/// Keeps new work away from a runner, or no more.
pub async fn drain(cx: &Cx, id: RunnerId, on: bool) -> Result<Seen> {
    let op = cx::new_id(cx.now)?;
    match stub::tell(&cx.env, id, &Command::Act(Act::Drain { op, on }), b"").await?.0 {
        Answer::Done => {}
        Answer::Gone => return Err(Error::not_found("runner", id)),
        other => return Err(unexpected(&other)),
    }
    let act = if on { "runner.drained" } else { "runner.undrained" };
    audit::note(cx, act, &id.to_string()).await?;
    read(cx, id).await
}

/// Voids a runner at once and for good, with every key that it holds.
pub async fn revoke(cx: &Cx, id: RunnerId) -> Result<Seen> {
    let machine = runners::machine(&cx.env, id).await?;
    machine.ok_or_else(|| Error::not_found("runner", id))?;
    void(cx, id).await?;
    audit::note(cx, "runner.revoked", &id.to_string()).await?;
    read(cx, id).await
}

async fn void(cx: &Cx, id: RunnerId) -> Result<()> {
    // The object comes first: it is what hangs up.
    let held = match stub::tell(&cx.env, id, &Command::Act(Act::Revoke), b"").await?.0 {
        Answer::Revoked { keys } => keys,
        Answer::Gone => Vec::new(),
        other => return Err(unexpected(&other)),
    };
    runners::revoke(&cx.env, id, cx.now).await?;
    for key in held {
        match keys::revoke(cx, key).await {
            // One that was never entered opens nothing.
            Err(error) if error.code == Code::ResourceNotFound => {}
            revoked => drop(revoked?),
        }
    }
    Ok(())
}

/// A file of an account's workspace on a runner, as it comes.
pub async fn file(
    cx: &Cx,
    id: RunnerId,
    account: AccountId,
    path: &str,
) -> Result<web_sys::Response> {
    let machine = runners::machine(&cx.env, id).await?;
    machine.ok_or_else(|| Error::not_found("runner", id))?;
    // Before it is read: what was seen without a note would be worse than a note of nothing.
    audit::note(cx, "runner.file_read", &format!("{id} {account} {path}")).await?;
    let op: schema::OpId = cx::new_id(cx.now)?;
    let query = (("op", op), ("account", account), ("path", path));
    let query = serde_urlencoded::to_string(query).map_err(Error::internal)?;
    let file = stub::look(&cx.env, id, &format!("/file?{query}")).await?;
    file.ok_or_else(|| {
        let message = "This runner was revoked: nobody reaches its files any more.";
        Error::new(Code::Conflict, message)
    })
}

/// How a token is kept.
fn stored(token: &str) -> String {
    URL_SAFE_NO_PAD.encode(token::hash(token))
}

fn check(name: &str, labels: &Labels, capacity: Option<u32>) -> Result<()> {
    let long = |text: &String| text.len() > TEXT_MAX_BYTES;
    if name.len() > TEXT_MAX_BYTES {
        return Err(Error::field("name", format!("at most {TEXT_MAX_BYTES} bytes")));
    }
    if labels.len() > LABELS_MAX || labels.iter().any(|(name, value)| long(name) || long(value)) {
        let message = format!("at most {LABELS_MAX}, each of at most {TEXT_MAX_BYTES} bytes");
        return Err(Error::field("labels", message));
    }
    if capacity.is_some_and(|capacity| !(1..=CAPACITY_MAX).contains(&capacity)) {
        return Err(Error::field("capacity", format!("1 to {CAPACITY_MAX}")));
    }
    Ok(())
}
