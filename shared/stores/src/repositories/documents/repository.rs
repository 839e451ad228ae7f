use aws_sdk_dynamodb::types::AttributeValue;
use bulkhead_tenancy::names::{DocumentId, Purpose, Revision, SortPrefix};

use super::announcement::{Announcement, Announcements, MAX_OUTSTANDING};
use super::deletion::KEEP_SECONDS;
use super::record::{
    Details, Document, DocumentStatus, IngestionState, NOT_DELETED, NewContent, Record, document, is_shown,
    outstanding, status,
};
use crate::clock;
use crate::error::{Classify, StoreError};
use crate::items::{self, Item, SEALED, number};
use crate::page::{Page, PageLimit};
use crate::session::TenantSession;

/// Maximum optimistic-lock attempts before an announcement fails with [`StoreError::Conflict`].
const MAX_ATTEMPTS: usize = 16;

/// The result of announcing a revision.
#[derive(Debug)]
pub enum Replacement {
    /// The document, as the announced revision describes it.
    Announced(Box<Document>),
    /// The document does not exist.
    NotFound,
    /// This number of announced revisions is outstanding. Their bytes must arrive first, or they must expire.
    TooManyOutstanding(usize),
}

/// The tenant's document records.
pub struct Documents<'s> {
    pub(super) session: TenantSession<'s>,
}

impl<'s> TenantSession<'s> {
    /// Returns the tenant's document records.
    pub fn documents(&self) -> Documents<'s> {
        Documents { session: *self }
    }
}

impl Documents<'_> {
    /// Records a new document.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the id is in use.
    pub async fn create(&self, id: DocumentId, content: NewContent) -> Result<Document, StoreError> {
        const OPERATION: &str = "create document";
        let now = clock::now();
        let key = self.session.scope().document_key(&id);
        let record = Record {
            id,
            content_type: content.content_type,
            bytes: content.bytes,
            status: DocumentStatus::Queued,
            revision: Revision::FIRST,
            by_upload: content.by_upload,
            announced: Announcements::default(),
            waiting_reason: None,
            received_revision: None,
            processed_revision: None,
            oldest_stored_revision: Revision::FIRST,
            live: None,
            pending: None,
            stale: None,
            indexed_passages: 0,
            job_location: None,
            cleaned: false,
            last_error: None,
            warnings: vec![],
            created_at: now,
            updated_at: now,
        };
        let details = Details { title: content.title, keep_boilerplate: content.keep_boilerplate };
        let mut item = items::item(&key, &record)?;
        if content.by_upload {
            // Nothing else removes a document whose upload never arrives. Accepting its first revision removes this.
            let expires_at = now.as_seconds() + KEEP_SECONDS;
            item.insert("expires_at".to_owned(), AttributeValue::N(expires_at.to_string()));
        }
        item.insert(SEALED.to_owned(), items::seal(&self.session, Purpose::Document, &key, &details).await?);
        let written = self
            .session
            .dynamodb()
            .put_item()
            .table_name(&self.session.settings().table)
            .set_item(Some(item.clone()))
            .condition_expression("attribute_not_exists(pk)")
            .send()
            .await
            .during(OPERATION);
        match written {
            // The answer to an earlier attempt was lost. The stored item has our seal, and no two seals are
            // equal.
            Err(StoreError::Conflict { .. })
                if items::get(&self.session, OPERATION, &key)
                    .await?
                    .is_some_and(|found| found.get(SEALED) == item.get(SEALED)) => {}
            other => drop(other?),
        }
        Ok(document(record, details))
    }

    /// Announces the next revision.
    ///
    /// The document keeps its title, type and content until the bytes of the new revision are stored, and its
    /// searchable content until they are indexed. An announcement whose bytes do not arrive expires after 30
    /// minutes.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if other writers win every race.
    pub async fn replace(&self, id: &DocumentId, content: NewContent) -> Result<Replacement, StoreError> {
        const OPERATION: &str = "replace document";
        let key = self.session.scope().document_key(id);
        let details = Details { title: content.title, keep_boilerplate: content.keep_boilerplate };
        let sealed = items::seal_value(&self.session, Purpose::Document, &key, &details).await?;
        for _ in 0..MAX_ATTEMPTS {
            let Some(mut record) = self.shown(id).await? else { return Ok(Replacement::NotFound) };
            let (now, seen, next) = (clock::now(), record.revision, record.revision.next());
            let announced = Announcement::new(
                content.by_upload,
                content.content_type.clone(),
                content.bytes,
                sealed.clone(),
                now,
            );
            if !record.announced.add(next, announced.clone(), record.received_revision, now) {
                return Ok(Replacement::TooManyOutstanding(MAX_OUTSTANDING));
            }
            let values = [
                (":next", number(next.number())),
                (":seen", number(seen.number())),
                (":announced", items::attribute(OPERATION, &record.announced)?),
                (":deleted", status(DocumentStatus::Deleted)),
            ];
            let condition = format!("{NOT_DELETED} AND revision = :seen");
            // A lost answer to this write announces a revision that never arrives, which does no harm.
            if self
                .change(
                    id,
                    "SET revision = :next, announced = :announced, updated_at = :now",
                    &condition,
                    values,
                )
                .await?
            {
                record.updated_at = now;
                let current = document(record, Details::default());
                return Ok(Replacement::Announced(Box::new(outstanding(current, next, announced, details))));
            }
        }
        Err(StoreError::Conflict { operation: OPERATION })
    }

    /// Returns the document; `None` if it does not exist.
    pub async fn get(&self, id: &DocumentId) -> Result<Option<Document>, StoreError> {
        let key = self.session.scope().document_key(id);
        match items::get(&self.session, "read document", &key).await? {
            Some(item) if is_shown(&item) => Ok(Some(self.read(id, item).await?)),
            _ => Ok(None),
        }
    }

    /// Returns the document as its newest received revision describes it, for the worker; `None` if it does not
    /// exist.
    pub async fn received(&self, id: &DocumentId) -> Result<Option<Document>, StoreError> {
        let key = self.session.scope().document_key(id);
        match items::get(&self.session, "read document", &key).await? {
            Some(item) if is_shown(&item) => Ok(Some(self.read_received(id, item).await?)),
            _ => Ok(None),
        }
    }

    /// Lists the documents after `after`, by id (oldest first).
    pub async fn list(
        &self,
        limit: PageLimit,
        after: Option<&DocumentId>,
    ) -> Result<Page<Document, DocumentId>, StoreError> {
        const OPERATION: &str = "list documents";
        let after = after.map(|id| self.session.scope().document_key(id));
        let (found, more) =
            items::list(&self.session, OPERATION, SortPrefix::Document, after, limit, is_shown).await?;
        let mut documents = Vec::with_capacity(found.len());
        for item in found {
            let Record { id, .. } = items::record(OPERATION, item.clone())?;
            documents.push(self.read(&id, item).await?);
        }
        Ok(Page::new(documents, more, |document| document.id.clone()))
    }

    /// Returns the searchable revision; `None` if there is none or the document does not exist.
    pub(crate) async fn live_revision(&self, id: &DocumentId) -> Result<Option<Revision>, StoreError> {
        Ok(self.shown(id).await?.and_then(|record| record.live).map(|live| live.revision))
    }

    /// Returns the ingestion state of the document; `None` if it does not exist.
    pub(crate) async fn ingestion_state(
        &self,
        id: &DocumentId,
    ) -> Result<Option<IngestionState>, StoreError> {
        let record = self.shown(id).await?;
        Ok(record.map(|record| IngestionState {
            newest: record.revision,
            received: record.received_revision,
            job_location: record.job_location,
            announced: record.announced,
        }))
    }

    async fn shown(&self, id: &DocumentId) -> Result<Option<Record>, StoreError> {
        const OPERATION: &str = "read document";
        let key = self.session.scope().document_key(id);
        let item = items::get(&self.session, OPERATION, &key).await?.filter(is_shown);
        item.map(|item| items::record(OPERATION, item)).transpose()
    }

    /// Returns the document as its newest revision describes it, received or outstanding.
    async fn read(&self, id: &DocumentId, item: Item) -> Result<Document, StoreError> {
        let key = self.session.scope().document_key(id);
        let record: Record = items::record("read document", item.clone())?;
        let newest = record.announced.newest(record.received_revision, clock::now());
        let newest = newest.map(|(revision, announced)| (revision, announced.clone()));
        match newest {
            None => self.read_received(id, item).await,
            Some((revision, announced)) => {
                let details =
                    items::open_value(&self.session, Purpose::Document, &key, &announced.sealed).await?;
                let current = document(record, Details::default());
                Ok(outstanding(current, revision, announced, details))
            }
        }
    }

    /// Returns the document as its newest received revision describes it.
    async fn read_received(&self, id: &DocumentId, item: Item) -> Result<Document, StoreError> {
        let key = self.session.scope().document_key(id);
        let details: Details = items::open(&self.session, Purpose::Document, &key, &item).await?;
        Ok(document(items::record("read document", item)?, details))
    }
}
