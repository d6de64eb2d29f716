//! Where an operator can go: one line for each section, in the order of the navigation.

/// Sections that belong together.
pub struct Group {
    /// What they have in common.
    pub label: &'static str,
    pub sections: Vec<Section>,
}

/// A section of the desk.
pub struct Section {
    pub path: &'static str,
    pub label: &'static str,
    /// Whether it is the one that is looked at.
    pub is_here: bool,
}

/// Each group's name, and its sections' paths and names.
const GROUPS: [(&str, &[(&str, &str)]); 2] = [
    (
        "Business",
        &[
            ("/admin", "Overview"),
            ("/admin/customers", "Customers"),
            ("/admin/keys", "Keys"),
            ("/admin/sign-ups", "Sign-ups"),
            ("/admin/orders", "Orders"),
            ("/admin/billing", "Billing"),
            ("/admin/books", "Books"),
            ("/admin/models", "Models"),
            ("/admin/payments", "Payments"),
            ("/admin/mail", "Mail"),
        ],
    ),
    (
        "System",
        &[("/admin/codex", "Codex"), ("/admin/runners", "Runners"), ("/admin/audit", "Audit log")],
    ),
];

/// All of them, seen from an address.
pub fn groups(here: &str) -> Vec<Group> {
    let section = |&(path, label): &(&'static str, &'static str)| Section {
        path,
        label,
        is_here: is_in(path, here),
    };
    let group = |(label, sections): (&'static str, &[(&'static str, &'static str)])| Group {
        label,
        sections: sections.iter().map(section).collect(),
    };
    GROUPS.into_iter().map(group).collect()
}

/// Whether an address is a section's, or below it; the overview has nothing below it.
fn is_in(path: &str, here: &str) -> bool {
    let here = here.split(['?', '#']).next().unwrap_or_default();
    here == path || (path != "/admin" && here.starts_with(&format!("{path}/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_where_its_page_and_all_pages_below_it_are() {
        assert!(is_in("/admin", "/admin?x=1") && !is_in("/admin", "/admin/keys"));
        assert!(is_in("/admin/keys", "/admin/keys/key_1") && is_in("/admin/keys", "/admin/keys#x"));
        assert!(!is_in("/admin/keys", "/admin/keys-of-others"));
    }

    #[test]
    fn every_section_stands_once() {
        let mut paths: Vec<_> =
            GROUPS.iter().flat_map(|(_, it)| it.iter().map(|it| it.0)).collect();
        let all = paths.len();
        paths.sort_unstable();
        paths.dedup();
        assert_eq!(paths.len(), all);
    }
}
