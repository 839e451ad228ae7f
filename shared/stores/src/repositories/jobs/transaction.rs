//! Several items written together, or none of them.

use std::time::Duration;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, CancellationReason, TransactWriteItem};
use aws_smithy_types::error::operation::BuildError;

use super::Jobs;
use crate::StoreError;
use crate::error::Classify;

/// How often a transaction is tried again that met another, and the longest pause before.
const MEETINGS: u8 = 5;
const PAUSE: Duration = Duration::from_millis(100);

impl Jobs<'_> {
    /// Writes all of `moves` or nothing. Returns the first whose condition did not hold.
    pub(super) async fn transact(
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

pub(super) fn malformed(error: BuildError) -> StoreError {
    StoreError::corrupt("move job", error.to_string())
}

pub(super) fn number(value: u32) -> AttributeValue {
    AttributeValue::N(value.to_string())
}
