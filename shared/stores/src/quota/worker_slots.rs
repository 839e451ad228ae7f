use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use bulkhead_resilience::quota::{Quota, QuotaExceeded};
use bulkhead_tenancy::TenantScope;

use super::slots::{Slot, Slots};
use crate::error::StoreError;
use crate::platform::Platform;
use crate::session::LastLedger;

/// The worker slots of a tier, counted per tenant in a table that holds only numbers.
///
/// The table is read and written with the function's own role. A slot is taken before a worker starts,
/// because an environment that starts only to be refused still counts against the tier.
pub struct WorkerSlots {
    dynamodb: aws_sdk_dynamodb::Client,
    table: String,
    quota: Quota,
}

impl WorkerSlots {
    /// Returns the worker slots in `table`, limited to `quota` for each tenant.
    pub fn new(platform: &Platform, table: &str, quota: Quota) -> Self {
        Self { dynamodb: aws_sdk_dynamodb::Client::new(&platform.sdk), table: table.to_owned(), quota }
    }

    /// Takes a slot for one job of the tenant of `scope`. On an error no slot is taken.
    pub async fn take(&self, scope: &TenantScope<'_>) -> Result<Result<Slot, QuotaExceeded>, StoreError> {
        let seen = LastLedger::default();
        self.ledger(scope, &seen).take(&self.quota).await
    }

    /// Releases a slot. On an error the slot expires later.
    pub async fn release(&self, scope: &TenantScope<'_>, slot: Slot) -> Result<(), StoreError> {
        let seen = LastLedger::default();
        self.ledger(scope, &seen).release(slot).await
    }

    /// Returns the number of free slots.
    pub async fn free(&self, scope: &TenantScope<'_>) -> Result<u16, StoreError> {
        let seen = LastLedger::default();
        self.ledger(scope, &seen).free(&self.quota).await
    }

    /// The caller drops `seen` after one call: this object serves all tenants and must remember none.
    fn ledger<'a>(&'a self, scope: &TenantScope<'_>, seen: &'a LastLedger) -> Slots<'a> {
        let partition = AttributeValue::S(scope.partition().as_str().to_owned());
        Slots::new(&self.dynamodb, &self.table, HashMap::from([("pk".to_owned(), partition)]), seen)
    }
}
