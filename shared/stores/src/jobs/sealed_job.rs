use bulkhead_events::{SealedJob, StoredObject, Work};
use bulkhead_sealing::Address;
use bulkhead_tenancy::names::{DocumentId, Revision};
use serde::{Deserialize, Serialize};

use super::job::{Job, Jobs};
use crate::error::StoreError;

/// The work of one job: index one document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IngestionJob {
    /// The document.
    pub document: DocumentId,
}

impl Jobs<'_> {
    /// Seals `job`, so that it opens only in a session of this tenant.
    pub async fn seal(&self, job: &IngestionJob) -> Result<SealedJob, StoreError> {
        let plaintext =
            serde_json::to_vec(job).map_err(|error| StoreError::corrupt("seal job", error.to_string()))?;
        let profile = self.session.profile().await?;
        let group = self.session.scope().message_group();
        let sealed = self
            .session
            .sealer()
            .seal(self.session.scope(), &profile.key_arn, &Address::job(&group), &plaintext)
            .await?;
        Ok(SealedJob::new(job.document.clone(), sealed))
    }

    /// Returns the message that tells a worker of `job`.
    ///
    /// A job without a seal is told by the name of its object: accepting the object again finds the job.
    pub async fn message(&self, job: &Job) -> Result<Work, StoreError> {
        if let Some(sealed) = &job.record.job {
            return Ok(Work::Job(sealed.clone()));
        }
        let state = self.session.documents().ingestion_state(job.document()).await?;
        let revision = state.and_then(|state| state.received).unwrap_or(Revision::FIRST);
        Ok(Work::Stored(StoredObject {
            bucket: self.session.settings().bucket.clone(),
            key: self.session.scope().document_source(job.document(), revision).as_str().to_owned(),
            bytes: 0,
        }))
    }

    /// Opens a job.
    ///
    /// # Errors
    /// [`StoreError::Seal`] or [`StoreError::Denied`] if the job belongs to another tenant,
    /// [`StoreError::Corrupt`] if the sealed document differs from the one that the message names.
    pub async fn open(&self, job: &SealedJob) -> Result<IngestionJob, StoreError> {
        const OPERATION: &str = "open job";
        let profile = self.session.profile().await?;
        let group = self.session.scope().message_group();
        let plaintext = self
            .session
            .sealer()
            .open(self.session.scope(), &profile.key_arn, &Address::job(&group), job.sealed())
            .await?;
        let opened: IngestionJob = serde_json::from_slice(&plaintext)
            .map_err(|error| StoreError::corrupt(OPERATION, error.to_string()))?;
        if opened.document == *job.document() {
            Ok(opened)
        } else {
            Err(StoreError::corrupt(OPERATION, "the sealed job names another document"))
        }
    }
}
