//! What a browser is told to be careful about, beside every page: also beside those that say that
//! something failed.

/// A page loads and does only what is ours, with no script or style in itself, and is in no frame.
const POLICY: &str = "\ncontent-security-policy: default-src 'none'; script-src 'self'; \
    style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; \
    base-uri 'none'; frame-ancestors 'none'; manifest-src 'self'";

/// It tells nobody where it was, shares no window, and uses nothing of the machine.
const MANNERS: &str = "\nreferrer-policy: no-referrer\
    \ncross-origin-opener-policy: same-origin\
    \ncross-origin-resource-policy: same-origin\
    \nx-frame-options: DENY\
    \nx-content-type-options: nosniff\
    \npermissions-policy: accelerometer=(), bluetooth=(), browsing-topics=(), camera=(), \
    display-capture=(), geolocation=(), gyroscope=(), hid=(), idle-detection=(), magnetometer=(), \
    microphone=(), midi=(), payment=(), publickey-credentials-get=(), screen-wake-lock=(), \
    serial=(), usb=(), xr-spatial-tracking=()";

/// Lines of an answer of that type: the policy, unless it brings its own, and the manners.
pub fn lines(content_type: &str, headers: &[(&'static str, String)]) -> [&'static str; 2] {
    if !content_type.starts_with("text/html") {
        return ["", ""];
    }
    let own = headers.iter().any(|(name, _)| *name == "content-security-policy");
    [if own { "" } else { POLICY }, MANNERS]
}

#[cfg(test)]
mod tests {
    use super::{MANNERS, lines};

    #[test]
    fn pages_are_guarded_and_json_is_not_a_page() {
        let [policy, manners] = lines("text/html; charset=utf-8", &[]);
        assert!(policy.contains("frame-ancestors 'none'") && manners == MANNERS);
        assert_eq!(lines("application/json", &[]), ["", ""]);
    }

    #[test]
    fn a_page_may_bring_its_own_policy_and_keeps_its_manners() {
        let own = [("content-security-policy", "default-src 'none'".to_owned())];
        assert_eq!(lines("text/html", &own), ["", MANNERS]);
    }

    #[test]
    fn every_line_is_one_header() {
        let page = lines("text/html", &[]).concat();
        assert!(page.starts_with('\n') && !page.contains("  "), "{page}");
        assert!(page.trim().lines().all(|line| line.split_once(": ").is_some()), "{page}");
    }
}
