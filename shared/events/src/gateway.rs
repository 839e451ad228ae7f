use std::borrow::Cow;
use std::collections::HashMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Deserializer, Serialize};

/// The used parts of a request from API Gateway's REST proxy integration.
///
/// Missing and `null` parts are empty. Not the type of `lambda_http`: that one builds a URL
/// from the client's headers and panics if they do not form a URL.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html>
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GatewayRequest {
    #[serde(deserialize_with = "or_empty")]
    http_method: String,
    #[serde(deserialize_with = "or_empty")]
    headers: HashMap<String, String>,
    #[serde(deserialize_with = "or_empty")]
    multi_value_query_string_parameters: HashMap<String, Vec<String>>,
    #[serde(deserialize_with = "or_empty")]
    path_parameters: HashMap<String, String>,
    body: Option<String>,
    #[serde(deserialize_with = "or_empty")]
    is_base64_encoded: bool,
    #[serde(deserialize_with = "or_empty")]
    request_context: RequestContext,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RequestContext {
    #[serde(deserialize_with = "or_empty")]
    authorizer: serde_json::Map<String, serde_json::Value>,
    #[serde(deserialize_with = "or_empty")]
    resource_path: String,
    #[serde(deserialize_with = "or_empty")]
    request_id: String,
}

fn or_empty<'de, T: Default + Deserialize<'de>, D: Deserializer<'de>>(source: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(source)?.unwrap_or_default())
}

impl GatewayRequest {
    /// Returns the tenant id of the authorizer's context, not validated.
    ///
    /// Ignores headers, path and query parameters.
    pub fn tenant(&self) -> Option<&str> {
        self.request_context.authorizer.get("tenantId").and_then(|tenant| tenant.as_str())
    }

    /// Returns the subject of the verified token from the authorizer's context.
    ///
    /// Ignores headers, path and query parameters.
    pub fn subject(&self) -> Option<&str> {
        self.request_context.authorizer.get("subject").and_then(|subject| subject.as_str())
    }

    /// Returns the caller's role from the authorizer's context, not validated.
    ///
    /// Ignores headers, path and query parameters.
    pub fn role(&self) -> Option<&str> {
        self.request_context.authorizer.get("role").and_then(|role| role.as_str())
    }

    /// Returns the HTTP method.
    pub fn method(&self) -> &str {
        &self.http_method
    }

    /// Returns the matched resource, such as `/v1/templates/{key}`.
    pub fn resource(&self) -> &str {
        &self.request_context.resource_path
    }

    /// Returns the id of the request.
    pub fn request_id(&self) -> &str {
        &self.request_context.request_id
    }

    /// Returns the header `name`.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Returns the path parameter `name`, decoded.
    pub fn path(&self, name: &str) -> Option<&str> {
        self.path_parameters.get(name).map(String::as_str)
    }

    /// Returns the path parameters, decoded, in the order of their names.
    pub fn path_parameters(&self) -> Vec<(&str, &str)> {
        let mut all: Vec<_> =
            self.path_parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        all.sort_unstable();
        all
    }

    /// Returns the values of the query parameter `name`, decoded.
    pub fn query(&self, name: &str) -> &[String] {
        self.multi_value_query_string_parameters.get(name).map_or(&[], Vec::as_slice)
    }

    /// Returns the names of the query parameters.
    pub fn query_names(&self) -> impl Iterator<Item = &str> {
        self.multi_value_query_string_parameters.keys().map(String::as_str)
    }

    /// Takes the body. Returns no bytes if it is declared as base64 but is not.
    pub fn take_body(&mut self) -> Vec<u8> {
        let body = self.body.take().unwrap_or_default();
        match self.is_base64_encoded {
            true => BASE64_STANDARD.decode(body).unwrap_or_default(),
            false => body.into_bytes(),
        }
    }
}

/// A response to API Gateway's REST proxy integration.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayResponse {
    /// The HTTP status.
    pub status_code: u16,
    /// The headers.
    pub headers: HashMap<Cow<'static, str>, String>,
    /// The body as text.
    pub body: String,
    /// Whether the body is base64. Always `false`, because all responses are JSON.
    pub is_base64_encoded: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(event: &str) -> GatewayRequest {
        serde_json::from_str(event).expect("an event")
    }

    #[test]
    fn null_and_missing_parts_are_empty() {
        for event in [
            "{}",
            r#"{"headers": null, "multiValueQueryStringParameters": null, "pathParameters": null,
                "body": null, "isBase64Encoded": null, "requestContext": null}"#,
            r#"{"requestContext": {"authorizer": null, "resourcePath": null, "requestId": null}}"#,
        ] {
            let mut request = read(event);
            assert_eq!((request.tenant(), request.method(), request.resource()), (None, "", ""));
            assert_eq!((request.header("a"), request.path("a"), request.query("a").len()), (None, None, 0));
            assert!(request.take_body().is_empty());
        }
    }

    #[test]
    fn tenant_comes_only_from_authorizer_context() {
        let tenant = |authorizer: &str| {
            let event = format!(
                r#"{{"headers": {{"tenantId": "x"}}, "requestContext": {{"authorizer": {authorizer}}}}}"#
            );
            read(&event).tenant().map(str::to_owned)
        };
        assert_eq!(tenant(r#"{"tenantId": "one"}"#).as_deref(), Some("one"));
        for authorizer in ["{}", r#"{"tenantId": 7}"#, r#"{"tenantId": null}"#, r#"{"TenantId": "one"}"#] {
            assert_eq!(tenant(authorizer), None, "{authorizer}");
        }
    }

    #[test]
    fn subject_comes_only_from_authorizer_context() {
        let subject = |authorizer: &str| {
            let event = format!(
                r#"{{"headers": {{"subject": "x", "principalId": "x"}},
                    "requestContext": {{"subject": "x", "authorizer": {authorizer}}}}}"#
            );
            read(&event).subject().map(str::to_owned)
        };
        assert_eq!(subject(r#"{"subject": "ada", "tenantId": "one"}"#).as_deref(), Some("ada"));
        for authorizer in ["{}", r#"{"subject": 7}"#, r#"{"principalId": "ada"}"#, r#"{"Subject": "ada"}"#] {
            assert_eq!(subject(authorizer), None, "{authorizer}");
        }
    }

    #[test]
    fn decodes_declared_base64_body() {
        assert_eq!(read(r#"{"body": "aGk="}"#).take_body(), b"aGk=");
        assert_eq!(read(r#"{"body": "aGk=", "isBase64Encoded": true}"#).take_body(), b"hi");
        assert_eq!(read(r#"{"body": "!", "isBase64Encoded": true}"#).take_body(), b"");
    }

    #[test]
    fn header_names_ignore_case() {
        assert_eq!(read(r#"{"headers": {"content-type": "a"}}"#).header("Content-Type"), Some("a"));
    }
}
