use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use bulkhead_stores::{Platform, Timestamp, platform::control, rfc3339};
use bulkhead_tenancy::TenantScope;
use bulkhead_tenancy::names::{ItemKey, RunId, SortPrefix};
use serde::{Deserialize, Serialize};

use crate::{ProvisioningError, conditional, failed};

/// Maximum number of listed runs.
const MAX_LISTED: i32 = 50;

/// The record of an operator's command in a tenant's session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRecord {
    /// The run's id.
    pub run: RunId,
    /// The operator's ARN, as the command line reports it. CloudTrail has the proof.
    pub operator: String,
    /// Access key id of the session that the command got. CloudTrail records it with each call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_key_id: Option<String>,
    /// Whether the command ran in a sandbox.
    pub sandboxed: bool,
    /// Start time.
    #[serde(with = "rfc3339")]
    pub started_at: Timestamp,
    /// End time; `None` while the command runs, or if the record of its end was lost.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "rfc3339::option")]
    pub ended_at: Option<Timestamp>,
    /// Exit status of the command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<i32>,
    /// Command line, sealed to the tenant.
    #[serde(skip)]
    pub command: Vec<u8>,
}

/// The records of operators' runs. Each is created once and completed once. No tenant session
/// can access the table.
pub struct Runs {
    dynamodb: aws_sdk_dynamodb::Client,
    table: String,
}

impl Runs {
    /// Returns the records in `table`.
    pub fn new(platform: &Platform, table: &str) -> Self {
        Self { dynamodb: aws_sdk_dynamodb::Client::new(control::sdk(platform)), table: table.to_owned() }
    }

    /// Records the start of a run.
    ///
    /// # Errors
    /// [`ProvisioningError::Conflict`] if another run has this id.
    pub async fn begin(&self, scope: &TenantScope<'_>, record: &RunRecord) -> Result<(), ProvisioningError> {
        const OPERATION: &str = "record run";
        let mut item: HashMap<String, AttributeValue> = serde_dynamo::to_item(record)
            .map_err(|error| ProvisioningError::Corrupt { operation: OPERATION, what: error.to_string() })?;
        item.extend(attributes(&scope.run_key(&record.run)));
        item.insert(COMMAND.to_owned(), AttributeValue::B(record.command.clone().into()));
        let written = self
            .dynamodb
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            // Sealing is randomized: an equal command means a retry of this write.
            .expression_attribute_names("#command", COMMAND)
            .expression_attribute_values(":command", AttributeValue::B(record.command.clone().into()))
            .condition_expression("attribute_not_exists(pk) OR #command = :command")
            .send()
            .await;
        conditional(OPERATION, written)
    }

    /// Records the end of a run.
    ///
    /// # Errors
    /// [`ProvisioningError::Conflict`] if the run is unknown or ended with another status.
    pub async fn end(
        &self,
        scope: &TenantScope<'_>,
        run: &RunId,
        status: i32,
    ) -> Result<(), ProvisioningError> {
        let written = self
            .dynamodb
            .update_item()
            .table_name(&self.table)
            .set_key(Some(attributes(&scope.run_key(run))))
            .update_expression("SET ended_at = :now, #status = :status")
            .condition_expression(
                "attribute_exists(pk) AND (attribute_not_exists(ended_at) OR #status = :status)",
            )
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":now", AttributeValue::S(bulkhead_stores::now().to_string()))
            .expression_attribute_values(":status", AttributeValue::N(status.to_string()))
            .send()
            .await;
        conditional("record end of run", written)
    }

    /// Returns the tenant's last 50 runs, latest first.
    pub async fn list(&self, scope: &TenantScope<'_>) -> Result<Vec<RunRecord>, ProvisioningError> {
        const OPERATION: &str = "list runs";
        let found = self
            .dynamodb
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :partition AND begins_with(sk, :prefix)")
            .expression_attribute_values(
                ":partition",
                AttributeValue::S(scope.partition().as_str().to_owned()),
            )
            .expression_attribute_values(":prefix", AttributeValue::S(SortPrefix::Run.as_str().to_owned()))
            .scan_index_forward(false)
            .limit(MAX_LISTED)
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| failed(OPERATION)(Box::new(error)))?;
        let read = |mut item: HashMap<String, AttributeValue>| {
            let command = item.remove(COMMAND);
            let mut record: RunRecord = serde_dynamo::from_item(item).map_err(|error| {
                ProvisioningError::Corrupt { operation: OPERATION, what: error.to_string() }
            })?;
            record.command = match command {
                Some(AttributeValue::B(bytes)) => bytes.into_inner(),
                _ => Vec::new(),
            };
            Ok(record)
        };
        found.items.unwrap_or_default().into_iter().map(read).collect()
    }
}

/// The attribute that holds the sealed command line.
const COMMAND: &str = "command";

fn attributes(key: &ItemKey) -> HashMap<String, AttributeValue> {
    HashMap::from([
        ("pk".to_owned(), AttributeValue::S(key.partition().to_owned())),
        ("sk".to_owned(), AttributeValue::S(key.sort().to_owned())),
    ])
}
