use std::fmt::Display;

use bulkhead_events::GatewayRequest;
use bulkhead_stores::PageLimit;
use serde::de::DeserializeOwned;

use super::ApiError;

/// A request that API Gateway routed.
#[derive(Debug)]
pub struct ApiRequest {
    event: GatewayRequest,
    body: Vec<u8>,
}

/// A body parsed from JSON.
pub type Json<T> = Result<T, ApiError>;

/// The query parameters of a listing.
#[derive(Debug)]
pub struct ListQuery<K> {
    /// Maximum items on the page.
    pub limit: PageLimit,
    /// The key after which the page begins.
    pub after: Option<K>,
}

impl ApiRequest {
    pub(super) fn new(mut event: GatewayRequest) -> Self {
        let body = event.take_body();
        Self { event, body }
    }

    /// Returns the method and the resource, for example `/v1/templates/{key}`.
    pub fn route(&self) -> (&str, &str) {
        (self.event.method(), self.event.resource())
    }

    /// Returns the request id of API Gateway.
    pub fn request_id(&self) -> &str {
        self.event.request_id()
    }

    pub(super) fn authorizer_tenant(&self) -> Option<&str> {
        self.event.tenant()
    }

    /// Parses the path parameter `name`.
    ///
    /// # Errors
    /// 400 with the error of `parse`.
    pub fn path<T, E: Display>(
        &self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, ApiError> {
        let text = self.event.path(name).unwrap_or_default();
        parse(text).map_err(|error| ApiError::BadRequest(error.to_string()))
    }

    /// Parses the query parameter `name`; `None` if it is absent.
    ///
    /// # Errors
    /// 400 with the error of `parse`, or if the parameter is repeated.
    pub fn query<T, E: Display>(
        &self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, ApiError> {
        match self.event.query(name) {
            [] => Ok(None),
            [text] => parse(text)
                .map(Some)
                .map_err(|error| ApiError::BadRequest(format!("query parameter `{name}`: {error}"))),
            _ => Err(ApiError::BadRequest(format!("query parameter `{name}` is repeated: send it once"))),
        }
    }

    /// Refuses query parameters other than `known`.
    ///
    /// # Errors
    /// 400 that names the first unknown parameter.
    pub fn only_query(&self, known: &[&str]) -> Result<(), ApiError> {
        match self.event.query_names().find(|name| !known.contains(name)) {
            Some(unknown) => Err(ApiError::BadRequest(format!("unknown query parameter `{unknown}`"))),
            None => Ok(()),
        }
    }

    /// Parses `limit` and `cursor` of a listing.
    ///
    /// # Errors
    /// 400 if one is malformed or another parameter is present.
    pub fn list_query<K, E: Display>(
        &self,
        parse: impl FnOnce(&str) -> Result<K, E>,
    ) -> Result<ListQuery<K>, ApiError> {
        self.only_query(&["limit", "cursor"])?;
        let limit = |text: &str| {
            let limit = text.parse().ok().and_then(PageLimit::new);
            limit.ok_or_else(|| format!("must be a number from 1 to {}", PageLimit::MAX))
        };
        Ok(ListQuery {
            limit: self.query("limit", limit)?.unwrap_or(PageLimit::DEFAULT),
            after: self.query("cursor", |text| {
                parse(text).map_err(|_| "use the `cursor` of the previous page unchanged".to_owned())
            })?,
        })
    }

    /// Parses the body as JSON of at most `limit` bytes.
    ///
    /// # Errors
    /// 413, 415, or 400 that names the field and the defect.
    pub fn json<T: DeserializeOwned>(&self, limit: usize) -> Json<T> {
        if self.body.len() > limit {
            return Err(ApiError::TooLarge(limit));
        }
        let essence =
            self.event.header("content-type").and_then(|text| text.split(';').next()).unwrap_or_default();
        if !essence.trim().eq_ignore_ascii_case("application/json") {
            return Err(ApiError::UnsupportedMediaType);
        }
        read_json(&self.body)
    }
}

/// Parses a whole body. An error names the field.
fn read_json<T: DeserializeOwned>(bytes: &[u8]) -> Json<T> {
    // serde would also accept an array, field by field.
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return Err(ApiError::BadRequest("request body: send a JSON object".to_owned()));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        // `?` means that no field name was read.
        let at =
            if matches!(path.as_str(), "." | "?") { "request body".to_owned() } else { format!("`{path}`") };
        ApiError::BadRequest(format!("{at}: {}", error.into_inner()))
    })?;
    reader.end().map_err(|error| ApiError::BadRequest(format!("request body: {error}")))?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only reading is tested")]
    struct Body {
        limit: u8,
        nested: Option<Box<Body>>,
    }

    fn detail(body: &str) -> String {
        read_json::<Body>(body.as_bytes()).expect_err("refused").to_string()
    }

    #[test]
    fn an_invalid_body_is_refused_with_the_name_of_the_field() {
        assert!(detail(r#"{"limit": "x"}"#).starts_with("`limit`: invalid type"));
        assert!(detail(r#"{"limit": 1, "nested": {"limit": 300}}"#).starts_with("`nested.limit`: "));
        assert!(detail(r#"{"limit": 1, "extra": 2}"#).contains("unknown field `extra`"));
        assert!(detail("{}").contains("missing field `limit`"));
        assert!(detail(r#"{"limit": 1} {"limit": 2}"#).contains("trailing characters"));
        for body in ["nonsense", "{", "[1, null]", "[]", "null", ""] {
            assert!(detail(body).starts_with("request body: "), "{body}");
        }
    }

    #[test]
    fn deep_nesting_is_refused_without_a_stack_overflow() {
        let deep = format!("{}1{}", r#"{"limit": 1, "nested": "#.repeat(50_000), "}".repeat(50_000));
        assert!(detail(&deep).contains("recursion limit exceeded"));
    }
}
