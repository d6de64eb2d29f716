//! Limits on what strangers may try, for each address and for each account.

use schema::{AccountId, Error, Result};

use crate::{cx::Cx, domain::attempts::Kind};

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
pub async fn allow(_cx: &Cx, _kind: Kind, _subject: Subject<'_>) -> Result<()> {
    Err(Error::internal("limits are on their way"))
}

/// Counts a failure for which no leave was asked.
pub async fn miss(_cx: &Cx, _kind: Kind, _subject: Subject<'_>) -> Result<()> {
    Err(Error::internal("limits are on their way"))
}

/// Takes back what [`allow`] counted: it was no guess. An account remembers the address as its
/// owner's.
pub async fn passed(_cx: &Cx, _kind: Kind, _subject: Subject<'_>) -> Result<()> {
    Err(Error::internal("limits are on their way"))
}
