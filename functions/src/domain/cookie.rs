//! Cookies as we set them (RFC 6265, and the `__Host-` prefix of its successor): for this host
//! alone, over TLS alone, out of reach of scripts, and not sent along by other sites' forms and
//! pictures. Browsers count loopback as safe, so the same name is used in development.

/// Holds a session.
pub const SESSION: &str = "__Host-session";
/// Holds an operator's session.
pub const ADMIN: &str = "__Host-admin";
/// Holds the session of an operator who looks at an account as its owner.
pub const IMPERSONATION: &str = "__Host-impersonation";
/// Holds what a sign-in at Google has to come back with.
pub const GOOGLE: &str = "__Host-google";

/// The `Set-Cookie` that keeps a value for so long. The value is one of ours: base64 and dots.
pub fn set(name: &str, value: &str, max_age_ms: i64) -> String {
    let seconds = max_age_ms.max(0) / 1_000;
    format!("{name}={value}; Max-Age={seconds}; {}", attributes(name))
}

/// The `Set-Cookie` that takes a cookie away.
pub fn clear(name: &str) -> String {
    format!("{name}=; Max-Age=0; {}", attributes(name))
}

/// `Lax` for customers: who comes from Google or from a mail has to arrive signed in. `Strict` for
/// operators: nothing elsewhere leads to what they do.
fn attributes(name: &str) -> &'static str {
    match name {
        ADMIN | IMPERSONATION => "Path=/; Secure; HttpOnly; SameSite=Strict",
        _ => "Path=/; Secure; HttpOnly; SameSite=Lax",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_for_this_host_alone() {
        let kept = set(SESSION, "a.b", 60_999);
        assert_eq!(kept, "__Host-session=a.b; Max-Age=60; Path=/; Secure; HttpOnly; SameSite=Lax");
        let gone = clear(SESSION);
        assert_eq!(gone, "__Host-session=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Lax");
        let admin = set(ADMIN, "a.b", 60_000);
        assert_eq!(
            admin,
            "__Host-admin=a.b; Max-Age=60; Path=/; Secure; HttpOnly; SameSite=Strict"
        );
        assert!(!kept.contains("Domain"), "a cookie with a domain has no `__Host-` prefix");
    }
}
