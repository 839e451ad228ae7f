//! Lists documents, newest first: their ids are ordered by time.

use bulkhead_tenancy::names::{DocumentId, MetadataKey, SortPrefix};

use super::record::{Document, DocumentStatus, Record, is_shown};
use super::repository::Documents;
use crate::error::StoreError;
use crate::items;
use crate::page::{Page, PageLimit};
use crate::repositories::filter::Filter;

const OPERATION: &str = "list documents";
/// Maximum documents that one call with a filter opens.
const MAX_EXAMINED: usize = 500;

/// Which documents to list. All conditions must hold.
pub struct DocumentFilter<'a> {
    /// The status that is shown.
    pub status: Option<DocumentStatus>,
    /// Accepts the content type.
    pub content_type: Option<&'a (dyn Fn(&str) -> bool + Sync)>,
    /// Keys of the metadata and their values, as text.
    pub metadata: &'a [(MetadataKey, String)],
}

impl DocumentFilter<'_> {
    /// Accepts every document.
    pub const ALL: Self = Self { status: None, content_type: None, metadata: &[] };

    fn is_all(&self) -> bool {
        self.status.is_none() && self.content_type.is_none() && self.metadata.is_empty()
    }

    fn accepts(&self, document: &Document) -> bool {
        self.status.is_none_or(|status| status == document.status)
            && self.content_type.is_none_or(|accepts| accepts(&document.content_type))
            && self.metadata.iter().all(|(key, text)| document.metadata.matches(key, text))
    }
}

impl Documents<'_> {
    /// Lists the documents before `after` in time, newest first.
    ///
    /// With a filter, a page may have fewer documents than `limit` and still a cursor: one call opens at most
    /// `MAX_EXAMINED` documents. The cursor is the id of the last document that was examined.
    pub async fn list(
        &self,
        limit: PageLimit,
        after: Option<&DocumentId>,
        filter: &DocumentFilter<'_>,
    ) -> Result<Page<Document, DocumentId>, StoreError> {
        let accepts = |document: &Document| filter.accepts(document);
        let most = if filter.is_all() { usize::MAX } else { MAX_EXAMINED };
        self.examine(after, limit.get(), most, &accepts).await
    }

    /// Returns the documents before `after` in time whose metadata passes `filter`, newest first.
    ///
    /// One call opens at most `MAX_EXAMINED` documents. The cursor is the id of the last document that was examined.
    pub async fn matching(
        &self,
        after: Option<&DocumentId>,
        filter: &Filter,
    ) -> Result<Page<DocumentId, DocumentId>, StoreError> {
        let accepts = |document: &Document| filter.accepts(&document.metadata);
        let page = self.examine(after, MAX_EXAMINED, MAX_EXAMINED, &accepts).await?;
        Ok(Page { items: page.items.into_iter().map(|document| document.id).collect(), next: page.next })
    }

    /// Opens at most `most` documents before `after` in time, and returns the first `limit` that `accepts` accepts.
    async fn examine(
        &self,
        after: Option<&DocumentId>,
        limit: usize,
        most: usize,
        accepts: &(dyn Fn(&Document) -> bool + Sync),
    ) -> Result<Page<Document, DocumentId>, StoreError> {
        let mut after = after.cloned();
        let mut found = vec![];
        let mut examined = 0;
        loop {
            let start = after.as_ref().map(|id| self.session.scope().document_key(id));
            let (items, more) =
                items::list_back(&self.session, OPERATION, SortPrefix::Document, start).await?;
            let listed = items.len();
            for (number, item) in items.into_iter().enumerate() {
                let Record { id, .. } = items::record(OPERATION, item.clone())?;
                let shown = is_shown(&item);
                if shown && (found.len() == limit || examined == most) {
                    // This document belongs to the next page.
                    return Ok(Page { items: found, next: after });
                }
                if shown {
                    examined += 1;
                    let document = self.read(&id, item).await?;
                    if accepts(&document) {
                        found.push(document);
                    }
                }
                after = Some(id);
                if number + 1 == listed && !more {
                    return Ok(Page { items: found, next: None });
                }
            }
            if listed == 0 {
                return Ok(Page { items: found, next: None });
            }
        }
    }
}
