//! Lists documents, newest first: their ids are ordered by time.

use bulkhead_tenancy::names::{DocumentId, MetadataKey, SortPrefix};

use super::record::{Document, DocumentStatus, Record, is_shown};
use super::repository::Documents;
use crate::error::StoreError;
use crate::items;
use crate::page::{Page, PageLimit};

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
                if shown && (found.len() == limit.get() || (examined == MAX_EXAMINED && !filter.is_all())) {
                    // This document belongs to the next page.
                    return Ok(Page { items: found, next: after });
                }
                if shown {
                    examined += 1;
                    let document = self.read(&id, item).await?;
                    if filter.accepts(&document) {
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
