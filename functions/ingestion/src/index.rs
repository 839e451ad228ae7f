//! From a stored document to passages that can be found.

use std::time::{Duration, SystemTime};

use bulkhead_documents::{MAX_BYTES, fingerprint};
use bulkhead_events::ExtractionAnswer;
use bulkhead_stores::{Document, Extent, Passage, Remains, StoreError, TenantSession, Throttle, Workers};
use bulkhead_tenancy::names::{DocumentId, Revision};
use futures::{StreamExt, TryStreamExt, stream};

use crate::reading::read;

/// Passages that are embedded and indexed together: what is in memory beside the texts, and
/// what is repeated at most where a run ends early.
const BATCH: usize = 64;
/// Embedding calls of one document at a time. Embedding models are throttled by
/// requests per minute, and the quota is shared by all tenants.
const EMBEDDINGS_AT_A_TIME: usize = 8;
/// Longest pause where the tenant's other jobs have reserved the model for all the time there is.
const BUSY: Duration = Duration::from_secs(30);
/// Content that may come while an older one is being dealt with, in one run.
const MOST_REVISIONS: usize = 4;

/// How indexing ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Indexed {
    /// This revision can be found, and nothing of others is left; whether that took anything
    /// that could have failed.
    Settled { revision: Revision, worked: bool },
    /// The document is gone, and nothing of it is left.
    Gone,
    /// It cannot be read, now or ever: why, in words for its owner.
    Unreadable(Revision, String),
    /// Reading it took longer than this run has time for. It may have been the machine.
    Slow,
    /// There is more to do than this run has time for: it goes on after so long.
    Unfinished(Duration),
}

/// What indexing needs beside its tenant's session.
#[derive(Clone, Copy)]
pub(crate) struct Means<'a> {
    /// The function that reads documents.
    pub readers: &'a Workers,
    /// How often the model may be asked.
    pub embeddings: Throttle,
    /// Then nothing more is begun.
    pub until: SystemTime,
}

impl Means<'_> {
    fn left(&self) -> Duration {
        self.until.duration_since(SystemTime::now()).unwrap_or_default()
    }
}

/// Makes the newest content that came for the document findable.
pub(crate) async fn index(
    session: TenantSession<'_>,
    id: &DocumentId,
    means: Means<'_>,
) -> Result<Indexed, StoreError> {
    let mut worked = false;
    for _ in 0..MOST_REVISIONS {
        let Some(document) = session.documents().get(id).await? else {
            return clean_up(session, id).await;
        };
        // A job is only ever accepted with content.
        let Some(revision) = document.accepted else { return Ok(Indexed::Gone) };
        if document.settled == Some(revision) {
            tidy(session, &document, revision).await?;
            return Ok(Indexed::Settled { revision, worked });
        }
        if let Some(ended) = bring_up_to_date(session, &document, revision, means).await? {
            return Ok(ended);
        }
        worked = true;
    }
    Ok(Indexed::Unfinished(Duration::ZERO))
}

/// Lets `revision` be found. `None` where the document has to be looked at again: it changed,
/// or it is done.
async fn bring_up_to_date(
    session: TenantSession<'_>,
    document: &Document,
    revision: Revision,
    means: Means<'_>,
) -> Result<Option<Indexed>, StoreError> {
    let id = &document.id;
    let source = match session.objects().source(id, revision, MAX_BYTES).await {
        // S3 says "denied" of an absent object where listing is not allowed.
        Err(StoreError::Denied { .. }) if session.documents().get(id).await?.is_none() => return Ok(None),
        other => other?,
    };
    let Some(source) = source else {
        let reason = "its bytes are not there any more".to_owned();
        return Ok(Some(Indexed::Unreadable(revision, reason)));
    };
    let content_type = Some(source.content_type).filter(|found| !found.is_empty());
    let content_type = content_type.unwrap_or_else(|| document.content_type.clone());
    // The title is part of what is embedded.
    let hash = fingerprint(&[document.title.as_bytes(), content_type.as_bytes(), &source.bytes]);
    if document.live.as_ref().is_some_and(|live| live.hash == hash) {
        tracing::info!(%id, revision = revision.number(), "already indexed");
        session.documents().unchanged(id, revision).await?;
        return Ok(None);
    }
    let reading = read(means.readers, session, content_type, source.bytes);
    let Ok(answer) = tokio::time::timeout(means.left(), reading).await else {
        return Ok(Some(Indexed::Slow));
    };
    let texts = match answer? {
        ExtractionAnswer::Passages(texts) => texts,
        ExtractionAnswer::Unreadable(reason) => {
            tracing::info!(%id, reason, "cannot be indexed");
            return Ok(Some(Indexed::Unreadable(revision, reason)));
        }
    };
    let extent = Extent { revision, passages: u32::try_from(texts.len()).unwrap_or(u32::MAX), hash };
    let Some(begin) = begin(session, document, &extent).await? else { return Ok(None) };
    for (numbers, batch) in batches(texts, begin) {
        // Each run gets somewhere, however little time it was given.
        if numbers.start > begin && means.left().is_zero() {
            return Ok(Some(Indexed::Unfinished(Duration::ZERO)));
        }
        let calls = u32::try_from(batch.len()).unwrap_or(u32::MAX);
        let Some(wait) = session.turns(means.embeddings).reserve(calls, means.left()).await? else {
            return Ok(Some(Indexed::Unfinished(BUSY.mul_f64(fastrand::f64()))));
        };
        tokio::time::sleep(wait).await;
        let embedded = embed(session, document, numbers.start, batch).await?;
        session.passages().put(id, revision, &embedded).await?;
        if !session.documents().indexed(id, &extent, numbers.end).await? {
            return Ok(None);
        }
    }
    if session.documents().switch(id, &extent, document.live.as_ref()).await? {
        tracing::info!(%id, revision = revision.number(), passages = extent.passages, "indexed");
    }
    Ok(None)
}

/// Returns from which passage on there is something to do, after everything is noted that
/// has to be before the first one is written; `None` where the document is gone.
async fn begin(
    session: TenantSession<'_>,
    document: &Document,
    extent: &Extent,
) -> Result<Option<u32>, StoreError> {
    if document.pending.as_ref() == Some(extent) {
        return Ok(Some(document.indexed));
    }
    // What was begun and is not to be found any more: nobody would know of it later.
    for left in document.pending.iter().chain(&document.stale) {
        session.passages().delete(&document.id, left.revision, 0..left.passages).await?;
    }
    Ok(session.documents().processing(&document.id, extent).await?.then_some(0))
}

/// Splits `texts` into batches with their numbers, from the passage `begin` on.
fn batches(texts: Vec<String>, begin: u32) -> impl Iterator<Item = (std::ops::Range<u32>, Vec<String>)> {
    let mut rest = texts.into_iter().skip(usize::try_from(begin).unwrap_or(usize::MAX));
    let mut number = begin;
    std::iter::from_fn(move || {
        let batch: Vec<_> = rest.by_ref().take(BATCH).collect();
        let first = number;
        number = number.saturating_add(u32::try_from(batch.len()).unwrap_or(u32::MAX));
        (!batch.is_empty()).then_some((first..number, batch))
    })
}

/// Removes what is not needed any more beside `revision`.
async fn tidy(session: TenantSession<'_>, document: &Document, revision: Revision) -> Result<(), StoreError> {
    if let Some(stale) = &document.stale {
        session.passages().delete(&document.id, stale.revision, 0..stale.passages).await?;
    }
    for number in document.oldest.number()..revision.number() {
        if let Some(old) = Revision::of(number) {
            session.objects().delete_source(&document.id, old).await?;
        }
    }
    if document.stale.is_some() || document.oldest < revision {
        session.documents().tidied(&document.id, revision).await?;
    }
    Ok(())
}

/// Removes what may be left of a document that was deleted while or before we worked on
/// it, or that the API never recorded.
async fn clean_up(session: TenantSession<'_>, id: &DocumentId) -> Result<Indexed, StoreError> {
    match session.documents().remains(id).await? {
        Some(remains) => remove(session, id, &remains).await?,
        None => session.objects().delete_source(id, Revision::FIRST).await?,
    }
    Ok(Indexed::Gone)
}

async fn remove(session: TenantSession<'_>, id: &DocumentId, remains: &Remains) -> Result<(), StoreError> {
    session.passages().remove(id, remains).await?;
    session.objects().remove(id, remains).await
}

async fn embed(
    session: TenantSession<'_>,
    document: &Document,
    first: u32,
    texts: Vec<String>,
) -> Result<Vec<Passage>, StoreError> {
    stream::iter((first..).zip(texts))
        .map(|(number, text)| async move {
            // The title says what a passage deep in a document is about.
            let embedding = session.models().embed(&format!("{}\n\n{text}", document.title)).await?;
            Ok(Passage { number, title: document.title.clone(), text, embedding })
        })
        .buffered(EMBEDDINGS_AT_A_TIME)
        .try_collect()
        .await
}
