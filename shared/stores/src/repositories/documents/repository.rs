use aws_sdk_dynamodb::types::AttributeValue;
use bulkhead_sealing::Sealed;
use bulkhead_tenancy::names::{DocumentId, ExternalId, ItemKey, Purpose, Revision};

use super::announcement::{Announcement, Announcements, MAX_OUTSTANDING};
use super::deletion::KEEP_SECONDS;
use super::record::{
    Details, Document, DocumentStatus, IngestionState, NOT_DELETED, NewContent, Record, document, is_shown,
    outstanding, status,
};
use crate::clock;
use crate::error::{Classify, StoreError};
use crate::items::{self, Item, SEALED, number};
use crate::session::TenantSession;

/// Maximum optimistic-lock attempts before an announcement fails with [`StoreError::Conflict`].
pub(super) const MAX_ATTEMPTS: usize = 16;
const REPLACE: &str = "replace document";
/// The attribute of a record that holds the sealed external id.
pub(super) const EXTERNAL_ID: &str = "external_id";

/// The result of announcing a revision.
#[derive(Debug)]
pub enum Replacement {
    /// The document, as the announced revision describes it.
    Announced(Box<Document>),
    /// The document does not exist.
    NotFound,
    /// This number of announced revisions is outstanding. Their bytes must arrive first, or they must expire.
    TooManyOutstanding(usize),
    /// The bytes of this revision, which the new one would have, have not arrived or are removed.
    NoContent(Revision),
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
        let (item, document) = self.new_item(id, content, None).await?;
        let key = self.session.scope().document_key(&document.id);
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
        Ok(document)
    }

    /// Returns the item of a new document, and the document.
    pub(super) async fn new_item(
        &self,
        id: DocumentId,
        content: NewContent,
        external_id: Option<&ExternalId>,
    ) -> Result<(Item, Document), StoreError> {
        let now = clock::now();
        let key = self.session.scope().document_key(&id);
        let details = Details::of(&content);
        let record = Record {
            id,
            external_id_hash: external_id.map(|id| self.session.scope().external_id_hash(id)),
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
        let mut item = items::item(&key, &record)?;
        if content.by_upload {
            // Nothing else removes a document whose upload never arrives. Accepting its first revision removes this.
            let expires_at = now.as_seconds() + KEEP_SECONDS;
            item.insert("expires_at".to_owned(), AttributeValue::N(expires_at.to_string()));
        }
        item.insert(SEALED.to_owned(), items::seal(&self.session, Purpose::Document, &key, &details).await?);
        if let Some(external_id) = external_id {
            let sealed =
                items::seal_attribute(&self.session, Purpose::Document, &key, EXTERNAL_ID, external_id)
                    .await?;
            item.insert(EXTERNAL_ID.to_owned(), sealed);
        }
        let external_id = external_id.cloned();
        Ok((item, Document { external_id, ..document(record, details) }))
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
        let key = self.session.scope().document_key(id);
        let details = Details::of(&content);
        let sealed = items::seal_value(&self.session, Purpose::Document, &key, &details).await?;
        for _ in 0..MAX_ATTEMPTS {
            let item = items::get(&self.session, REPLACE, &key).await?.filter(is_shown);
            let Some(item) = item else { return Ok(Replacement::NotFound) };
            if let Some(replacement) = self.announce(item, &content, &sealed).await? {
                return Ok(replacement);
            }
        }
        Err(StoreError::Conflict { operation: REPLACE })
    }

    /// Announces the next revision with the bytes of the newest one, and stores them. `change` returns what the new
    /// revision is like; it is called again if another writer wins the race.
    ///
    /// # Errors
    /// The error of `change`, or [`StoreError::Conflict`] if other writers win every race.
    pub async fn revise<E: From<StoreError>>(
        &self,
        id: &DocumentId,
        change: impl Fn(&Document) -> Result<NewContent, E>,
    ) -> Result<Replacement, E> {
        let key = self.session.scope().document_key(id);
        for _ in 0..MAX_ATTEMPTS {
            let item = items::get(&self.session, REPLACE, &key).await?.filter(is_shown);
            let Some(item) = item else { return Ok(Replacement::NotFound) };
            let current = self.read(id, item.clone()).await?;
            let content = change(&current)?;
            let base = current.revision;
            if self.session.objects().source(id, base).await?.is_none() {
                return Ok(Replacement::NoContent(base));
            }
            let details = Details::of(&content);
            let sealed = items::seal_value(&self.session, Purpose::Document, &key, &details).await?;
            match self.announce(item, &content, &sealed).await? {
                Some(Replacement::Announced(document)) => {
                    // A newer revision may have removed the bytes since they were found.
                    let copied = self.session.objects().copy_source(id, base, document.revision).await?;
                    return Ok(match copied {
                        true => Replacement::Announced(document),
                        false => Replacement::NoContent(base),
                    });
                }
                Some(refused) => return Ok(refused),
                None => {}
            }
        }
        Err(StoreError::Conflict { operation: REPLACE }.into())
    }

    /// Announces the revision after that of the record in `item`. Returns `None` if the record changed.
    async fn announce(
        &self,
        item: Item,
        content: &NewContent,
        sealed: &Sealed,
    ) -> Result<Option<Replacement>, StoreError> {
        let mut record: Record = items::record(REPLACE, item.clone())?;
        let key = self.session.scope().document_key(&record.id);
        let external_id = self.external_id(&key, &item).await?;
        let (now, seen, next) = (clock::now(), record.revision, record.revision.next());
        let announced = Announcement::new(
            content.by_upload,
            content.content_type.clone(),
            content.bytes,
            sealed.clone(),
            now,
        );
        if !record.announced.add(next, announced.clone(), record.received_revision, now) {
            return Ok(Some(Replacement::TooManyOutstanding(MAX_OUTSTANDING)));
        }
        let mut values = vec![
            (":next", number(next.number())),
            (":seen", number(seen.number())),
            (":announced", items::attribute(REPLACE, &record.announced)?),
            (":deleted", status(DocumentStatus::Deleted)),
        ];
        let mut condition = format!("{NOT_DELETED} AND revision = :seen");
        // A late upload may be received meanwhile. A change must then begin with its title and bytes.
        match record.received_revision {
            None => condition.push_str(" AND attribute_not_exists(received_revision)"),
            Some(received) => {
                condition.push_str(" AND received_revision = :received");
                values.push((":received", number(received.number())));
            }
        }
        let update = "SET revision = :next, announced = :announced, updated_at = :now";
        // A lost answer to this write announces a revision that never arrives, which does no harm.
        if !self.change(&record.id, update, &condition, values).await? {
            return Ok(None);
        }
        record.updated_at = now;
        let current = Document { external_id, ..document(record, Details::default()) };
        let document = outstanding(current, next, announced, Details::of(content));
        Ok(Some(Replacement::Announced(Box::new(document))))
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
    pub(super) async fn read(&self, id: &DocumentId, item: Item) -> Result<Document, StoreError> {
        let key = self.session.scope().document_key(id);
        let record: Record = items::record("read document", item.clone())?;
        let newest = record.announced.newest(record.received_revision, clock::now());
        let newest = newest.map(|(revision, announced)| (revision, announced.clone()));
        match newest {
            None => self.read_received(id, item).await,
            Some((revision, announced)) => {
                let details =
                    items::open_value(&self.session, Purpose::Document, &key, &announced.sealed).await?;
                let external_id = self.external_id(&key, &item).await?;
                let current = Document { external_id, ..document(record, Details::default()) };
                Ok(outstanding(current, revision, announced, details))
            }
        }
    }

    /// Returns the document as its newest received revision describes it.
    async fn read_received(&self, id: &DocumentId, item: Item) -> Result<Document, StoreError> {
        let key = self.session.scope().document_key(id);
        let details: Details = items::open(&self.session, Purpose::Document, &key, &item).await?;
        let external_id = self.external_id(&key, &item).await?;
        Ok(Document { external_id, ..document(items::record("read document", item)?, details) })
    }

    /// Opens the external id of `item`, which was read at `key`.
    async fn external_id(&self, key: &ItemKey, item: &Item) -> Result<Option<ExternalId>, StoreError> {
        items::open_attribute(&self.session, Purpose::Document, key, EXTERNAL_ID, item).await
    }
}
