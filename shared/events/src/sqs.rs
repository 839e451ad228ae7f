//! Batches from SQS and partial batch responses.

use serde::{Deserialize, Serialize};

/// A batch of messages.
#[derive(Debug, Clone, Deserialize)]
pub struct SqsBatch {
    /// The messages. A batch may mix tenants.
    #[serde(rename = "Records")]
    pub records: Vec<SqsMessage>,
}

/// One message.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SqsMessage {
    /// The message id.
    pub message_id: String,
    /// The body.
    pub body: String,
    /// The attributes that SQS adds.
    #[serde(default)]
    pub attributes: SqsAttributes,
}

/// The attributes that SQS adds to a message.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SqsAttributes {
    /// The message group: the tenant that the sender claims.
    pub message_group_id: Option<String>,
}

/// The messages that SQS must deliver again. SQS deletes the others.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting>
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchAnswer {
    batch_item_failures: Vec<FailedItem>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct FailedItem {
    item_identifier: String,
}

impl FromIterator<String> for BatchAnswer {
    fn from_iter<I: IntoIterator<Item = String>>(failed: I) -> Self {
        let batch_item_failures =
            failed.into_iter().map(|item_identifier| FailedItem { item_identifier }).collect();
        Self { batch_item_failures }
    }
}
