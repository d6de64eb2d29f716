//! `{"detail": …}` (seed 000), with the code and the request's id beside it; for a person who looks
//! at it in a browser, a page that says the same.

use askama::Template;
use schema::{Error, agent::Failure};

use crate::http::{
    reply::{HTML, JSON},
    route::{Asker, Refusal},
};

#[derive(Template)]
#[template(path = "error.html")]
struct Page<'a> {
    brand: &'a str,
    title: &'static str,
    detail: &'a str,
    request_id: Option<String>,
}

/// Words a failure.
pub fn refuse(error: &Error, asker: &Asker) -> Refusal {
    let status = error.code.status();
    let (detail, id) = (error.message.clone(), error.code.is_ours().then_some(asker.request_id));
    if asker.browser {
        let request_id = id.map(|id| id.to_string());
        let title = "This did not work";
        let body = Page { brand: &asker.brand, title, detail: &detail, request_id }.render();
        if let Ok(body) = body {
            return Refusal { status, content_type: HTML, body };
        }
    }
    let (code, errors) = (error.code, error.details.clone());
    // Texts and ids have no way to fail.
    let body = serde_json::to_string(&Failure { detail, code, request_id: id, errors });
    Refusal { status, content_type: JSON, body: body.unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use schema::{CallId, Code};

    use super::*;

    fn refused(browser: bool) -> Refusal {
        let asker = Asker {
            request_id: CallId::from_bits(1),
            codex_cli: false,
            browser,
            brand: String::new(),
        };
        refuse(&Error::new(Code::Conflict, "<script>no</script>"), &asker)
    }

    #[test]
    fn a_program_reads_json_and_a_person_a_page_in_which_nothing_runs() {
        let (program, person) = (refused(false), refused(true));
        assert_eq!((program.status, program.content_type), (409, JSON));
        assert_eq!((person.status, person.content_type), (409, HTML));
        assert!(program.body.contains(r#""detail":"<script>"#), "{}", program.body);
        assert!(!person.body.contains("<script"), "{}", person.body);
        assert!(person.body.contains("&#60;script&#62;"), "{}", person.body);
    }
}
