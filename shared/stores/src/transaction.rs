//! Several items written together, or none of them.

use std::time::Duration;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{CancellationReason, TransactWriteItem};
use aws_smithy_types::error::operation::BuildError;

use crate::error::{Classify, StoreError};
use crate::session::TenantSession;

/// Retries of a transaction that conflicts with another one.
const MAX_RETRIES: u8 = 5;
/// Longest pause before a retry.
const PAUSE: Duration = Duration::from_millis(100);

/// Writes all of `writes` or none. Returns the position of the first write whose condition did not hold; `None` if all
/// were written.
pub(crate) async fn transact(
    session: &TenantSession<'_>,
    operation: &'static str,
    writes: Vec<TransactWriteItem>,
) -> Result<Option<usize>, StoreError> {
    let mut left = MAX_RETRIES;
    let sent = loop {
        let call = session.dynamodb().transact_write_items();
        let sent = call.set_transact_items(Some(writes.clone())).send().await;
        if left == 0 || !sent.as_ref().is_err_and(conflicts) {
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

/// Returns whether another write to one of the items was in progress. The SDK does not retry then:
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-conflict-handling>
fn conflicts<R>(error: &SdkError<TransactWriteItemsError, R>) -> bool {
    let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error()
    else {
        return false;
    };
    let codes = || cancelled.cancellation_reasons().iter().filter_map(CancellationReason::code);
    codes().any(|code| code == "TransactionConflict") && !codes().any(|code| code == "ConditionalCheckFailed")
}

pub(crate) fn malformed(error: BuildError) -> StoreError {
    StoreError::corrupt("write items", error.to_string())
}
