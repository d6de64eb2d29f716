//! Where somebody lands who has signed in: a page of ours from a list, never an address that the
//! request made up.

use schema::{Error, ProjectId, Result};

/// Where one lands who named no page.
pub const HOME: &str = "/dashboard";
/// The pages that may be named.
const PAGES: [&str; 6] = [HOME, "/wallet", "/usage", "/keys", "/projects", "/account"];
/// Below it, pages are named by an id.
const PROJECT: &str = "/projects/";

/// The page that was named, with a query of plain words if it has one.
pub fn page(named: Option<&str>) -> Result<String> {
    let named = named.unwrap_or(HOME);
    let (path, query) = named.split_once('?').map_or((named, None), |(p, q)| (p, Some(q)));
    let plain = |c: char| c.is_ascii_alphanumeric() || "=&_-.".contains(c);
    let is_id = |it: &str| it.parse::<ProjectId>().is_ok();
    let known = PAGES.contains(&path) || path.strip_prefix(PROJECT).is_some_and(is_id);
    if !known || !query.unwrap_or_default().chars().all(plain) {
        return Err(Error::field("next", "not a page of ours that one may land on"));
    }
    Ok(named.to_owned())
}

/// Where an operator lands who named no page.
pub const DESK: &str = "/admin";

/// The operator's page that was named, or where they begin.
pub fn desk(named: &str) -> String {
    let (path, query) = named.split_once('?').unwrap_or((named, ""));
    let is_page = path == DESK || path.starts_with("/admin/");
    let is_other = ["/admin/sign-in", "/admin/api/", "/admin/auth/"];
    let is_other = is_other.iter().any(|other| path.starts_with(other));
    let plain = |also: &'static str| {
        move |c: char| c.is_ascii_alphanumeric() || "/_-.".contains(c) || also.contains(c)
    };
    let is_plain = path.chars().all(plain("")) && query.chars().all(plain("=&%+~:"));
    let is_plain = is_plain && !path.contains("//") && !path.contains("..");
    if is_page && !is_other && is_plain { named.to_owned() } else { DESK.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operator_comes_back_to_the_page_that_they_asked_for_and_to_no_other() {
        for fine in ["/admin", "/admin/customers?search=a%40b&after=acct_1", "/admin/keys/key_1"] {
            assert_eq!(desk(fine), fine);
        }
        for named in [
            "",
            "/wallet",
            "//evil.test/admin",
            "https://evil.test/admin",
            "/admin\\evil",
            "/admin//evil.test",
            "/admin/../wallet",
            "/admin/keys\r\nset-cookie: x",
            "/administrator",
            "/admin/sign-in?next=/admin",
            "/admin/api/users",
            "/admin/auth/login",
            "/admin/keys?x=\"><script>",
        ] {
            assert_eq!(desk(named), DESK, "{named:?}");
        }
    }

    #[test]
    fn a_page_of_ours_may_be_named() {
        assert_eq!(page(None).unwrap(), HOME);
        let project = "/projects/prj_0198c1a0a0007000800000000000000f";
        for fine in ["/wallet", "/wallet?pack=25&from=mail", "/account", project] {
            assert_eq!(page(Some(fine)).unwrap(), fine);
        }
    }

    #[test]
    fn nobody_is_sent_elsewhere() {
        for named in [
            "",
            "wallet",
            "//evil.test",
            "/\\evil.test",
            "/wallet/../admin",
            "/projects/",
            "/projects/../admin",
            "/projects//evil.test",
            "/wallet#x",
            "/wallet?next=https://evil.test",
            "/wallet?a\r\nset-cookie: x",
            "https://evil.test/wallet",
            "javascript:alert(1)",
            " /wallet",
            "/%2fevil.test",
        ] {
            assert!(page(Some(named)).is_err(), "{named:?}");
        }
    }
}
