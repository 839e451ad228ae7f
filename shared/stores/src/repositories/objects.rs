use std::time::{Duration, SystemTime};

use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::types::ServerSideEncryption;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bulkhead_tenancy::names::{DocumentId, Purpose, Revision};

use crate::error::Classify;
use crate::{Remains, StoreError, TenantSession};

/// How long an upload URL is good for, unless the session that signs it ends earlier: a
/// signed URL ends with its credentials.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html>
const UPLOAD_LIFETIME: Duration = Duration::from_secs(900);

/// Where and how to upload a document's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// The HTTP method.
    pub method: String,
    /// The address, signed.
    pub url: String,
    /// Headers that are part of the signature and have to be sent as they are.
    pub headers: Vec<(String, String)>,
    /// Until the URL ends.
    pub expires_in: Duration,
}

/// The bytes of a revision.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Source {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// What they are said to be; empty where there are none.
    pub content_type: String,
}

/// The tenant's objects.
pub struct Objects<'s> {
    session: TenantSession<'s>,
}

impl<'s> Objects<'s> {
    pub(crate) fn new(session: TenantSession<'s>) -> Self {
        Self { session }
    }

    /// Stores the bytes of a revision that nobody knows yet.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_source(
        &self,
        id: &DocumentId,
        revision: Revision,
        content_type: &str,
        bytes: Vec<u8>,
    ) -> Result<(), StoreError> {
        let stored = self.put(id, revision, content_type).await?.body(bytes.into()).send().await;
        match stored {
            // Stored by a first attempt whose answer was lost: nobody else has its name.
            Err(error) if error.code() == Some("PreconditionFailed") => Ok(()),
            other => other.during("store document").map(drop),
        }
    }

    /// Signs an upload of exactly `bytes` bytes for a revision of a document.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn presign_source(
        &self,
        id: &DocumentId,
        revision: Revision,
        content_type: &str,
        bytes: u64,
    ) -> Result<Upload, StoreError> {
        const OPERATION: &str = "sign upload";
        let left = self.session.ends().await?.duration_since(SystemTime::now()).unwrap_or_default();
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

    /// Reads the bytes of a revision, at most `limit` of them, and their content type; `None`
    /// where they are not there.
    ///
    /// # Errors
    /// [`StoreError`].
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
            // An empty object has no range that could be satisfied.
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

    /// Deletes what may be left of a document that is deleted.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove(&self, id: &DocumentId, remains: &Remains) -> Result<(), StoreError> {
        for number in remains.oldest.number()..=remains.newest.number() {
            if let Some(revision) = Revision::of(number) {
                self.delete_source(id, revision).await?;
            }
        }
        Ok(())
    }

    /// Deletes the bytes of a revision; that they were gone is no error.
    ///
    /// # Errors
    /// [`StoreError`].
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

    /// An upload to a document's key, encrypted under the tenant's key and context.
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
            // A revision's bytes never change: what is indexed is what was sent.
            .if_none_match("*")
            .content_type(content_type)
            .server_side_encryption(ServerSideEncryption::AwsKms)
            .ssekms_key_id(&self.session.profile().await?.key_arn)
            .ssekms_encryption_context(context))
    }
}
