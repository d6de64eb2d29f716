//! Reading: path and query as urlencoded text, bodies as bounded JSON.

use js_sys::{ArrayBuffer, futures::JsFuture};
use schema::{Code, Error, Result};
use serde::de::DeserializeOwned;
use wasm_bindgen::{JsCast, JsValue};

use crate::js;

/// The largest body of a call that is not handed on.
const BODY_MAX_BYTES: usize = 1 << 20;

/// Path parameters and query as a value. Numbers and booleans are read from their text. The path
/// wins on a clash. What takes a path parameter gives every field of its query a default, so that a
/// path that names nothing can be told from a query that is wrong.
pub fn params<T: DeserializeOwned>(
    path: &[(String, String)],
    query: &[(String, String)],
) -> Result<T> {
    read(&[path, query].concat()).map_err(|error| {
        if !path.is_empty() && read::<T>(path).is_err() {
            let id = path.last().map(|(_, value)| value.as_str()).unwrap_or_default();
            return Error::new(
                Code::ResourceNotFound,
                format!("There is nothing of the id `{id}`."),
            );
        }
        Error::new(Code::ValidationError, format!("The query is not right: {error}."))
    })
}

fn read<T: DeserializeOwned>(at: &[(String, String)]) -> Result<T, serde_urlencoded::de::Error> {
    let mut encoded = form_urlencoded::Serializer::new(String::new());
    for (place, (name, value)) in at.iter().enumerate() {
        // The first of a name wins.
        if !at.iter().take(place).any(|(earlier, _)| earlier == name) {
            encoded.append_pair(name, value);
        }
    }
    serde_urlencoded::from_str(&encoded.finish())
}

/// The query of a URL, decoded.
pub fn query(query: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

/// A path parameter, percent-decoded; what is not UTF-8 is replaced.
pub fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// The body as JSON of the expected form. An empty body counts as `{}`.
pub async fn json<T: DeserializeOwned>(request: &web_sys::Request) -> Result<T> {
    json_up_to(request, BODY_MAX_BYTES).await
}

/// The same of a body of so many bytes.
pub async fn json_up_to<T: DeserializeOwned>(request: &web_sys::Request, most: usize) -> Result<T> {
    let content_type = js::request_header(request, "content-type").to_ascii_lowercase();
    let bytes = bytes_up_to(request, most).await?;
    if !bytes.is_empty() && !content_type.starts_with("application/json") {
        let message = "Send the body as `content-type: application/json`.";
        return Err(Error::new(Code::UnsupportedMediaType, message));
    }
    decode(if bytes.is_empty() { b"{}" } else { &bytes })
}

/// The body as it was sent, up to [`BODY_MAX_BYTES`].
pub async fn bytes(request: &web_sys::Request) -> Result<Vec<u8>> {
    bytes_up_to(request, BODY_MAX_BYTES).await
}

/// The body as it was sent, up to so many bytes.
pub async fn bytes_up_to(request: &web_sys::Request, most: usize) -> Result<Vec<u8>> {
    let length: Option<usize> = js::request_header(request, "content-length").parse().ok();
    if length.is_some_and(|length| length > most) {
        return Err(too_large(most));
    }
    let broken = |thrown: JsValue| {
        Error::new(Code::InvalidRequest, "The body broke off.").caused_by(js::said(&thrown))
    };
    // Whose length is known need not be read piece by piece, which costs as much as a call.
    let whole = match length {
        Some(_) => request.array_buffer().map_err(broken)?,
        None => js::body(request, most),
    };
    let buffer = JsFuture::from(whole).await.map_err(broken)?;
    Ok(js::bytes(&buffer.dyn_into::<ArrayBuffer>().map_err(|_| too_large(most))?))
}

/// A JSON object of the expected form: what is no JSON is malformed, what does not fit is a wrong
/// field.
fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    // A list would be read as the object's fields in their order.
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        return Err(Error::new(Code::ValidationError, "The body has to be a JSON object."));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        let code = if error.is_data() { Code::ValidationError } else { Code::InvalidRequest };
        Error::new(code, format!("The body is not right: {error}."))
    })
}

fn too_large(most: usize) -> Error {
    let most = most >> 10;
    Error::new(Code::PayloadTooLarge, format!("A body may have at most {most} KiB here."))
}

#[cfg(test)]
mod tests {
    use schema::page::PageQuery;

    use super::*;

    #[test]
    fn queries_are_read_by_type_and_the_first_of_a_name_wins() {
        let at = query("limit=7&starting_after=a%2Fb+c&limit=9&unknown=x");
        let page: PageQuery = params(&[], &at).unwrap();
        assert_eq!(page, PageQuery { limit: Some(7), starting_after: Some("a/b c".into()) });
        let wrong = params::<PageQuery>(&[], &query("limit=x")).unwrap_err();
        assert_eq!(wrong.code, Code::ValidationError);
        assert_eq!(params::<PageQuery>(&[], &[]).unwrap(), PageQuery::default());
    }

    #[test]
    fn a_path_that_is_no_id_names_nothing() {
        #[derive(Debug, serde::Deserialize)]
        struct At {
            key_id: schema::KeyId,
            limit: Option<u32>,
        }
        let at =
            |id: &str, limit| params::<At>(&[("key_id".to_owned(), id.to_owned())], &query(limit));
        let id = "key_00000000000000000000000000000001";
        let read = at(id, "limit=3&key_id=other").unwrap();
        assert_eq!((read.key_id.to_string().as_str(), read.limit), (id, Some(3)));
        assert_eq!(at(id, "limit=x").unwrap_err().code, Code::ValidationError);
        assert_eq!(at("7", "limit=3").unwrap_err().code, Code::ResourceNotFound);
        assert_eq!(at("7", "limit=x").unwrap_err().code, Code::ResourceNotFound);
    }

    #[test]
    fn odd_escapes_stay_as_they_are() {
        assert_eq!(decoded("%zz%4"), "%zz%4");
        assert_eq!(decoded("%C3%BC%"), "\u{fc}%");
    }

    #[test]
    fn what_is_no_json_and_what_does_not_fit_are_told_apart() {
        let code = |body: &[u8]| decode::<schema::admin::SetActive>(body).unwrap_err().code;
        assert_eq!(code(b"{"), Code::InvalidRequest);
        assert_eq!(code(b"{}"), Code::ValidationError);
        assert_eq!(code(br#"{"active":true,"x":1}"#), Code::ValidationError);
        assert_eq!(code(b" [true]"), Code::ValidationError);
    }
}
