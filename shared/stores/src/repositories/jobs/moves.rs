//! How a job moves. Each move names the job as it was read, and does nothing where it has
//! moved meanwhile.

use std::time::Duration;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, CancellationReason, Delete, Put, TransactWriteItem, Update};
use aws_smithy_types::error::operation::BuildError;
use bulkhead_events::SealedJob;
use bulkhead_tenancy::names::{DocumentId, ItemKey, Revision};

use super::{Job, JobStatus, Jobs, Record, text};
use crate::clock::Moment;
use crate::error::Classify;
use crate::repositories::documents::{DocumentStatus, Place, Standing};
use crate::repositories::items::{self, key_attributes};
use crate::{Backlog, StoreError};

const ACCEPT: &str = "accept job";
const MOVE: &str = "move job";
const NO_ITEM: &str = "attribute_not_exists(pk)";
const UNMOVED: &str = "mark = :mark";
const NOT_DELETED: &str = "attribute_exists(pk) AND #status <> :deleted";

/// Content that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrived {
    /// Which of its document's.
    pub revision: Revision,
    /// Its size, bytes.
    pub bytes: u64,
}

/// What became of a job that was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Settled {
    /// There is nothing left to do.
    Done,
    /// Somebody else moved it first.
    Elsewhere,
    /// Newer content came meanwhile, or the document was deleted: look again.
    MoreCame,
}

/// What became of a move.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Moved {
    /// The job is where it was to go.
    There(Box<Job>),
    /// Somebody else moved it first.
    Elsewhere,
    /// Its document was deleted.
    DocumentGone,
    /// Newer content came meanwhile, and what was to be said was about older.
    MoreCame,
}

/// How often taking in is tried anew where a job moves meanwhile.
const ATTEMPTS: usize = 16;
/// How often a transaction is tried again that met another, and the longest pause before.
const MEETINGS: u8 = 5;
const PAUSE: Duration = Duration::from_millis(100);

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

    /// A worker takes the job until `lease` is over.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn begin(&self, job: &Job, lease: Duration) -> Result<Moved, StoreError> {
        let attempts = job.record.attempts.saturating_add(1);
        let record = Record { attempts, unheard: true, ..job.record.clone() };
        self.stay(job, record, JobStatus::Running, lease).await
    }

    /// The job waits for `delay`, and then for its next attempt.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn retry(&self, job: &Job, delay: Duration, why: Why<'_>) -> Result<Moved, StoreError> {
        let reason = Some(why.reason.to_owned());
        let mut record = Record { reason, unheard: false, ..job.record.clone() };
        if why.excused {
            record.attempts = record.attempts.saturating_sub(1);
            record.faults = record.faults.saturating_add(1);
        }
        self.wait(job, record, JobStatus::Retrying, Moment::now().after(delay)).await
    }

    /// The job goes on in another run, after `delay`: this one is nearly over.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn pause(&self, job: &Job, delay: Duration) -> Result<Moved, StoreError> {
        let record = Record {
            attempts: job.record.attempts.saturating_sub(1),
            unheard: false,
            reason: None,
            ..job.record.clone()
        };
        self.wait(job, record, JobStatus::Paused, Moment::now().after(delay)).await
    }

    /// The job waits until `due`, without an attempt.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn park(&self, job: &Job, due: Moment) -> Result<Moved, StoreError> {
        self.wait(job, job.record.clone(), JobStatus::Parked, due).await
    }

    /// A job whose time has come waits for a worker again. Its message has to be sent.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn release(
        &self,
        job: &Job,
        lost_after: Duration,
        backlog: &Backlog<'_>,
    ) -> Result<Moved, StoreError> {
        let record = Record { until: Moment::now().after(lost_after).as_millisecond(), ..job.record.clone() };
        let key = self.session.scope().job_key(job.document());
        // Noted anew: who looked for jobs where this one was not yet, and then where it is not any
        // more, is not to believe that there is none.
        let also = Also { only: None, note: Some(backlog.noting()?) };
        self.relocate(job, key, record, JobStatus::Queued, DocumentStatus::Queued, also).await
    }

    /// The job is given up; its document says why. Where the reason is about one revision,
    /// only if no newer one came.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn bury(&self, job: &Job, reason: &str, about: Option<Revision>) -> Result<Moved, StoreError> {
        let reason = Some(reason.to_owned());
        let record = Record { reason, until: 0, unheard: false, ..job.record.clone() };
        let key = self.session.scope().dead_key(job.document());
        let also = Also { only: about, note: None };
        self.relocate(job, key, record, JobStatus::Dead, DocumentStatus::Failed, also).await
    }

    /// A job that was given up begins anew: it is due now, after those that already are.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn redrive(&self, job: &Job, backlog: &Backlog<'_>) -> Result<Moved, StoreError> {
        let until = Moment::now().as_millisecond();
        let record = Record { attempts: 0, faults: 0, reason: None, until, ..job.record.clone() };
        let key = self.session.scope().parked_key(until, job.document());
        let also = Also { only: None, note: Some(backlog.noting()?) };
        self.relocate(job, key, record, JobStatus::Parked, DocumentStatus::Queued, also).await
    }

    /// The job is done, if `revision` is still the newest that came and was dealt with.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn settle(&self, job: &Job, revision: Revision) -> Result<Settled, StoreError> {
        let table = &self.session.settings().table;
        let leave = Delete::builder()
            .table_name(table)
            .set_key(Some(key_attributes(&job.key)))
            .condition_expression(UNMOVED)
            .expression_attribute_values(":mark", text(&job.record.mark))
            .build()
            .map_err(malformed)?;
        let show = Update::builder()
            .table_name(table)
            .set_key(Some(key_attributes(&self.session.scope().document_key(job.document()))))
            // Said anew: moves of the job since it was dealt with have said other things.
            .update_expression("SET #status = :ready REMOVE place, reason")
            .expression_attribute_values(":ready", text(DocumentStatus::Ready.as_str()))
            .condition_expression(format!("{NOT_DELETED} AND accepted = :revision AND settled = :revision"))
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":deleted", text(DocumentStatus::Deleted.as_str()))
            .expression_attribute_values(":revision", number(revision.number()))
            .build()
            .map_err(malformed)?;
        let moves = vec![
            TransactWriteItem::builder().delete(leave).build(),
            TransactWriteItem::builder().update(show).build(),
        ];
        Ok(match self.transact("settle job", moves).await? {
            None => Settled::Done,
            Some(0) => Settled::Elsewhere,
            Some(_) => Settled::MoreCame,
        })
    }

    /// Forgets a job that there is nothing left to do for: its document is gone.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn finish(&self, job: &Job) -> Result<(), StoreError> {
        let deleted = self
            .session
            .dynamodb()
            .delete_item()
            .table_name(&self.session.settings().table)
            .set_key(Some(key_attributes(&job.key)))
            .condition_expression(UNMOVED)
            .expression_attribute_values(":mark", text(&job.record.mark))
            .send()
            .await;
        match deleted.during("finish job") {
            // Somebody else took it over, and will find nothing to do.
            Err(StoreError::Conflict { .. }) => Ok(()),
            other => other.map(drop),
        }
    }

    /// Forgets the job that was given up for a document that is deleted.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget(&self, document: &DocumentId) -> Result<(), StoreError> {
        items::delete(&self.session, "forget job", &self.session.scope().dead_key(document)).await
    }

    /// A move at its place.
    async fn stay(
        &self,
        job: &Job,
        record: Record,
        status: JobStatus,
        until: Duration,
    ) -> Result<Moved, StoreError> {
        let now = Moment::now();
        let until = now.after(until).as_millisecond();
        let record = Record { status, until, since: now, mark: new_mark(), ..record };
        let put = self
            .session
            .dynamodb()
            .put_item()
            .table_name(&self.session.settings().table)
            .set_item(Some(self.item(&job.key, &record)?))
            .condition_expression(UNMOVED)
            .expression_attribute_values(":mark", text(&job.record.mark))
            .send()
            .await;
        match put.during(MOVE) {
            // Only the answer to an earlier attempt may have been lost: our mark would be there.
            Err(StoreError::Conflict { .. })
                if self.read(job.key.clone()).await?.is_none_or(|found| found.record.mark != record.mark) =>
            {
                Ok(Moved::Elsewhere)
            }
            Err(StoreError::Conflict { .. }) | Ok(_) => {
                Ok(Moved::There(Box::new(Job { key: job.key.clone(), record })))
            }
            Err(error) => Err(error),
        }
    }

    async fn wait(
        &self,
        job: &Job,
        record: Record,
        status: JobStatus,
        due: Moment,
    ) -> Result<Moved, StoreError> {
        let record = Record { until: due.as_millisecond(), ..record };
        let key = self.session.scope().parked_key(record.until, job.document());
        let shown = match status {
            JobStatus::Parked => DocumentStatus::Parked,
            JobStatus::Paused => DocumentStatus::Processing,
            _ => DocumentStatus::Retrying,
        };
        self.relocate(job, key, record, status, shown, Also::default()).await
    }

    /// A move to another place, together with what the document says: all of it or nothing.
    async fn relocate(
        &self,
        job: &Job,
        to: ItemKey,
        record: Record,
        status: JobStatus,
        shown: DocumentStatus,
        also: Also,
    ) -> Result<Moved, StoreError> {
        let place = match status {
            JobStatus::Queued | JobStatus::Running => Place::Open,
            JobStatus::Retrying | JobStatus::Parked | JobStatus::Paused => Place::Waiting,
            JobStatus::Dead => Place::Dead,
        };
        let now = Moment::now();
        let record = Record { status, since: now, mark: new_mark(), ..record };
        let table = &self.session.settings().table;
        let leave = Delete::builder()
            .table_name(table)
            .set_key(Some(key_attributes(&job.key)))
            .condition_expression(UNMOVED)
            .expression_attribute_values(":mark", text(&job.record.mark))
            .build()
            .map_err(malformed)?;
        // Whatever lies there is of an older job for the same document.
        let arrive = Put::builder()
            .table_name(table)
            .set_item(Some(self.item(&to, &record)?))
            .build()
            .map_err(malformed)?;
        let mut condition = NOT_DELETED.to_owned();
        if also.only.is_some() {
            condition.push_str(" AND accepted = :only");
        }
        let show = Update::builder()
            .table_name(table)
            .set_key(Some(key_attributes(&self.session.scope().document_key(job.document()))))
            .condition_expression(&condition)
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":deleted", text(DocumentStatus::Deleted.as_str()))
            .expression_attribute_values(":shown", text(shown.as_str()))
            .expression_attribute_values(":place", text(place.as_str()))
            .expression_attribute_values(":now", text(&now.to_string()));
        let show = match also.only {
            Some(revision) => show.expression_attribute_values(":only", number(revision.number())),
            None => show,
        };
        let show = match &record.reason {
            Some(reason) => show
                .update_expression(
                    "SET #status = :shown, place = :place, updated_at = :now, reason = :reason",
                )
                .expression_attribute_values(":reason", text(reason)),
            None => show
                .update_expression("SET #status = :shown, place = :place, updated_at = :now REMOVE reason"),
        };
        let show = show.build().map_err(malformed)?;
        let moves = vec![
            TransactWriteItem::builder().delete(leave).build(),
            TransactWriteItem::builder().put(arrive).build(),
            TransactWriteItem::builder().update(show).build(),
        ];
        let moves = moves.into_iter().chain(also.note).collect();
        Ok(match self.transact(MOVE, moves).await? {
            None => Moved::There(Box::new(Job { key: to, record })),
            Some(0) => Moved::Elsewhere,
            Some(_)
                if also.only.is_some()
                    && self.session.documents().standing(job.document()).await?.is_some() =>
            {
                Moved::MoreCame
            }
            Some(_) => Moved::DocumentGone,
        })
    }

    /// Writes all of `moves` or nothing. Returns the first whose condition did not hold.
    async fn transact(
        &self,
        operation: &'static str,
        moves: Vec<TransactWriteItem>,
    ) -> Result<Option<usize>, StoreError> {
        let mut left = MEETINGS;
        let sent = loop {
            let call = self.session.dynamodb().transact_write_items();
            let sent = call.set_transact_items(Some(moves.clone())).send().await;
            if left == 0 || !sent.as_ref().is_err_and(met_another) {
                break sent;
            }
            left -= 1;
            tokio::time::sleep(PAUSE.mul_f64(fastrand::f64())).await;
        };
        if let Err(error) = &sent
            && let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
                error.as_service_error()
        {
            let refused = |reason: &CancellationReason| reason.code() == Some("ConditionalCheckFailed");
            if let Some(at) = cancelled.cancellation_reasons().iter().position(refused) {
                return Ok(Some(at));
            }
        }
        sent.during(operation)?;
        Ok(None)
    }
}

/// What belongs to a move beside it.
#[derive(Default)]
struct Also {
    /// Only if this is still the newest revision that came.
    only: Option<Revision>,
    /// The tenant's note in the backlog.
    note: Option<TransactWriteItem>,
}

/// Whether another write to one of the items was under way: the SDK does not try again then.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-conflict-handling>
fn met_another<R>(error: &SdkError<TransactWriteItemsError, R>) -> bool {
    let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error()
    else {
        return false;
    };
    let codes = || cancelled.cancellation_reasons().iter().filter_map(CancellationReason::code);
    codes().any(|code| code == "TransactionConflict") && !codes().any(|code| code == "ConditionalCheckFailed")
}

fn malformed(error: BuildError) -> StoreError {
    StoreError::corrupt(MOVE, error.to_string())
}

fn number(value: u32) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// Why an attempt failed.
#[derive(Debug, Clone, Copy)]
pub struct Why<'a> {
    /// In words for the document's owner.
    pub reason: &'a str,
    /// Whether it was AWS's fault: the attempt does not count as the tenant's.
    pub excused: bool,
}

pub(super) fn new_mark() -> String {
    format!("{:032x}", fastrand::u128(..))
}
