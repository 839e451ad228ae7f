use std::fmt;

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use bulkhead_stores::{Platform, Timestamp, platform::control, rfc3339};
use bulkhead_tenancy::TenantId;
use serde::{Deserialize, Serialize};

use crate::{ProvisioningError, conditional, failed};

/// Whether a tenant is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TenantStatus {
    /// Its resources are being made.
    Onboarding,
    /// It is served.
    Active,
    /// It is refused until resumed.
    Suspended,
}

impl fmt::Display for TenantStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Onboarding => "onboarding",
            Self::Active => "active",
            Self::Suspended => "suspended",
        })
    }
}

/// Whose KMS key protects a tenant's data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyKind {
    /// The tier's key, shared through the encryption context.
    #[default]
    Pooled,
    /// A key of the tenant's own, made when it was onboarded.
    Own,
    /// The key of the tenant's silo, made with its stack.
    Silo,
}

/// A tenant to be registered.
#[derive(Debug, Clone)]
pub struct NewTenant {
    /// Its id, made by us and never used before.
    pub tenant: TenantId,
    /// Its name, for people.
    pub display_name: String,
    /// Its tier.
    pub tier: String,
    /// Whose key protects its data.
    pub key: KeyKind,
    /// ARN of that key, where it is there already.
    pub key_arn: Option<String>,
    /// The vector bucket that holds its index.
    pub vector_bucket: String,
    /// The name of its index.
    pub index: String,
}

/// What the registry knows of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantRecord {
    /// Its id.
    pub tenant: TenantId,
    /// Its name, for people.
    pub display_name: String,
    /// Its tier.
    pub tier: String,
    /// Whether it is served.
    pub status: TenantStatus,
    /// Whose key protects its data.
    #[serde(default)]
    pub key: KeyKind,
    /// ARN of that key; none while its own key is not made yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_arn: Option<String>,
    /// The vector bucket that holds its index.
    pub vector_bucket: String,
    /// The name of its index.
    pub index: String,
    /// When it was registered.
    #[serde(with = "rfc3339")]
    pub created_at: Timestamp,
    /// When its status last changed.
    #[serde(with = "rfc3339")]
    pub updated_at: Timestamp,
}

/// Which tenants exist.
pub struct Registry {
    dynamodb: aws_sdk_dynamodb::Client,
    table: String,
}

impl Registry {
    /// Returns the registry in `table`.
    pub fn new(platform: &Platform, table: &str) -> Self {
        Self { dynamodb: aws_sdk_dynamodb::Client::new(control::sdk(platform)), table: table.to_owned() }
    }

    /// Returns what is known of `tenant`.
    ///
    /// # Errors
    /// [`ProvisioningError`].
    pub async fn get(&self, tenant: &TenantId) -> Result<Option<TenantRecord>, ProvisioningError> {
        const OPERATION: &str = "read registry";
        let found = self
            .dynamodb
            .get_item()
            .table_name(&self.table)
            .key("tenant", AttributeValue::S(tenant.to_string()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| failed(OPERATION)(Box::new(error)))?;
        found
            .item
            .map(serde_dynamo::from_item)
            .transpose()
            .map_err(|error| ProvisioningError::Corrupt { operation: OPERATION, what: error.to_string() })
    }

    /// Registers a tenant, not yet served.
    ///
    /// # Errors
    /// [`ProvisioningError::Conflict`] where the id was ever used.
    pub async fn register(&self, new: NewTenant) -> Result<TenantRecord, ProvisioningError> {
        const OPERATION: &str = "register tenant";
        let now = bulkhead_stores::now();
        let record = TenantRecord {
            tenant: new.tenant,
            display_name: new.display_name,
            tier: new.tier,
            status: TenantStatus::Onboarding,
            key: new.key,
            key_arn: new.key_arn,
            vector_bucket: new.vector_bucket,
            index: new.index,
            created_at: now,
            updated_at: now,
        };
        let item = serde_dynamo::to_item(&record)
            .map_err(|error| ProvisioningError::Corrupt { operation: OPERATION, what: error.to_string() })?;
        let put = self
            .dynamodb
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(tenant)")
            .send()
            .await;
        match conditional(OPERATION, put) {
            // The answer to a first attempt was lost.
            Err(ProvisioningError::Conflict { .. })
                if self.get(&record.tenant).await?.as_ref() == Some(&record) => {}
            other => other?,
        }
        Ok(record)
    }

    /// Moves `tenant` to the status `to`, if it is in one of `from`.
    ///
    /// # Errors
    /// [`ProvisioningError::Conflict`] where it is in none of them, or unknown.
    pub async fn change_status(
        &self,
        tenant: &TenantId,
        from: [TenantStatus; 2],
        to: TenantStatus,
    ) -> Result<(), ProvisioningError> {
        const OPERATION: &str = "change tenant status";
        let [first, second] = from;
        let changed = self
            .update(tenant)
            .update_expression("SET #status = :to, updated_at = :now")
            .condition_expression("#status IN (:first, :second)")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":to", AttributeValue::S(to.to_string()))
            .expression_attribute_values(":first", AttributeValue::S(first.to_string()))
            .expression_attribute_values(":second", AttributeValue::S(second.to_string()))
            .expression_attribute_values(":now", AttributeValue::S(bulkhead_stores::now().to_string()))
            .send()
            .await;
        conditional(OPERATION, changed)
    }

    /// Notes the key that was made for `tenant`, once and for all.
    ///
    /// # Errors
    /// [`ProvisioningError::Conflict`] where another one is noted already.
    pub async fn note_key(&self, tenant: &TenantId, key_arn: &str) -> Result<(), ProvisioningError> {
        const OPERATION: &str = "note key";
        let changed = self
            .update(tenant)
            .update_expression("SET key_arn = :key, updated_at = :now")
            .condition_expression(
                "attribute_exists(tenant) AND (attribute_not_exists(key_arn) OR key_arn = :key)",
            )
            .expression_attribute_values(":key", AttributeValue::S(key_arn.to_owned()))
            .expression_attribute_values(":now", AttributeValue::S(bulkhead_stores::now().to_string()))
            .send()
            .await;
        conditional(OPERATION, changed)
    }

    fn update(&self, tenant: &TenantId) -> UpdateItemFluentBuilder {
        self.dynamodb
            .update_item()
            .table_name(&self.table)
            .key("tenant", AttributeValue::S(tenant.to_string()))
    }
}
