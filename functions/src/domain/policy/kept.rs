//! A project's rules as its object keeps them: changed only by who has seen what they change.

use schema::{
    Code, Error, FieldError, Result,
    agent::{PolicyRule, ProjectPolicy},
};
use serde::{Deserialize, Serialize};

use super::Policy;

/// Rules, and how often they were changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    pub policy: Policy,
    pub version: u64,
}

impl Kept {
    /// Changes with every change; empty until there was one.
    pub fn etag(&self) -> String {
        if self.version == 0 { String::new() } else { self.version.to_string() }
    }

    /// The same with other rules, for who has seen these; the first rules have none before them.
    pub fn replaced(&self, rules: Vec<PolicyRule>, if_match: Option<&str>) -> Result<Self> {
        let etag = self.etag();
        match if_match {
            None if self.version == 0 => {}
            None => return Err(required()),
            Some(seen) if !etag.is_empty() && (seen == "*" || seen == etag) => {}
            Some(_) => return Err(changed(etag)),
        }
        Ok(Self { policy: Policy::new(rules)?, version: self.version + 1 })
    }

    pub fn view(&self) -> ProjectPolicy {
        ProjectPolicy { rules: self.policy.rules().to_vec(), etag: self.etag() }
    }
}

fn required() -> Error {
    let message = "There are rules already. Read them, and send their `ETag` as `If-Match`.";
    Error::new(Code::PreconditionRequired, message)
}

fn changed(etag: String) -> Error {
    let message = if etag.is_empty() {
        "There are no rules yet. Send these without `If-Match`.".to_owned()
    } else {
        format!("The rules have changed: they are `{etag}` now. Read them again.")
    };
    let details = vec![FieldError { field: "etag".to_owned(), message: etag }];
    Error { details, ..Error::new(Code::PreconditionFailed, message) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_changed_only_by_who_has_seen_them() {
        let none = Kept::default();
        let code = |kept: &Kept, seen| kept.replaced(vec![], seen).map_err(|error| error.code);
        assert_eq!((none.etag(), none.view().etag), (String::new(), String::new()));
        assert_eq!(code(&none, Some("1")), Err(Code::PreconditionFailed));
        assert_eq!(code(&none, Some("*")), Err(Code::PreconditionFailed));
        assert_eq!(code(&none, Some("")), Err(Code::PreconditionFailed));
        let first = none.replaced(vec![], None).unwrap();
        assert_eq!(code(&first, None), Err(Code::PreconditionRequired));
        let second = first.replaced(vec![], Some(&first.etag())).unwrap();
        assert_ne!(second.etag(), first.etag());
        let late = second.replaced(vec![], Some(&first.etag())).unwrap_err();
        assert_eq!(
            (late.code, &late.details[0].message),
            (Code::PreconditionFailed, &second.etag())
        );
        assert!(second.replaced(vec![], Some("*")).is_ok());
    }

    #[test]
    fn rules_that_are_wrong_change_nothing() {
        let rule = serde_json::json!({ "name": "all", "then": "approve" });
        let rules = vec![serde_json::from_value(rule).unwrap()];
        let refused = Kept::default().replaced(rules, None);
        assert_eq!(refused.unwrap_err().code, Code::ValidationError);
    }
}
