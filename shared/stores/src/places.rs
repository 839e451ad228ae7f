use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use bulkhead_tenancy::TenantScope;

use crate::repositories::capacity::{Capacity, LastSeen};
use crate::{Cap, CapRefusal, Hold, Platform, StoreError};

/// A tier's workers, and how many each tenant occupies: a table of its own, which holds
/// numbers only, read and written with our own role. Taken before a worker is started: an
/// environment that is only started to say that there are too many has been started too.
pub struct Places {
    dynamodb: aws_sdk_dynamodb::Client,
    table: String,
    cap: Cap,
}

impl Places {
    /// Returns the places that `cap` gives each tenant, noted in `table`.
    pub fn new(platform: &Platform, table: &str, cap: Cap) -> Self {
        Self { dynamodb: aws_sdk_dynamodb::Client::new(&platform.sdk), table: table.to_owned(), cap }
    }

    /// Takes a place for one job of the tenant of `scope`, or says that there is none.
    ///
    /// # Errors
    /// [`StoreError`]. Nothing is held then.
    pub async fn enter(&self, scope: &TenantScope<'_>) -> Result<Result<Hold, CapRefusal>, StoreError> {
        let seen = LastSeen::default();
        self.ledger(scope, &seen).enter(&self.cap).await
    }

    /// Gives a place back.
    ///
    /// # Errors
    /// [`StoreError`]. The place then comes back by itself.
    pub async fn leave(&self, scope: &TenantScope<'_>, hold: Hold) -> Result<(), StoreError> {
        let seen = LastSeen::default();
        self.ledger(scope, &seen).leave(hold).await
    }

    /// Returns how many places nobody holds.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn free(&self, scope: &TenantScope<'_>) -> Result<u16, StoreError> {
        let seen = LastSeen::default();
        self.ledger(scope, &seen).free(&self.cap).await
    }

    /// What was seen of one tenant's ledger is forgotten at once: this serves them all.
    fn ledger<'a>(&'a self, scope: &TenantScope<'_>, seen: &'a LastSeen) -> Capacity<'a> {
        let partition = AttributeValue::S(scope.partition().as_str().to_owned());
        Capacity::new(&self.dynamodb, &self.table, HashMap::from([("pk".to_owned(), partition)]), seen)
    }
}
