//! How content is taken in: with a job where there is none, at once and once.

use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem, Update};
use bulkhead_events::SealedJob;
use bulkhead_tenancy::names::{DocumentId, Revision};

use super::moves::{NOT_DELETED, new_mark};
use super::transaction::{malformed, number};
use super::{JobStatus, Jobs, Record, text};
use crate::clock::Moment;
use crate::repositories::documents::{DocumentStatus, Place, Standing};
use crate::repositories::items::key_attributes;
use crate::{Backlog, StoreError};

const ACCEPT: &str = "accept job";
const NO_ITEM: &str = "attribute_not_exists(pk)";
/// How often taking in is tried anew where a job moves meanwhile.
const ATTEMPTS: usize = 16;

/// Content that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrived {
    /// Which of its document's.
    pub revision: Revision,
    /// Its size, bytes.
    pub bytes: u64,
}

impl Jobs<'_> {
    /// Takes in a revision of `document` whose bytes came, and notes that the tenant has
    /// something to do. A job that is there already will see it; where there is none, there
    /// is one then. Nothing happens where it was taken in before.
    ///
    /// # Errors
    /// [`StoreError`]. Nothing is accepted then.
    pub async fn accept(
        &self,
        document: &DocumentId,
        content: Arrived,
        job: SealedJob,
        lost_after: Duration,
        backlog: &Backlog<'_>,
    ) -> Result<(), StoreError> {
        let now = Moment::now();
        let record = Record {
            document: document.clone(),
            status: JobStatus::Queued,
            attempts: 0,
            faults: 0,
            until: now.after(lost_after).as_millisecond(),
            unheard: false,
            reason: None,
            accepted_at: now,
            since: now,
            mark: new_mark(),
            job,
        };
        for _ in 0..ATTEMPTS {
            let taken_in = match self.session.documents().standing(document).await? {
                // Bytes without a document: there is something to clean up.
                None => return self.accept_alone(&record, backlog).await,
                Some(standing) if standing.accepted >= Some(content.revision) => return Ok(()),
                Some(standing) => self.try_accept(&record, &content, &standing, backlog).await?,
            };
            if taken_in {
                return Ok(());
            }
        }
        Err(StoreError::Conflict { operation: ACCEPT })
    }

    async fn accept_alone(&self, record: &Record, backlog: &Backlog<'_>) -> Result<(), StoreError> {
        let key = self.session.scope().job_key(&record.document);
        let arrive = Put::builder()
            .table_name(&self.session.settings().table)
            .set_item(Some(self.item(&key, record)?))
            .condition_expression(NO_ITEM)
            .build()
            .map_err(malformed)?;
        let moves = vec![backlog.noting()?, TransactWriteItem::builder().put(arrive).build()];
        // Where it could not be put, there is one already, and the tenant was noted with it.
        self.transact(ACCEPT, moves).await.map(drop)
    }

    /// Takes in what came, on the document as it was seen; says whether it still was so.
    async fn try_accept(
        &self,
        record: &Record,
        content: &Arrived,
        standing: &Standing,
        backlog: &Backlog<'_>,
    ) -> Result<bool, StoreError> {
        let scope = self.session.scope();
        let table = &self.session.settings().table;
        let mut show = Update::builder()
            .table_name(table)
            .set_key(Some(key_attributes(&scope.document_key(&record.document))))
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":deleted", text(DocumentStatus::Deleted.as_str()))
            .expression_attribute_values(":revision", number(content.revision.number()))
            .expression_attribute_values(":bytes", AttributeValue::N(content.bytes.to_string()))
            .expression_attribute_values(":now", text(&Moment::now().to_string()));
        let mut condition = NOT_DELETED.to_owned();
        match standing.accepted {
            None => condition.push_str(" AND attribute_not_exists(accepted)"),
            Some(seen) => {
                condition.push_str(" AND accepted = :seen");
                show = show.expression_attribute_values(":seen", number(seen.number()));
            }
        }
        match standing.place {
            None => condition.push_str(" AND attribute_not_exists(place)"),
            Some(place) => {
                condition.push_str(" AND place = :place");
                show = show.expression_attribute_values(":place", text(place.as_str()));
            }
        }
        let take_in = "SET accepted = :revision, bytes = :bytes, updated_at = :now";
        let mut moves = vec![backlog.noting()?];
        match standing.place {
            // Whoever works on that job looks for what came meanwhile before it is done.
            Some(Place::Open | Place::Waiting) => show = show.update_expression(take_in),
            None | Some(Place::Dead) => {
                show = show
                    .update_expression(format!("{take_in}, #status = :queued, place = :open REMOVE reason"))
                    .expression_attribute_values(":queued", text(DocumentStatus::Queued.as_str()))
                    .expression_attribute_values(":open", text(Place::Open.as_str()));
                let arrive = Put::builder()
                    .table_name(table)
                    .set_item(Some(self.item(&scope.job_key(&record.document), record)?));
                moves.push(TransactWriteItem::builder().put(arrive.build().map_err(malformed)?).build());
            }
        }
        if standing.place == Some(Place::Dead) {
            // It was about content that is not to be indexed any more.
            let forget = Delete::builder()
                .table_name(table)
                .set_key(Some(key_attributes(&scope.dead_key(&record.document))));
            moves.push(TransactWriteItem::builder().delete(forget.build().map_err(malformed)?).build());
        }
        let show = show.condition_expression(condition).build().map_err(malformed)?;
        moves.push(TransactWriteItem::builder().update(show).build());
        Ok(self.transact(ACCEPT, moves).await?.is_none())
    }
}
