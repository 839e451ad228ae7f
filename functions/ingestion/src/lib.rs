//! Makes a document findable: reads it, splits it, embeds and indexes its passages.
//!
//! Idempotent: passages have names of their own, and content that was indexed before is
//! left as it is. Delivering a job twice changes nothing.

use bulkhead_documents::{Format, MAX_BYTES, fingerprint, passages};
use bulkhead_runtime::config::ConfigError;
use bulkhead_runtime::metrics::{self, About, Counter};
use bulkhead_runtime::{TenantFunction, chain};
use bulkhead_stores::{Document, DocumentStatus, Passage, Platform, StoreError, TenantSession};
use bulkhead_tenancy::names::DocumentId;
use bulkhead_tenancy::{Invocation, Refusal, TenantId};
use futures::{StreamExt, TryStreamExt, stream};
use lambda_runtime::Diagnostic;

pub use bulkhead_events::WorkerRequest;

/// Embedding calls of one document at a time. Embedding models are throttled by
/// requests per minute, and the quota is shared by all tenants.
const EMBEDDINGS_AT_A_TIME: usize = 8;

/// Why a job was not done. The message is delivered again.
#[derive(Debug, thiserror::Error)]
pub enum IngestionError {
    /// The job establishes no tenant.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A store failed, or the job is not this tenant's.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<IngestionError> for Diagnostic {
    fn from(error: IngestionError) -> Self {
        Self { error_type: "IngestionError".to_owned(), error_message: error.to_string() }
    }
}

/// The worker of one tier.
pub struct Ingestion {
    function: TenantFunction,
}

impl Ingestion {
    /// Prepares the worker from its environment variables.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn from_env(platform: &Platform) -> Result<Self, ConfigError> {
        Ok(Self { function: TenantFunction::from_env(platform)? })
    }

    /// Does one job for the tenant that both the job and the platform name.
    ///
    /// # Errors
    /// [`IngestionError`].
    pub async fn handle(
        &self,
        request: WorkerRequest,
        platform_tenant: Option<String>,
    ) -> Result<(), IngestionError> {
        let mut tenant = None;
        self.run(&request, platform_tenant.as_deref(), &mut tenant).await.inspect_err(|error| {
            let about = About { tenant: tenant.as_ref(), request_id: None };
            match error {
                IngestionError::Refused(refusal) => metrics::count(Counter::Refused, refusal.code(), about),
                IngestionError::Store(error) => metrics::count_failure(error, about),
            }
            tracing::error!(error = chain(error), "a document was not ingested");
        })
    }

    async fn run(
        &self,
        request: &WorkerRequest,
        platform_tenant: Option<&str>,
        admitted: &mut Option<TenantId>,
    ) -> Result<(), IngestionError> {
        let invocation = Invocation::begin();
        let scope = self.function.admission().job(&invocation, Some(&request.tenant), platform_tenant)?;
        *admitted = Some(scope.tenant().clone());
        let clients = self.function.clients(&scope);
        let session = clients.session(&scope)?;
        let job = session.jobs().open(&request.job).await?;
        ingest(session, &job.document).await?;
        Ok(())
    }
}

async fn ingest(session: TenantSession<'_>, id: &DocumentId) -> Result<(), StoreError> {
    let Some(document) = session.documents().get(id).await? else { return clean_up(session, id, 0).await };
    let bytes = match session.objects().source(id, MAX_BYTES).await {
        // S3 says "denied" of an absent object where listing is not allowed.
        Err(StoreError::Denied { .. }) if session.documents().get(id).await?.is_none() => None,
        other => other?,
    };
    let Some(bytes) = bytes else { return Ok(()) };
    let hash = fingerprint(&bytes);
    if document.status == DocumentStatus::Ready && document.content_hash.as_deref() == Some(hash.as_str()) {
        tracing::info!(%id, "already indexed");
        return Ok(());
    }
    let texts = match Format::from_content_type(&document.content_type).and_then(|f| passages(&bytes, f)) {
        Ok(texts) => texts,
        Err(reason) => {
            tracing::info!(%id, %reason, "cannot be indexed");
            session.documents().failed(id, &reason.to_string()).await?;
            return Ok(());
        }
    };
    let count = u32::try_from(texts.len()).unwrap_or(u32::MAX);
    // Noted before the first passage is written, so that whoever deletes the document
    // knows how many there may be.
    if !session.documents().processing(id, count).await? {
        return clean_up(session, id, 0).await;
    }
    let embedded = embed(session, &document, texts).await?;
    session.passages().put(id, &embedded).await?;
    if session.documents().ready(id, count, bytes.len() as u64, &hash).await? {
        tracing::info!(%id, passages = count, "indexed");
        return Ok(());
    }
    clean_up(session, id, count).await
}

/// Removes what may be left of a document that was deleted while or before we worked on
/// it, or that the API never recorded.
async fn clean_up(session: TenantSession<'_>, id: &DocumentId, written: u32) -> Result<(), StoreError> {
    let passages = session.documents().remains(id).await?.unwrap_or(0).max(written);
    session.passages().delete(id, 0..passages).await?;
    session.objects().delete_source(id).await
}

async fn embed(
    session: TenantSession<'_>,
    document: &Document,
    texts: Vec<String>,
) -> Result<Vec<Passage>, StoreError> {
    stream::iter((0..).zip(texts))
        .map(|(number, text)| async move {
            // The title says what a passage deep in a document is about.
            let embedding = session.models().embed(&format!("{}\n\n{text}", document.title)).await?;
            Ok(Passage { number, title: document.title.clone(), text, embedding })
        })
        .buffered(EMBEDDINGS_AT_A_TIME)
        .try_collect()
        .await
}
