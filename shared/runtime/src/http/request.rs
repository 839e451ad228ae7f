use std::fmt::Display;

use bulkhead_events::GatewayRequest;
use bulkhead_stores::{PageLimit, RequestFingerprint};
use bulkhead_tenancy::Role;
use serde::de::DeserializeOwned;

use super::{ApiError, Limits};

/// A request that API Gateway routed.
#[derive(Debug)]
pub struct ApiRequest {
    event: GatewayRequest,
    body: Vec<u8>,
    limits: Limits,
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
        Self { event, body, limits: Limits::default() }
    }

    /// Returns the method and the resource, for example `/v1/templates/{key}`.
    pub fn route(&self) -> (&str, &str) {
        (self.event.method(), self.event.resource())
    }

    /// Returns the request id of API Gateway.
    pub fn request_id(&self) -> &str {
        self.event.request_id()
    }

    /// Returns the subject of the verified token: who acts for the tenant. `None` if the token has no subject.
    pub fn subject(&self) -> Option<&str> {
        self.event.subject()
    }

    /// Returns the caller's role, as the authorizer states it. `None` if it states no known role.
    pub fn role(&self) -> Option<Role> {
        self.event.role().and_then(Role::parse)
    }

    /// Returns the header `name`.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.event.header(name)
    }

    /// Returns what the request learned about its tenant's limits. The answer shows them.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Returns what distinguishes this request from others with the same idempotency key: who asks for what.
    ///
    /// The body counts byte by byte, because a repeat sends the same bytes.
    pub(super) fn fingerprint(&self) -> RequestFingerprint {
        let mut query: Vec<_> = self.event.query_names().map(|name| (name, self.event.query(name))).collect();
        query.sort_unstable();
        let counted = |number: usize| number.to_string();
        let path = self.event.path_parameters();
        let conditions = ["if-match", "if-none-match"].map(|name| self.header(name));
        let (method, resource) = self.route();
        let mut parts = vec![method.to_owned(), resource.to_owned(), counted(path.len())];
        parts.extend(path.into_iter().flat_map(|(name, value)| [name.to_owned(), value.to_owned()]));
        for (name, values) in query {
            parts.extend([name.to_owned(), counted(values.len())]);
            parts.extend(values.iter().cloned());
        }
        // A missing one differs from an empty one.
        for one in conditions.into_iter().chain([self.subject()]) {
            parts.push(one.map_or_else(|| "-".to_owned(), |text| format!("={text}")));
        }
        let parts = parts.iter().map(|part| part.as_bytes());
        RequestFingerprint::of(parts.chain([self.body.as_slice()]))
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

    /// Returns the names `k` of the query parameters `name[k]`, sorted.
    pub fn query_members(&self, name: &str) -> Vec<&str> {
        let names = self.event.query_names();
        let mut members: Vec<_> = names
            .filter_map(|found| found.strip_prefix(name)?.strip_prefix('[')?.strip_suffix(']'))
            .collect();
        members.sort_unstable();
        members
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
        self.list_query_with(&[], parse)
    }

    /// Parses `limit` and `cursor` of a listing that has the parameters `more`, too. `name[` stands for every
    /// parameter of the form `name[key]`.
    ///
    /// # Errors
    /// 400 if one is malformed or another parameter is present.
    pub fn list_query_with<K, E: Display>(
        &self,
        more: &[&str],
        parse: impl FnOnce(&str) -> Result<K, E>,
    ) -> Result<ListQuery<K>, ApiError> {
        let is_known = |name: &str| {
            let listed = |known: &&str| match known.ends_with('[') {
                true => name.starts_with(*known) && name.ends_with(']'),
                false => name == *known,
            };
            ["limit", "cursor"].contains(&name) || more.iter().any(listed)
        };
        if let Some(unknown) = self.event.query_names().find(|name| !is_known(name)) {
            return Err(ApiError::BadRequest(format!("unknown query parameter `{unknown}`")));
        }
        let limit = |text: &str| {
            let limit =
                whole_number(text).and_then(|limit| u16::try_from(limit).ok()).and_then(PageLimit::new);
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
        let encoding = self.event.header("content-encoding").unwrap_or("identity").trim();
        if !encoding.eq_ignore_ascii_case("identity") {
            return Err(ApiError::UnsupportedMediaType(
                "`Content-Encoding`: send the body without compression",
            ));
        }
        is_json(self.event.header("content-type").unwrap_or_default())?;
        read_json(&self.body)
    }
}

/// Parses a number in a query: digits without a sign and without leading zeros.
pub fn whole_number(text: &str) -> Option<u32> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain)
}

/// Accepts `application/json`, in UTF-8.
fn is_json(content_type: &str) -> Result<(), ApiError> {
    let mut parts = content_type.split(';').map(str::trim);
    if !parts.next().unwrap_or_default().eq_ignore_ascii_case("application/json") {
        return Err(ApiError::UnsupportedMediaType("`Content-Type`: send `application/json`"));
    }
    let is_other_charset = |part: &str| {
        let (name, value) = part.split_once('=').unwrap_or_default();
        name.trim().eq_ignore_ascii_case("charset")
            && !value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
    };
    if parts.any(is_other_charset) {
        return Err(ApiError::UnsupportedMediaType("`Content-Type`: send JSON in UTF-8"));
    }
    Ok(())
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
        ApiError::BadRequest(format!("{at}: {}", in_words_of_json(&error.into_inner().to_string())))
    })?;
    reader.end().map_err(|error| ApiError::BadRequest(format!("request body: {error}")))?;
    Ok(value)
}

/// Replaces the Rust types in a message of serde by JSON's.
fn in_words_of_json(message: &str) -> String {
    let Some((found, expected)) = message.split_once(", expected ") else { return message.to_owned() };
    let (expected, place) = match expected.rfind(" at line ") {
        Some(at) => expected.split_at(at),
        None => (expected, ""),
    };
    let expected = match expected {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "usize" => "a whole number from 0",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a sequence" | "a tuple" => "an array",
        "a map" => "an object",
        "unit" => "null",
        named if named.starts_with("struct ") => "an object",
        named if named.starts_with("enum ") || named.starts_with("variant ") => {
            "one of the documented values"
        }
        named => named,
    };
    let found = found.replace("sequence", "array").replace(": map", ": object").replace(": unit", ": null");
    format!("{found}, expected {expected}{place}")
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
    fn an_error_names_types_of_json() {
        let expected = |body: &str| detail(body).split(", expected ").nth(1).unwrap_or_default().to_owned();
        assert!(expected(r#"{"limit": 300}"#).starts_with("a whole number from 0 to 255"));
        assert!(expected(r#"{"limit": "x"}"#).starts_with("a whole number from 0 to 255"));
        assert!(expected(r#"{"limit": 1, "nested": 7}"#).starts_with("an object"));
        assert!(detail(r#"{"limit": []}"#).contains("invalid type: array"));
        assert!(detail(r#"{"limit": {}}"#).contains("invalid type: object"));
    }

    #[test]
    fn a_body_that_is_not_utf8_is_refused() {
        let overlong = b"{\"limit\": \"\xc0\xaf\"}".as_slice();
        let surrogate = b"{\"limit\": \"\xed\xa0\x80\"}".as_slice();
        let latin = b"{\"limit\": \"caf\xe9\"}".as_slice();
        for bytes in [overlong, surrogate, latin] {
            let error = read_json::<Body>(bytes).expect_err("refused").to_string();
            assert!(error.contains("invalid unicode code point"), "{error}");
        }
    }

    #[test]
    fn only_json_in_utf8_is_accepted() {
        for accepted in
            ["application/json", "Application/JSON ; charset=UTF-8", "application/json;charset=\"utf-8\";v=1"]
        {
            assert!(is_json(accepted).is_ok(), "{accepted}");
        }
        for refused in
            ["", "text/json", "application/json; charset=utf-16", "application/json;charset=latin1"]
        {
            assert!(is_json(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn a_number_in_a_query_has_one_spelling() {
        assert_eq!(["0", "7", "100"].map(whole_number), [Some(0), Some(7), Some(100)]);
        for refused in ["", "05", "00", "+5", "-1", "5 ", "0x5", "٣", "4294967296"] {
            assert_eq!(whole_number(refused), None, "{refused}");
        }
    }

    #[test]
    fn query_parameter_with_members_is_read() {
        let request = |names: &[&str]| {
            let query: serde_json::Map<_, _> =
                names.iter().map(|name| ((*name).to_owned(), serde_json::json!(["5"]))).collect();
            let event = serde_json::json!({"multiValueQueryStringParameters": query});
            ApiRequest::new(serde_json::from_value(event).expect("an event"))
        };
        let asked = request(&["limit", "status", "metadata[b]", "metadata[a]", "metadata[]"]);
        assert_eq!(asked.query_members("metadata"), ["", "a", "b"]);
        let parse = |request: &ApiRequest| {
            request
                .list_query_with(&["status", "metadata["], |_| Ok::<_, String>(()))
                .map(|query| query.limit)
        };
        assert_eq!(parse(&asked).expect("a query"), PageLimit::new(5).expect("a limit"));
        for unknown in ["metadata", "metadata[", "metadata[a", "other[a]", "status[a]"] {
            let error = parse(&request(&[unknown])).expect_err("refused").to_string();
            assert_eq!(error, format!("unknown query parameter `{unknown}`"));
        }
    }

    #[test]
    fn fingerprint_says_who_asks_for_what() {
        let fingerprint = |change: serde_json::Value| {
            let mut event = serde_json::json!({
                "httpMethod": "PUT", "body": "{}", "headers": {"If-Match": "\"a\"", "User-Agent": "one"},
                "pathParameters": {"key": "a"}, "multiValueQueryStringParameters": {"q": ["1", "2"], "r": ["3"]},
                "requestContext": {"resourcePath": "/things/{key}", "authorizer": {"subject": "ada"}, "requestId": "1"},
            });
            for (name, value) in change.as_object().expect("an object") {
                event[name] = value.clone();
            }
            ApiRequest::new(serde_json::from_value(event).expect("an event")).fingerprint()
        };
        let same = fingerprint(serde_json::json!({}));
        for change in [
            serde_json::json!({"headers": {"if-match": "\"a\"", "User-Agent": "two"}}),
            serde_json::json!({"multiValueQueryStringParameters": {"r": ["3"], "q": ["1", "2"]}}),
            serde_json::json!({"requestContext": {
                "resourcePath": "/things/{key}", "authorizer": {"subject": "ada"}, "requestId": "2",
            }}),
        ] {
            assert_eq!(fingerprint(change.clone()), same, "{change}");
        }
        for change in [
            serde_json::json!({"httpMethod": "POST"}),
            serde_json::json!({"body": "{ }"}),
            serde_json::json!({"headers": {}}),
            serde_json::json!({"headers": {"If-Match": ""}}),
            serde_json::json!({"headers": {"If-None-Match": "\"a\""}}),
            serde_json::json!({"pathParameters": {"key": "b"}}),
            serde_json::json!({"multiValueQueryStringParameters": {"q": ["1"], "r": ["2", "3"]}}),
            serde_json::json!({"multiValueQueryStringParameters": {}}),
            serde_json::json!({"requestContext": {
                "resourcePath": "/things/{key}", "authorizer": {"subject": "bob"},
            }}),
            serde_json::json!({"requestContext": {"resourcePath": "/things/{key}"}}),
            serde_json::json!({"requestContext": {"resourcePath": "/others/{key}", "authorizer": {"subject": "ada"}}}),
        ] {
            assert_ne!(fingerprint(change.clone()), same, "{change}");
        }
    }

    #[test]
    fn deep_nesting_is_refused_without_a_stack_overflow() {
        let deep = format!("{}1{}", r#"{"limit": 1, "nested": "#.repeat(50_000), "}".repeat(50_000));
        assert!(detail(&deep).contains("recursion limit exceeded"));
    }
}
