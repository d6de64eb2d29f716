//! Which runner an account's process lives on: once placed, it stays.

use schema::{AccountId, Code, Error, Result, RunnerId};

use crate::{
    cx::Cx,
    domain::{
        hub::command::{Act, Answer, Command, Labels},
        placement,
    },
    objects::runner::stub,
    store::runners,
};

/// Runners that are asked for room at most.
const TRIES_MAX: usize = 8;

/// The account's runner, if it has one.
pub async fn known(cx: &Cx, account: AccountId) -> Result<Option<RunnerId>> {
    runners::placement(&cx.env, account).await
}

/// The account's runner; a new one has these labels, and room.
pub async fn home(cx: &Cx, account: AccountId, labels: &Labels) -> Result<RunnerId> {
    if let Some(runner) = known(cx, account).await? {
        return Ok(runner);
    }
    let candidates = runners::candidates(&cx.env).await?;
    for candidate in placement::order(candidates, labels).into_iter().take(TRIES_MAX) {
        // The directory decides between two who place the same account at once.
        let runner = runners::place(&cx.env, account, candidate).await?.unwrap_or(candidate);
        let place = Command::Act(Act::Place { account });
        match stub::tell(&cx.env, runner, &place, b"").await {
            Ok((Answer::Done, _)) => return Ok(runner),
            Ok(_) => {}
            Err(error) if error.code == Code::RunnerUnavailable => {}
            Err(error) => return Err(error),
        }
        leave(cx, account, runner).await?;
    }
    Err(none(labels))
}

/// The account lives there no longer.
pub async fn leave(cx: &Cx, account: AccountId, runner: RunnerId) -> Result<()> {
    runners::displace(&cx.env, account, runner).await
}

fn none(labels: &Labels) -> Error {
    let named: Vec<_> = labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let which = if named.is_empty() {
        String::new()
    } else {
        format!(" with the labels {}", named.join(", "))
    };
    let message = format!(
        "No machine{which} is connected and has room to host codex. Add one with `runner-agent \
         register`, raise a capacity, or end a drain; then try again."
    );
    Error::new(Code::RunnerUnavailable, message).retry_after(10)
}
