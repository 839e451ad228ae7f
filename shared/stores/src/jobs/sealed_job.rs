use bulkhead_events::SealedJob;
use bulkhead_sealing::Address;
use bulkhead_tenancy::names::DocumentId;
use serde::{Deserialize, Serialize};

use super::job::Jobs;
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
