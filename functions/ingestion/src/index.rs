//! From a stored document to passages that can be found.

use bulkhead_documents::{Format, MAX_BYTES, fingerprint, passages};
use bulkhead_stores::{Document, DocumentStatus, Passage, StoreError, TenantSession};
use bulkhead_tenancy::names::DocumentId;
use futures::{StreamExt, TryStreamExt, stream};

/// Embedding calls of one document at a time. Embedding models are throttled by
/// requests per minute, and the quota is shared by all tenants.
const EMBEDDINGS_AT_A_TIME: usize = 8;

/// How indexing ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Indexed {
    /// The document can be found, or it is gone.
    Done,
    /// It cannot be read, now or ever: why, in words for its owner.
    Unreadable(String),
}

/// Makes the document findable.
pub(crate) async fn index(session: TenantSession<'_>, id: &DocumentId) -> Result<Indexed, StoreError> {
    let Some(document) = session.documents().get(id).await? else { return clean_up(session, id, 0).await };
    let bytes = match session.objects().source(id, MAX_BYTES).await {
        // S3 says "denied" of an absent object where listing is not allowed.
        Err(StoreError::Denied { .. }) if session.documents().get(id).await?.is_none() => None,
        other => other?,
    };
    let Some(bytes) = bytes else { return Ok(Indexed::Done) };
    let hash = fingerprint(&bytes);
    if document.status == DocumentStatus::Ready && document.content_hash.as_deref() == Some(hash.as_str()) {
        tracing::info!(%id, "already indexed");
        return Ok(Indexed::Done);
    }
    let texts = match Format::from_content_type(&document.content_type).and_then(|f| passages(&bytes, f)) {
        Ok(texts) => texts,
        Err(reason) => {
            tracing::info!(%id, %reason, "cannot be indexed");
            return Ok(Indexed::Unreadable(reason.to_string()));
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
        return Ok(Indexed::Done);
    }
    clean_up(session, id, count).await
}

/// Removes what may be left of a document that was deleted while or before we worked on
/// it, or that the API never recorded.
async fn clean_up(session: TenantSession<'_>, id: &DocumentId, written: u32) -> Result<Indexed, StoreError> {
    let passages = session.documents().remains(id).await?.unwrap_or(0).max(written);
    session.passages().delete(id, 0..passages).await?;
    session.objects().delete_source(id).await?;
    Ok(Indexed::Done)
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
