//! Indexes a stored document: reads it, embeds its passages and makes them searchable.

use std::ops::ControlFlow::{self, Break, Continue};
use std::time::{Duration, SystemTime};

use bulkhead_documents::{DocumentError, MAX_BYTES, Options, Passage as Read};
use bulkhead_stores::{
    BudgetRefusal, BudgetSettings, Document, Embedded, Extent, Passage, StoreError, TenantSession,
    TextPurpose, Throttle, WorkerClient, now,
};
use bulkhead_tenancy::names::{DocumentId, Revision};

use crate::extraction::{Content, Reading, read};

/// Passages per batch. Bounds the memory for embeddings, and the work that is repeated if an invocation
/// ends early.
const BATCH: usize = 64;
/// The name of indexing in the records of usage.
const ROUTE: &str = "documents";
/// Longest delay of a job whose tenant's budgets have no room.
const BUDGET_DELAY: Duration = Duration::from_secs(10 * 60);
/// Longest delay of a job if other jobs of the tenant have reserved the embedding rate.
const RATE_DELAY: Duration = Duration::from_secs(30);
/// Maximum revisions that one call indexes because newer ones arrive.
const MAX_REVISIONS: usize = 4;

/// The outcome of indexing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum IndexOutcome {
    /// The revision is searchable, and data of older revisions is removed. `worked` says whether this call
    /// indexed anything.
    Searchable { revision: Revision, worked: bool },
    /// The document is deleted or has no record. Its data remains.
    Deleted,
    /// The document is unreadable, with the reason in words for its owner. A retry does not help.
    Unreadable(Revision, String),
    /// The function `extraction` did not answer in time, or could not fetch the bytes. The document is not the
    /// cause.
    NoAnswer,
    /// The tenant's budgets have no room. The work continues after the delay.
    OverBudget(Duration),
    /// The work needs more time than this invocation has. It continues after the delay.
    Unfinished(Duration),
}

/// What indexing needs besides the tenant's session.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    /// The function `extraction`.
    pub extraction: &'a WorkerClient,
    /// The tenant's rate at the embedding model.
    pub embeddings: Throttle,
    /// The tenant's budgets.
    pub budgets: &'a BudgetSettings,
    /// No new work starts after this time.
    pub until: SystemTime,
}

impl Context<'_> {
    fn time_left(&self) -> Duration {
        self.until.duration_since(SystemTime::now()).unwrap_or_default()
    }
}

/// Makes the newest received revision of the document searchable.
pub(crate) async fn index(
    session: TenantSession<'_>,
    id: &DocumentId,
    context: Context<'_>,
) -> Result<IndexOutcome, StoreError> {
    let mut worked = false;
    for _ in 0..MAX_REVISIONS {
        let Some(document) = session.documents().received(id).await? else {
            return Ok(IndexOutcome::Deleted);
        };
        let Some(revision) = document.received_revision else {
            return Err(StoreError::corrupt("read document", "a job without a received revision"));
        };
        if document.processed_revision == Some(revision) {
            remove_old_revisions(session, &document, revision).await?;
            return Ok(IndexOutcome::Searchable { revision, worked });
        }
        if let Some(ended) = index_revision(session, &document, revision, context).await? {
            return Ok(ended);
        }
        worked = true;
    }
    Ok(IndexOutcome::Unfinished(Duration::ZERO))
}

/// Indexes `revision`. Returns `None` if the document must be read again: it changed, or `revision` is
/// searchable now.
async fn index_revision(
    session: TenantSession<'_>,
    document: &Document,
    revision: Revision,
    context: Context<'_>,
) -> Result<Option<IndexOutcome>, StoreError> {
    let id = &document.id;
    let unreadable = |reason: String| {
        tracing::info!(document = %id, reason, "document unreadable");
        Ok(Some(IndexOutcome::Unreadable(revision, reason)))
    };
    let Some(source) = session.objects().source(id, revision).await? else {
        return unreadable("the bytes of the document are missing".to_owned());
    };
    if source.bytes > MAX_BYTES as u64 {
        return unreadable(DocumentError::TooLarge.to_string());
    }
    let content_type = Some(source.content_type).filter(|found| !found.is_empty());
    let content_type = content_type.unwrap_or_else(|| document.content_type.clone());
    let options = Options { keep_boilerplate: document.keep_boilerplate };
    let content = Content { document, revision, content_type: &content_type, options };
    // Continues where an earlier invocation stopped, if the passages are the same.
    let pending = document.pending.as_ref().filter(|pending| pending.revision == revision);
    let resumed = pending.map_or(0, |_| document.indexed_passages);
    let page = match read(context.extraction, session, content, resumed, context.time_left()).await? {
        Reading::Page(page) => page,
        Reading::Unreadable(reason) => return unreadable(reason),
        Reading::NoAnswer => return Ok(Some(IndexOutcome::NoAnswer)),
    };
    if document.live.as_ref().is_some_and(|live| live.hash == page.hash) {
        tracing::info!(document = %id, revision = revision.number(), "content unchanged");
        session.documents().keep_live(id, revision).await?;
        return Ok(None);
    }
    let extent = Extent { revision, passages: page.text.total, hash: page.hash };
    let Some(first) = start(session, document, &extent, &page.text.warnings).await? else { return Ok(None) };
    // If `start` begins at 0 again, these are other passages than an earlier invocation indexed.
    let passages = if first == resumed { page.text.passages } else { vec![] };
    if let Break(ended) = index_passages(session, content, &extent, first, passages, context).await? {
        return Ok(ended);
    }
    if session.documents().publish(id, &extent, document.live.as_ref()).await? {
        tracing::info!(document = %id, revision = revision.number(), passages = extent.passages, "revision searchable");
    }
    Ok(None)
}

/// Indexes the passages of `extent` from number `first` on. `passages` are the first of them, if they are read.
///
/// Breaks with the result of [`index_revision`] if the work ends before the last passage.
async fn index_passages(
    session: TenantSession<'_>,
    content: Content<'_>,
    extent: &Extent,
    first: u32,
    mut passages: Vec<Read>,
    context: Context<'_>,
) -> Result<ControlFlow<Option<IndexOutcome>>, StoreError> {
    let document = content.document;
    let unfinished = |delay| Ok(Break(Some(IndexOutcome::Unfinished(delay))));
    let mut next = first;
    while next < extent.passages {
        if passages.is_empty() {
            match read(context.extraction, session, content, next, context.time_left()).await? {
                Reading::Page(page) if page.hash == extent.hash && !page.text.passages.is_empty() => {
                    passages = page.text.passages;
                }
                // A deployment changed the readers between two pages.
                Reading::Page(_) => return Ok(Break(None)),
                Reading::Unreadable(reason) => {
                    return Ok(Break(Some(IndexOutcome::Unreadable(extent.revision, reason))));
                }
                Reading::NoAnswer if next > first => return unfinished(Duration::ZERO),
                Reading::NoAnswer => return Ok(Break(Some(IndexOutcome::NoAnswer))),
            }
        }
        for (numbers, batch) in batches(std::mem::take(&mut passages), next) {
            // Each invocation indexes at least one batch.
            if numbers.start > first && context.time_left().is_zero() {
                return unfinished(Duration::ZERO);
            }
            let calls = u32::try_from(batch.len()).unwrap_or(u32::MAX);
            let Some(wait) =
                session.embedding_rate(context.embeddings).reserve(calls, context.time_left()).await?
            else {
                return unfinished(RATE_DELAY.mul_f64(fastrand::f64()));
            };
            tokio::time::sleep(wait).await;
            let embedded = match embed(session, context, document, numbers.start, batch).await? {
                Ok(embedded) => embedded,
                Err(refusal) => {
                    tracing::info!(document = %document.id, ?refusal, "budget has no room");
                    return Ok(Break(Some(IndexOutcome::OverBudget(refused_for(&refusal)))));
                }
            };
            session.passages().put(&document.id, extent.revision, &document.metadata, &embedded).await?;
            if !session.documents().record_progress(&document.id, extent, numbers.end).await? {
                return Ok(Break(None));
            }
            next = numbers.end;
        }
    }
    Ok(Continue(()))
}

/// Returns the number of the first passage to index; `None` if the document does not exist.
///
/// Records the extent before the first passage is written.
async fn start(
    session: TenantSession<'_>,
    document: &Document,
    extent: &Extent,
    warnings: &[String],
) -> Result<Option<u32>, StoreError> {
    if document.pending.as_ref() == Some(extent) {
        return Ok(Some(document.indexed_passages));
    }
    // Removes unfinished and replaced passages now, because the record will no longer name them.
    for left in document.pending.iter().chain(&document.stale) {
        session.passages().delete(&document.id, left.revision, 0..left.passages).await?;
    }
    Ok(session.documents().start_indexing(&document.id, extent, warnings).await?.then_some(0))
}

/// Splits `passages` into batches with their numbers. The first passage has the number `first`.
fn batches(passages: Vec<Read>, first: u32) -> impl Iterator<Item = (std::ops::Range<u32>, Vec<Read>)> {
    let mut rest = passages.into_iter();
    let mut number = first;
    std::iter::from_fn(move || {
        let batch: Vec<_> = rest.by_ref().take(BATCH).collect();
        let start = number;
        number = number.saturating_add(u32::try_from(batch.len()).unwrap_or(u32::MAX));
        (!batch.is_empty()).then_some((start..number, batch))
    })
}

/// Removes the passages and bytes of revisions before `revision`.
async fn remove_old_revisions(
    session: TenantSession<'_>,
    document: &Document,
    revision: Revision,
) -> Result<(), StoreError> {
    if let Some(stale) = &document.stale {
        session.passages().delete(&document.id, stale.revision, 0..stale.passages).await?;
    }
    if document.oldest_stored_revision < revision {
        session.objects().remove_before(&document.id, revision).await?;
    }
    if document.stale.is_some() || document.oldest_stored_revision < revision {
        session.documents().record_cleanup(&document.id, revision).await?;
    }
    Ok(())
}

/// Embeds a batch, or returns why the tenant's budgets do not permit it.
async fn embed(
    session: TenantSession<'_>,
    context: Context<'_>,
    document: &Document,
    first: u32,
    passages: Vec<Read>,
) -> Result<Result<Vec<Passage>, BudgetRefusal>, StoreError> {
    // The title gives context to passages deep in a document.
    let texts: Vec<_> =
        passages.iter().map(|passage| format!("{}\n\n{}", document.title, passage.text)).collect();
    let embedded = match session.budgets(context.budgets).embed(ROUTE, &texts, TextPurpose::Passage).await? {
        Ok(embedded) => embedded,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let passage = |((number, Read { text, headings, page, range }), Embedded { vector, .. })| Passage {
        number,
        title: document.title.clone(),
        text,
        headings,
        page,
        range,
        embedding: vector,
    };
    Ok(Ok((first..).zip(passages).zip(embedded).map(passage).collect()))
}

/// Returns when to ask the budgets again: when they reset, but within [`BUDGET_DELAY`], because an operator may raise
/// them.
fn refused_for(refusal: &BudgetRefusal) -> Duration {
    match refusal {
        BudgetRefusal::Exhausted(exhausted) => exhausted.resets_at.since(now()).min(BUDGET_DELAY),
        BudgetRefusal::NoPrice { .. } => BUDGET_DELAY,
    }
}
