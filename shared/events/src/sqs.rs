//! Batches from SQS and their partial answers.

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
    /// Its id.
    pub message_id: String,
    /// Its body.
    pub body: String,
    /// What SQS knows about it.
    #[serde(default)]
    pub attributes: SqsAttributes,
}

/// What SQS knows about a message.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SqsAttributes {
    /// The message group: the tenant, as the sender stated it.
    pub message_group_id: Option<String>,
}

/// Which messages have to be delivered again; all others are done.
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
