//! An endpoint with OpenAI's interface that serves models: a gateway, vLLM, llama.cpp, Ollama.
//!
//! The endpoint is the same for every tenant of the stack. It holds no tenant's data, so the process keeps its client.

mod key;
mod lines;

use std::error::Error;
use std::fmt;
use std::time::Duration;

use aws_types::SdkConfig;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::StoreError;
use key::EndpointKey;
pub(crate) use lines::Lines;

/// Maximum size of an answer in bytes: 64 embeddings of 4,096 numbers, and more than any text.
const MAX_BYTES: usize = 8 * 1024 * 1024;
/// Maximum size of a refusal in bytes.
const MAX_REFUSAL: usize = 64 * 1024;

/// The settings of an endpoint are invalid.
#[derive(Debug, thiserror::Error)]
#[error("environment variable `MODEL_URL` must be an https URL without query, or http on this machine")]
pub struct InvalidEndpoint;

/// A client of one endpoint. It follows no redirect.
pub(crate) struct Endpoint {
    base: String,
    key: Option<EndpointKey>,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("base", &self.base).finish_non_exhaustive()
    }
}

/// A status other than 200, with what the endpoint says about it.
#[derive(Debug, thiserror::Error)]
#[error("the endpoint answered with status {status}: {message}")]
struct Refused {
    status: u16,
    message: String,
}

/// Parts of the messages about an input that is too long.
const TOO_LONG: [&str; 6] =
    ["context length", "context_length", "context size", "context window", "too long", "maximum context"];

impl Endpoint {
    /// Returns a client for the interface at `url`, such as `https://models.example.com/v1`. Its key is the secret with
    /// the ARN `secret`, read with the execution role of `sdk`.
    pub(crate) fn new(url: &str, secret: Option<String>, sdk: &SdkConfig) -> Result<Self, InvalidEndpoint> {
        let base = base(url).ok_or(InvalidEndpoint)?;
        let connector = HttpsConnectorBuilder::new().with_native_roots().map_err(|_| InvalidEndpoint)?;
        let client =
            Client::builder(TokioExecutor::new()).build(connector.https_or_http().enable_http1().build());
        Ok(Self { base, key: secret.map(|arn| EndpointKey::new(arn, sdk)), client })
    }

    /// Sends `body` and returns the whole answer.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        path: &str,
        body: &Value,
        within: Duration,
    ) -> Result<T, StoreError> {
        let answer = async {
            let response = self.send(operation, path, body, "application/json").await?;
            let body = Limited::new(response.into_body(), MAX_BYTES).collect().await;
            let body = body.map_err(|source| StoreError::Unavailable { operation, source })?.to_bytes();
            serde_json::from_slice(&body)
                .map_err(|error| StoreError::corrupt(operation, format!("the endpoint's answer: {error}")))
        };
        in_time(operation, within, answer).await
    }

    /// Sends `body` and returns the lines of an answer in parts.
    pub(crate) async fn stream(
        &self,
        operation: &'static str,
        path: &str,
        body: &Value,
        within: Duration,
    ) -> Result<Lines, StoreError> {
        let response =
            in_time(operation, within, self.send(operation, path, body, "text/event-stream")).await?;
        Ok(Lines::new(operation, response.into_body(), MAX_BYTES))
    }

    async fn send(
        &self,
        operation: &'static str,
        path: &str,
        body: &Value,
        accepts: &'static str,
    ) -> Result<Response<Incoming>, StoreError> {
        let invalid = |error: http::Error| StoreError::Rejected { operation, source: Box::new(error) };
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(format!("{}/{path}", self.base))
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, accepts);
        if let Some(key) = &self.key {
            request = request.header(AUTHORIZATION, bearer(operation, &key.get(operation).await?)?);
        }
        let request = request.body(Full::from(body.to_string())).map_err(invalid)?;
        let response = self.client.request(request).await;
        let response =
            response.map_err(|error| StoreError::Unavailable { operation, source: Box::new(error) })?;
        if response.status() == StatusCode::OK {
            return Ok(response);
        }
        let status = response.status();
        if matches!(status.as_u16(), 401 | 403)
            && let Some(key) = &self.key
        {
            // The key may be a new one.
            key.forget().await;
        }
        let body = Limited::new(response.into_body(), MAX_REFUSAL).collect().await;
        let body = body.map(|body| String::from_utf8_lossy(&body.to_bytes()).into_owned());
        Err(refusal(operation, status, body.unwrap_or_default()))
    }
}

/// Returns the header with `key`. The key is not part of an error or a log.
fn bearer(operation: &'static str, key: &str) -> Result<HeaderValue, StoreError> {
    let mut value = HeaderValue::from_str(&format!("Bearer {key}")).map_err(|_| {
        StoreError::corrupt(operation, "the endpoint's key has characters that no header can have")
    })?;
    value.set_sensitive(true);
    Ok(value)
}

async fn in_time<T>(
    operation: &'static str,
    within: Duration,
    answer: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    match tokio::time::timeout(within, answer).await {
        Ok(answer) => answer,
        Err(late) => Err(StoreError::Unavailable { operation, source: Box::new(late) }),
    }
}

/// Returns whether the endpoint did not begin to work on a call: no connection, or no capacity.
pub(crate) fn did_not_work(error: &(dyn Error + Send + Sync + 'static)) -> bool {
    let refused = error.downcast_ref::<Refused>();
    let unsent = error.downcast_ref::<hyper_util::client::legacy::Error>();
    refused.is_some_and(|refused| refused.status == 503) || unsent.is_some_and(|error| error.is_connect())
}

/// Classifies a refusal as those of Bedrock.
fn refusal(operation: &'static str, status: StatusCode, message: String) -> StoreError {
    let said = message.to_lowercase();
    let source: Box<dyn Error + Send + Sync> =
        Box::new(Refused { status: status.as_u16(), message: message.chars().take(500).collect() });
    match status.as_u16() {
        400 | 413 | 422 => {
            let too_long =
                status == StatusCode::PAYLOAD_TOO_LARGE || TOO_LONG.iter().any(|part| said.contains(part));
            StoreError::InputRefused { operation, too_long, source }
        }
        429 => StoreError::Throttled { operation, source },
        408 | 500..=599 => StoreError::Unavailable { operation, source },
        _ => StoreError::Rejected { operation, source },
    }
}

/// Returns the base of the interface without a slash at its end, or `None` if prompts must not go there: only https, or
/// http on the same machine, so that no network sees them.
fn base(url: &str) -> Option<String> {
    let parsed: Uri = url.parse().ok()?;
    let local = matches!(parsed.host()?, "127.0.0.1" | "localhost" | "[::1]");
    let trusted = match parsed.scheme_str()? {
        "https" => true,
        "http" => local,
        _ => false,
    };
    let plain = parsed.query().is_none() && !parsed.authority()?.as_str().contains('@') && !url.contains('#');
    (trusted && plain).then(|| url.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_go_only_to_https_or_this_machine() {
        for (url, expected) in [
            ("https://models.example.com/v1", Some("https://models.example.com/v1")),
            ("https://models.example.com/v1/", Some("https://models.example.com/v1")),
            ("http://127.0.0.1:11434/v1", Some("http://127.0.0.1:11434/v1")),
            ("http://localhost:8000", Some("http://localhost:8000")),
            ("http://[::1]:8000/v1", Some("http://[::1]:8000/v1")),
            ("http://models.example.com/v1", None),
            ("http://127.0.0.1.example.com/v1", None),
            ("http://127.0.0.1@example.com/v1", None),
            ("https://user:word@example.com/v1", None),
            ("https://example.com/v1?key=x", None),
            ("https://example.com/v1#x", None),
            ("ftp://example.com", None),
            ("/v1", None),
            ("", None),
        ] {
            assert_eq!(base(url).as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn refusals_are_classified() {
        let classified = |status, message: &str| {
            refusal("ask model", StatusCode::from_u16(status).expect("a status"), message.to_owned())
        };
        for status in [400, 422] {
            let too_long = r#"{"error": {"code": "context_length_exceeded"}}"#;
            assert!(matches!(classified(status, too_long), StoreError::InputRefused { too_long: true, .. }));
            assert!(matches!(classified(status, "{}"), StoreError::InputRefused { too_long: false, .. }));
        }
        assert!(matches!(classified(413, ""), StoreError::InputRefused { too_long: true, .. }));
        assert!(matches!(classified(429, ""), StoreError::Throttled { .. }));
        assert!(matches!(classified(503, ""), StoreError::Unavailable { .. }));
        for status in [204, 302, 401, 403, 404] {
            assert!(matches!(classified(status, ""), StoreError::Rejected { .. }), "{status}");
        }
    }

    #[test]
    fn a_key_cannot_add_a_header() {
        assert!(bearer("ask model", "sk-one").is_ok_and(|value| value.is_sensitive()));
        for key in ["a\r\nx: y", "a\nb", "a\0"] {
            assert!(bearer("ask model", key).is_err());
        }
    }
}
