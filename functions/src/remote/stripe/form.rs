//! Bodies and queries as Stripe reads them: `a[b][0][c]=d`.

use form_urlencoded::Serializer;
use schema::stripe::Metadata;

/// Fields, in the order in which they are named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Form(Vec<(String, String)>);

impl Form {
    pub fn new() -> Self {
        Self::default()
    }

    /// One field: `.with("line_items[0][quantity]", 1)`.
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.0.push((name.to_owned(), value.to_string()));
        self
    }

    /// One field, if there is something to say.
    pub fn may(self, name: &str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// What we note on an object, in the same order each time: Stripe takes a body that differs
    /// under one idempotency key for a mistake.
    pub fn metadata(mut self, place: &str, metadata: &Metadata) -> Self {
        let mut sorted: Vec<_> = metadata.iter().collect();
        sorted.sort();
        for (name, value) in sorted {
            self = self.with(&format!("{place}[{name}]"), value);
        }
        self
    }

    /// As a body or a query.
    pub fn encode(&self) -> String {
        let mut text = Serializer::new(String::new());
        text.extend_pairs(&self.0);
        text.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_fields_are_written_with_indexes_and_escaped() {
        let metadata = Metadata::from([("b".into(), "ä &=".into()), ("a".into(), "1".into())]);
        let form = Form::new().with("line_items[0][quantity]", 1).metadata("metadata", &metadata);
        let form = form.may("customer", None::<String>).with("confirm", true);
        let wanted = "line_items%5B0%5D%5Bquantity%5D=1&metadata%5Ba%5D=1\
                      &metadata%5Bb%5D=%C3%A4+%26%3D&confirm=true";
        assert_eq!(form.encode(), wanted);
    }
}
