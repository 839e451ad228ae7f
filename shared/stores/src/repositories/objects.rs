use std::time::{Duration, SystemTime};

use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::types::{AnnotationDirective, ServerSideEncryption};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bulkhead_tenancy::names::{DocumentId, Purpose, Revision};
use futures::{StreamExt, TryStreamExt, stream};

use crate::error::{Classify, StoreError};
use crate::repositories::file_name::FileName;
use crate::session::TenantSession;

/// Lifetime of an upload URL. The URL expires earlier if the credentials that signed it expire:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html>
const UPLOAD_LIFETIME: Duration = Duration::from_secs(900);

/// Lifetime of a URL that is used at once: by a client, or by the function `extraction`. Leaves time for a cold start.
const READ_LIFETIME: Duration = Duration::from_secs(60);

/// Objects of one document that are deleted at the same time.
const CONCURRENT_DELETES: usize = 16;

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

/// The stored object of a revision.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Source {
    /// Its size, bytes.
    pub bytes: u64,
    /// Its content type; empty if the object is empty.
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

    /// Stores the bytes of the revision `from` as those of `to`, inside S3. Returns `false` if they do not exist.
    pub async fn copy_source(
        &self,
        id: &DocumentId,
        from: Revision,
        to: Revision,
    ) -> Result<bool, StoreError> {
        let scope = self.session.scope();
        let (source, target) = (scope.document_source(id, from), scope.document_source(id, to));
        let bucket = &self.session.settings().bucket;
        let copied = self
            .session
            .s3()
            .copy_object()
            .bucket(bucket)
            .key(target.as_str())
            // No character of our keys needs an escape.
            .copy_source(format!("{bucket}/{}", source.as_str()))
            // The default copies annotations, for which the role would need two more rights.
            .annotation_directive(AnnotationDirective::Exclude)
            .if_none_match("*")
            .server_side_encryption(ServerSideEncryption::AwsKms)
            .ssekms_key_id(&self.session.profile().await?.key_arn)
            .ssekms_encryption_context(self.encryption_context())
            .send()
            .await;
        match copied {
            // An earlier attempt stored the bytes and its answer was lost. No other process uses this key.
            Err(error) if error.code() == Some("PreconditionFailed") => Ok(true),
            Err(error) if error.code() == Some("NoSuchKey") => Ok(false),
            // For a missing object S3 answers 404 only to a role that may list the whole bucket, else 403.
            Err(error) if error.code() == Some("AccessDenied") && !self.exists(source.as_str()).await? => {
                Ok(false)
            }
            other => other.during("copy document").map(|_| true),
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
        let (config, lifetime) = self.presigning(OPERATION, UPLOAD_LIFETIME).await?;
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

    /// Signs one download of a revision's bytes by a client, as a file with this name. Makes no call. Returns the URL
    /// and the time until it expires.
    ///
    /// A browser saves the file and does not show it: the name is in a disposition `attachment`.
    pub async fn presign_download(
        &self,
        id: &DocumentId,
        revision: Revision,
        content_type: &str,
        file_name: &FileName,
    ) -> Result<(String, Duration), StoreError> {
        const OPERATION: &str = "sign download";
        let (config, lifetime) = self.presigning(OPERATION, READ_LIFETIME).await?;
        let signed = self
            .session
            .s3()
            .get_object()
            .bucket(&self.session.settings().bucket)
            .key(self.session.scope().document_source(id, revision).as_str())
            .response_content_type(content_type)
            .response_content_disposition(file_name.disposition())
            .presigned(config)
            .await
            .during(OPERATION)?;
        Ok((signed.uri().to_owned(), lifetime))
    }

    /// Signs one read of a revision's bytes, for a function without rights. Makes no call.
    ///
    /// The URL gives access to this object alone, until it expires.
    pub async fn presign_read(&self, id: &DocumentId, revision: Revision) -> Result<String, StoreError> {
        const OPERATION: &str = "sign read";
        let (config, _) = self.presigning(OPERATION, READ_LIFETIME).await?;
        let signed = self
            .session
            .s3()
            .get_object()
            .bucket(&self.session.settings().bucket)
            .key(self.session.scope().document_source(id, revision).as_str())
            .presigned(config)
            .await
            .during(OPERATION)?;
        Ok(signed.uri().to_owned())
    }

    /// Returns how to sign a URL that lives for `lifetime`, or until the credentials expire.
    async fn presigning(
        &self,
        operation: &'static str,
        lifetime: Duration,
    ) -> Result<(PresigningConfig, Duration), StoreError> {
        let left = self.session.expires_at().await?.duration_since(SystemTime::now()).unwrap_or_default();
        let lifetime = Duration::from_secs(lifetime.min(left).as_secs().max(1));
        let config = PresigningConfig::expires_in(lifetime)
            .map_err(|error| StoreError::corrupt(operation, error.to_string()))?;
        Ok((config, lifetime))
    }

    /// Returns size and content type of a revision's object; `None` if it does not exist.
    ///
    /// Reads one byte, so that a key that cannot decrypt the object is an error here.
    pub async fn source(&self, id: &DocumentId, revision: Revision) -> Result<Option<Source>, StoreError> {
        const OPERATION: &str = "read document bytes";
        let key = self.session.scope().document_source(id, revision);
        let found = self
            .session
            .s3()
            .get_object()
            .bucket(&self.session.settings().bucket)
            .key(key.as_str())
            .range("bytes=0-0")
            .send()
            .await;
        let found = match found {
            Err(error) if error.as_service_error().is_some_and(|error| error.is_no_such_key()) => {
                return Ok(None);
            }
            // For a missing object S3 answers 404 only to a role that may list the whole bucket, else 403.
            Err(error) if error.code() == Some("AccessDenied") && !self.exists(key.as_str()).await? => {
                return Ok(None);
            }
            // S3 answers 416 for a range of an empty object.
            Err(error) if error.raw_response().is_some_and(|response| response.status().as_u16() == 416) => {
                return Ok(Some(Source::default()));
            }
            other => other.during(OPERATION)?,
        };
        // `bytes 0-0/1234`: <https://www.rfc-editor.org/rfc/rfc9110#field.content-range>
        let range = found.content_range.unwrap_or_default();
        let bytes = range.rsplit_once('/').and_then(|(_, bytes)| bytes.parse().ok());
        let bytes = bytes.ok_or_else(|| StoreError::corrupt(OPERATION, "an answer without a size"))?;
        Ok(Some(Source { bytes, content_type: found.content_type.unwrap_or_default() }))
    }

    /// Deletes all stored bytes of a document.
    ///
    /// Lists what exists, because an upload URL may store a revision after the record forgot it. An
    /// interrupted call continues where it stopped: the next one lists only what is left.
    pub(crate) async fn remove_all(&self, id: &DocumentId) -> Result<(), StoreError> {
        let prefix = self.session.scope().document_objects(id);
        self.remove_listed(prefix.as_str(), None).await
    }

    /// Deletes the stored bytes of the revisions before `revision`.
    pub async fn remove_before(&self, id: &DocumentId, revision: Revision) -> Result<(), StoreError> {
        let scope = self.session.scope();
        let end = scope.document_source(id, revision);
        self.remove_listed(scope.document_objects(id).as_str(), Some(end.as_str())).await
    }

    /// Deletes the bytes of a revision, if they exist.
    pub async fn delete_source(&self, id: &DocumentId, revision: Revision) -> Result<(), StoreError> {
        self.delete(self.session.scope().document_source(id, revision).as_str()).await
    }

    /// Deletes the objects whose keys start with `prefix` and sort before `end`. S3 lists keys in order.
    async fn remove_listed(&self, prefix: &str, end: Option<&str>) -> Result<(), StoreError> {
        let mut pages = self
            .session
            .s3()
            .list_objects_v2()
            .bucket(&self.session.settings().bucket)
            .prefix(prefix)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let objects = page.during("list document bytes")?.contents.unwrap_or_default();
            let keys: Vec<_> = objects.into_iter().filter_map(|object| object.key).collect();
            let listed = keys.len();
            let removed = keys.into_iter().take_while(|key| end.is_none_or(|end| key.as_str() < end));
            let removed = stream::iter(removed)
                .map(|key| async move { self.delete(&key).await })
                .buffer_unordered(CONCURRENT_DELETES)
                .try_fold(0, |count, ()| async move { Ok(count + 1) })
                .await?;
            if removed < listed {
                break;
            }
        }
        Ok(())
    }

    /// Reports whether an object exists, by its listing.
    async fn exists(&self, key: &str) -> Result<bool, StoreError> {
        let listed = self
            .session
            .s3()
            .list_objects_v2()
            .bucket(&self.session.settings().bucket)
            .prefix(key)
            .max_keys(1)
            .send()
            .await
            .during("find document bytes")?;
        Ok(listed.contents().iter().any(|object| object.key() == Some(key)))
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.session
            .s3()
            .delete_object()
            .bucket(&self.session.settings().bucket)
            .key(key)
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
        Ok(self
            .session
            .s3()
            .put_object()
            .bucket(&self.session.settings().bucket)
            .key(self.session.scope().document_source(id, revision).as_str())
            // The bytes of a revision never change.
            .if_none_match("*")
            .content_type(content_type)
            .server_side_encryption(ServerSideEncryption::AwsKms)
            .ssekms_key_id(&self.session.profile().await?.key_arn)
            .ssekms_encryption_context(self.encryption_context()))
    }

    /// Returns the tenant's encryption context, in the form of S3's header.
    fn encryption_context(&self) -> String {
        let context = self.session.scope().encryption_context(Purpose::Document);
        let pairs: serde_json::Map<_, _> =
            context.pairs().into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect();
        BASE64_STANDARD.encode(serde_json::Value::from(pairs).to_string())
    }
}
