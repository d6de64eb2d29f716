//! Limits on what strangers may try, for each address and for each account.

use schema::{AccountId, Code, Error, Result};
use sha2::{Digest, Sha256};

use crate::{
    cx::Cx,
    domain::attempts::{self, Act, Ask, Kind, Place, Verdict},
    objects::gate::stub,
};

/// On whom an attempt counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject<'a> {
    /// The address that the request came from.
    Address,
    /// The account that is tried.
    Account(AccountId),
    /// A name that is tried, for example a mail address, whether or not it is somebody's.
    Name(&'a str),
}

/// Whether something may be tried now. It counts, until [`passed`] takes it back.
pub async fn allow(cx: &Cx, kind: Kind, subject: Subject<'_>) -> Result<()> {
    refuse(tell(cx, kind, subject, Act::Take).await?)
}

/// Counts a failure for which no leave was asked.
pub async fn miss(cx: &Cx, kind: Kind, subject: Subject<'_>) -> Result<()> {
    tell(cx, kind, subject, Act::Miss).await.map(drop)
}

/// Takes back what [`allow`] counted: it was no guess. An account remembers the address as its
/// owner's.
pub async fn passed(cx: &Cx, kind: Kind, subject: Subject<'_>) -> Result<()> {
    tell(cx, kind, subject, Act::Welcome).await.map(drop)
}

/// Leave to try an account once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leave<'a> {
    kind: Kind,
    tried: Subject<'a>,
    /// Whether it counts at the address too.
    at_address: bool,
}

/// Whether an account may be tried now, from here. Where its owner came in before, nobody's guesses
/// count but theirs: neither a neighbour's at the same address, nor a stranger's elsewhere.
pub async fn allow_both<'a>(cx: &Cx, kind: Kind, tried: Subject<'a>) -> Result<Leave<'a>> {
    let verdict = tell(cx, kind, tried, Act::Take).await?;
    refuse(verdict)?;
    if verdict.known {
        return Ok(Leave { kind, tried, at_address: false });
    }
    let address = tell(cx, kind, Subject::Address, Act::Take).await?;
    if address.wait_ms.is_some() {
        // It will not be tried, so it was no guess.
        tell(cx, kind, tried, Act::GiveBack).await?;
    }
    refuse(address)?;
    Ok(Leave { kind, tried, at_address: true })
}

/// Takes back what [`allow_both`] counted. Who came in is remembered for their own account, which
/// need not be the one that was tried: several may claim one mail address.
pub async fn passed_both(cx: &Cx, leave: Leave<'_>, account: AccountId) -> Result<()> {
    let Leave { kind, tried, at_address } = leave;
    if tried != Subject::Account(account) {
        tell(cx, kind, tried, Act::GiveBack).await?;
    }
    passed(cx, kind, Subject::Account(account)).await?;
    if at_address {
        tell(cx, kind, Subject::Address, Act::GiveBack).await?;
    }
    Ok(())
}

async fn tell(cx: &Cx, kind: Kind, subject: Subject<'_>, act: Act) -> Result<Verdict> {
    let from = attempts::name(&cx.address());
    let (place, gate) = match subject {
        Subject::Address => (Place::Address, format!("address:{from}")),
        Subject::Account(id) => (Place::Account, format!("account:{id}")),
        // Whatever people type, the gate's name stays short.
        Subject::Name(name) => {
            let digest = Sha256::digest(name.as_bytes());
            let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
            (Place::Account, format!("name:{hex}"))
        }
    };
    stub::tell(&cx.env, &gate, &Ask { place, kind, from, act }).await
}

fn refuse(verdict: Verdict) -> Result<()> {
    let Some(wait_ms) = verdict.wait_ms else { return Ok(()) };
    let seconds = u32::try_from((wait_ms + 999) / 1_000).unwrap_or(u32::MAX);
    let message = format!("This has been tried too often. Try again in {seconds}s.");
    Err(Error::new(Code::RateLimitExceeded, message).retry_after(seconds))
}
