//! How often something may be tried that is limited, so that guessing and flooding take too long.

use serde::{Deserialize, Serialize};

/// What is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A name with a password.
    Login,
    /// A new account.
    Register,
    /// A mail with a link to a new password.
    Forgot,
    /// A link to a new password.
    Reset,
    /// A link that shows whose a mail address is, and a mail with one.
    Verify,
    /// A sign-in elsewhere that comes back here.
    SignIn,
    /// A link that signs in.
    Link,
}
