use crate::TenantScope;

/// The SQS message group of a tenant. A fair queue balances between groups.
///
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html>
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageGroup(String);

impl MessageGroup {
    /// Returns the group id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TenantScope<'_> {
    /// Returns the tenant's message group.
    pub fn message_group(&self) -> MessageGroup {
        MessageGroup(self.tenant().to_string())
    }
}
