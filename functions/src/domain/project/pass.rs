//! Passes for terminals, as text: it names its project, so that whoever is shown one knows whom to
//! ask. Only its hash is kept.

use std::fmt::Write;

use schema::ProjectId;

/// What every pass begins with. No key does.
const PREFIX: &str = "cdx_tp_";
/// What stands before the digits of a project's id.
const PROJECT: &str = "prj_";
/// Digits of a project, and of 256 random bits.
const PROJECT_DIGITS: usize = 32;
const SECRET_DIGITS: usize = 64;

/// The text of a new pass. Shown once.
pub fn mint(project: ProjectId, secret: [u8; 32]) -> String {
    let project = project.to_string();
    let mut text = format!("{PREFIX}{}", project.strip_prefix(PROJECT).unwrap_or(&project));
    for byte in secret {
        // Writing to a text does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The project that a pass is for, good or not, if the text is a pass at all.
pub fn project_of(text: &str) -> Option<ProjectId> {
    let digits = text.strip_prefix(PREFIX)?;
    let (project, secret) = digits.split_at_checked(PROJECT_DIGITS)?;
    let is_secret =
        secret.len() == SECRET_DIGITS && secret.bytes().all(|it| it.is_ascii_hexdigit());
    is_secret.then(|| format!("{PROJECT}{project}").parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::token;

    #[test]
    fn a_pass_names_its_project_and_is_no_key() {
        let project = ProjectId::from_bits(0xabc);
        let text = mint(project, [7; 32]);
        assert_eq!(project_of(&text), Some(project));
        assert_eq!(token::account_of(&text), None);
        assert!(token::looks_like_key(&text));
    }

    #[test]
    fn other_texts_are_none() {
        let text = mint(ProjectId::from_bits(1), [7; 32]);
        for other in [&text[1..], &text[..text.len() - 1], "cdx_tp_", "cdx_sk_x", ""] {
            assert_eq!(project_of(other), None, "{other}");
        }
        assert_eq!(project_of(&format!("{text}0")), None);
        assert_eq!(project_of(&text.replace("07", "xy")), None);
    }
}
