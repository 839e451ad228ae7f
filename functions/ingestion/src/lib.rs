//! Makes a document findable: reads it, splits it, embeds and indexes its passages.
//!
//! Idempotent: passages have names of their own, and content that was indexed before is
//! left as it is. Delivering a job twice changes nothing.

use bulkhead_documents::{Format, MAX_BYTES, fingerprint, passages};
use bulkhead_runtime::config::ConfigError;
use bulkhead_runtime::metrics::{self, Counter};
use bulkhead_runtime::{TenantFunction, chain};
use bulkhead_stores::{Document, DocumentStatus, Passage, Platform, StoreError, TenantSession};
use bulkhead_tenancy::names::DocumentId;
use bulkhead_tenancy::{Invocation, Refusal};
use futures::{StreamExt, TryStreamExt, stream};
use lambda_runtime::Diagnostic;

pub use bulkhead_runtime::worker::WorkerRequest;

/// Embedding calls of one document at a time. Embedding models are throttled by
/// requests per minute, and the quota is shared by all tenants.
const EMBEDDINGS_AT_A_TIME: usize = 4;

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
        self.run(&request, platform_tenant.as_deref()).await.inspect_err(|error| {
            match error {
                IngestionError::Refused(refusal) => metrics::count(Counter::Refused, refusal.code(), None),
                IngestionError::Store(StoreError::Denied { operation, .. }) => {
                    metrics::count(Counter::AccessDenied, operation, None);
                }
                IngestionError::Store(StoreError::Seal { operation, .. }) => {
                    metrics::count(Counter::SealBroken, operation, None);
                }
                IngestionError::Store(_) => metrics::count(Counter::Fault, "ingestion", None),
            }
            tracing::error!(error = chain(error), "a document was not ingested");
        })
    }

    async fn run(
        &self,
        request: &WorkerRequest,
        platform_tenant: Option<&str>,
    ) -> Result<(), IngestionError> {
        let invocation = Invocation::begin();
        let scope = self.function.admission().job(&invocation, Some(&request.tenant), platform_tenant)?;
        let clients = self.function.clients(&scope);
        let session = clients.session(&scope)?;
        let job = session.jobs().open(&request.job).await?;
        ingest(session, &job.document).await?;
        Ok(())
    }
}

async fn ingest(session: TenantSession<'_>, id: &DocumentId) -> Result<(), StoreError> {
    let Some(document) = session.documents().get(id).await? else {
        // Deleted, or never recorded by the API: nothing may refer to these bytes.
        return session.objects().delete_source(id).await;
    };
    let Some(bytes) = session.objects().source(id, MAX_BYTES).await? else { return Ok(()) };
    let hash = fingerprint(&bytes);
    if document.status == DocumentStatus::Ready && document.content_hash.as_deref() == Some(hash.as_str()) {
        tracing::info!(%id, "already indexed");
        return Ok(());
    }
    session.documents().processing(id).await?;
    let texts = match Format::from_content_type(&document.content_type).and_then(|f| passages(&bytes, f)) {
        Ok(texts) => texts,
        Err(reason) => return give_up(session, &document, &reason.to_string()).await,
    };
    let embedded = embed(session, &document, texts).await?;
    let count = u32::try_from(embedded.len()).unwrap_or(u32::MAX);
    session.passages().put(id, &embedded).await?;
    // What earlier content had more of.
    session.passages().delete(id, count..document.passages.max(count)).await?;
    if session.documents().ready(id, count, bytes.len() as u64, &hash).await? {
        tracing::info!(%id, passages = count, "indexed");
        return Ok(());
    }
    // Deleted while we worked.
    session.passages().delete(id, 0..count).await?;
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

async fn give_up(session: TenantSession<'_>, document: &Document, reason: &str) -> Result<(), StoreError> {
    tracing::info!(id = %document.id, reason, "cannot be indexed");
    session.passages().delete(&document.id, 0..document.passages).await?;
    session.documents().failed(&document.id, reason).await?;
    Ok(())
}
