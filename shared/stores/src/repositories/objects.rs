use std::time::{Duration, SystemTime};

use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::types::ServerSideEncryption;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bulkhead_tenancy::names::{DocumentId, Purpose, Revision};

use crate::error::{Classify, StoreError};
use crate::repositories::documents::Leftovers;
use crate::session::TenantSession;

/// Lifetime of an upload URL. The URL expires earlier if the credentials that signed it expire:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html>
const UPLOAD_LIFETIME: Duration = Duration::from_secs(900);

/// Where and how to upload a document's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// The HTTP method.
    pub method: String,
    /// The signed URL.
    pub url: String,
    /// Headers that the signature covers. The client must send them unchanged.
    pub headers: Vec<(String, String)>,
    /// Time until the URL expires.
    pub expires_in: Duration,
}

/// The bytes of a revision.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Source {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The content type; empty if the object is empty.
    pub content_type: String,
}

/// The tenant's objects.
pub struct Objects<'s> {
    session: TenantSession<'s>,
}

impl<'s> TenantSession<'s> {
    /// Returns the tenant's objects.
    pub fn objects(&self) -> Objects<'s> {
        Objects { session: *self }
    }
}

impl Objects<'_> {
    /// Stores the bytes of a new revision.
    pub async fn put_source(
        &self,
        id: &DocumentId,
        revision: Revision,
        content_type: &str,
        bytes: Vec<u8>,
    ) -> Result<(), StoreError> {
        let stored = self.put(id, revision, content_type).await?.body(bytes.into()).send().await;
        match stored {
            // An earlier attempt stored the bytes and its answer was lost. No other process uses this key.
            Err(error) if error.code() == Some("PreconditionFailed") => Ok(()),
            other => other.during("store document").map(drop),
        }
    }

    /// Signs an upload of exactly `bytes` bytes for a revision of a document.
    pub async fn presign_source(
        &self,
        id: &DocumentId,
        revision: Revision,
        content_type: &str,
        bytes: u64,
    ) -> Result<Upload, StoreError> {
        const OPERATION: &str = "sign upload";
        let left = self.session.expires_at().await?.duration_since(SystemTime::now()).unwrap_or_default();
        let lifetime = Duration::from_secs(UPLOAD_LIFETIME.min(left).as_secs().max(1));
        let config = PresigningConfig::expires_in(lifetime)
            .map_err(|error| StoreError::corrupt(OPERATION, error.to_string()))?;
        let length =
            i64::try_from(bytes).map_err(|error| StoreError::corrupt(OPERATION, error.to_string()))?;
        let signed = self
            .put(id, revision, content_type)
            .await?
            .content_length(length)
            .presigned(config)
            .await
            .during(OPERATION)?;
        Ok(Upload {
            method: signed.method().to_owned(),
            url: signed.uri().to_owned(),
            headers: signed.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            expires_in: lifetime,
        })
    }

    /// Reads the content type and at most `limit` + 1 bytes of a revision; `None` if the object does not exist.
    pub async fn source(
        &self,
        id: &DocumentId,
        revision: Revision,
        limit: usize,
    ) -> Result<Option<Source>, StoreError> {
        const OPERATION: &str = "read document bytes";
        let found = self
            .session
            .s3()
            .get_object()
            .bucket(&self.session.settings().bucket)
            .key(self.session.scope().document_source(id, revision).as_str())
            .range(format!("bytes=0-{limit}"))
            .send()
            .await;
        let found = match found {
            Err(error) if error.as_service_error().is_some_and(|error| error.is_no_such_key()) => {
                return Ok(None);
            }
            // S3 answers 416 for a range of an empty object.
            Err(error) if error.raw_response().is_some_and(|response| response.status().as_u16() == 416) => {
                return Ok(Some(Source::default()));
            }
            other => other.during(OPERATION)?,
        };
        let content_type = found.content_type.unwrap_or_default();
        let bytes = found
            .body
            .collect()
            .await
            .map_err(|error| StoreError::Unavailable { operation: OPERATION, source: Box::new(error) })?;
        Ok(Some(Source { bytes: bytes.to_vec(), content_type }))
    }

    /// Deletes the bytes of a deleted document.
    pub async fn remove(&self, id: &DocumentId, leftovers: &Leftovers) -> Result<(), StoreError> {
        for number in leftovers.oldest.number()..=leftovers.newest.number() {
            if let Some(revision) = Revision::of(number) {
                self.delete_source(id, revision).await?;
            }
        }
        Ok(())
    }

    /// Deletes the bytes of a revision, if they exist.
    pub async fn delete_source(&self, id: &DocumentId, revision: Revision) -> Result<(), StoreError> {
        self.session
            .s3()
            .delete_object()
            .bucket(&self.session.settings().bucket)
            .key(self.session.scope().document_source(id, revision).as_str())
            .send()
            .await
            .during("delete document bytes")?;
        Ok(())
    }

    /// Returns an upload of a revision, encrypted under the tenant's key and encryption context.
    async fn put(
        &self,
        id: &DocumentId,
        revision: Revision,
        content_type: &str,
    ) -> Result<PutObjectFluentBuilder, StoreError> {
        let scope = self.session.scope();
        let context: serde_json::Map<_, _> = scope
            .encryption_context(Purpose::Document)
            .pairs()
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value.into()))
            .collect();
        let context = BASE64_STANDARD.encode(serde_json::Value::from(context).to_string());
        Ok(self
            .session
            .s3()
            .put_object()
            .bucket(&self.session.settings().bucket)
            .key(scope.document_source(id, revision).as_str())
            // The bytes of a revision never change.
            .if_none_match("*")
            .content_type(content_type)
            .server_side_encryption(ServerSideEncryption::AwsKms)
            .ssekms_key_id(&self.session.profile().await?.key_arn)
            .ssekms_encryption_context(context))
    }
}
