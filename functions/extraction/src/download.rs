//! Reads a document's bytes from the bucket of its tier, part by part.

use std::collections::HashMap;
use std::io;
use std::time::Duration;

use bulkhead_documents::{ContentHash, MAX_BYTES};
use futures::{Stream, StreamExt, future};
use http::{StatusCode, Uri};
use http_body_util::{BodyDataStream, Empty};
use hyper::body::{Bytes, Incoming};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;

/// Maximum time until the first byte.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a document's bytes cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DownloadError {
    /// The URL does not name an object of the tier's bucket.
    #[error("the URL is not in the bucket of this tier")]
    Elsewhere,
    /// The bucket did not answer.
    #[error("download the document")]
    Connection(#[source] io::Error),
    /// The bucket refused. An old URL has expired.
    #[error("the bucket answered with status {}", .0.as_u16())]
    Status(StatusCode),
}

/// The only places from which the function reads documents: beginnings of URLs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sources(Vec<String>);

impl Sources {
    /// Returns the objects of `bucket` in `region`; at `endpoint` if the functions use another one than AWS.
    pub fn new(bucket: &str, region: &str, endpoint: Option<&str>) -> Self {
        Self(match endpoint {
            Some(endpoint) => vec![format!("{}/{bucket}/", endpoint.trim_end_matches('/'))],
            None => ["amazonaws.com", "amazonaws.com.cn"]
                .map(|suffix| format!("https://{bucket}.s3.{region}.{suffix}/"))
                .into(),
        })
    }

    /// Returns the objects of the bucket that the environment `variables` name. Fails if one is missing.
    ///
    /// Not `bulkhead_runtime::config`: that crate brings the AWS SDK.
    pub fn from_variables(variables: impl IntoIterator<Item = (String, String)>) -> io::Result<Self> {
        let variables: HashMap<_, _> = variables.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        let required = |name: &str| {
            let missing = || io::Error::other(format!("environment variable `{name}` is not set"));
            variables.get(name).ok_or_else(missing)
        };
        let endpoint = variables.get("AWS_ENDPOINT_URL").map(String::as_str);
        Ok(Self::new(required("BUCKET")?, required("AWS_REGION")?, endpoint))
    }

    /// Returns `url` if it names an object.
    fn object(&self, url: &str) -> Result<Uri, DownloadError> {
        if self.0.iter().any(|source| url.starts_with(source)) {
            url.parse().map_err(|_| DownloadError::Elsewhere)
        } else {
            Err(DownloadError::Elsewhere)
        }
    }
}

/// A client that reads objects. It follows no redirect.
pub(crate) struct Downloads {
    sources: Sources,
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
}

/// A document that arrives.
pub(crate) struct Download {
    body: BodyDataStream<Incoming>,
    hash: ContentHash,
    /// Bytes so far.
    pub bytes: u64,
}

impl Downloads {
    /// Returns a client for `sources`.
    ///
    /// Fails if the system has no certificates to verify servers.
    pub(crate) fn new(sources: Sources) -> io::Result<Self> {
        let connector =
            HttpsConnectorBuilder::new().with_native_roots()?.https_or_http().enable_http1().build();
        // No idle connection: the next document may be much later.
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
        Ok(Self { sources, client })
    }

    /// Starts to read the object at `url`. The URL and the answer of the bucket are not part of an error.
    pub(crate) async fn start(&self, url: &str) -> Result<Download, DownloadError> {
        let object = self.sources.object(url)?;
        let response = timeout(PATIENCE, self.client.get(object))
            .await
            .map_err(|_| DownloadError::Connection(io::ErrorKind::TimedOut.into()))?
            .map_err(|error| DownloadError::Connection(io::Error::other(error)))?;
        if response.status() != StatusCode::OK {
            return Err(DownloadError::Status(response.status()));
        }
        Ok(Download {
            body: BodyDataStream::new(response.into_body()),
            hash: ContentHash::default(),
            bytes: 0,
        })
    }
}

impl Download {
    /// Returns the parts of the document. Ends one part after the maximum size, which the child process notices.
    pub(crate) fn parts(&mut self) -> impl Stream<Item = io::Result<Bytes>> {
        let Self { body, hash, bytes } = self;
        let maximum = MAX_BYTES as u64;
        let mut over = false;
        body.map(|part| part.map_err(io::Error::other)).take_while(move |part| {
            let more = !over;
            if let Ok(part) = part {
                hash.update(part);
                *bytes = bytes.saturating_add(part.len() as u64);
            }
            over = *bytes > maximum;
            future::ready(more)
        })
    }

    /// Returns the SHA-256 of all parts in hexadecimal.
    pub(crate) fn sha256(self) -> String {
        self.hash.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_of_the_bucket_are_sources_on_aws() {
        let variables = [("BUCKET", "docs"), ("AWS_REGION", "eu-west-1"), ("AWS_ENDPOINT_URL", "")];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let sources = Sources::from_variables(variables).expect("all variables");
        for (url, allowed) in [
            ("https://docs.s3.eu-west-1.amazonaws.com/t/one/source?X-Amz-Signature=0", true),
            ("https://docs.s3.eu-west-1.amazonaws.com.cn/t/one/source", true),
            ("http://docs.s3.eu-west-1.amazonaws.com/t/one/source", false),
            ("https://other.s3.eu-west-1.amazonaws.com/t/one/source", false),
            ("https://docs.s3.us-east-1.amazonaws.com/t/one/source", false),
            ("https://docs.s3.eu-west-1.amazonaws.com.evil.example/t/one/source", false),
            ("https://docs.s3.eu-west-1.amazonaws.com@evil.example/", false),
            ("https://s3.eu-west-1.amazonaws.com/docs/t/one/source", false),
        ] {
            assert_eq!(sources.object(url).is_ok(), allowed, "{url}");
        }
    }

    #[test]
    fn missing_variable_is_named() {
        let error =
            Sources::from_variables([("BUCKET".to_owned(), "docs".to_owned())]).expect_err("no region");
        assert_eq!(error.to_string(), "environment variable `AWS_REGION` is not set");
    }
}
