use std::fmt;

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use bulkhead_models::{ModelName, Settings};
use bulkhead_stores::{Platform, Timestamp, platform::control, rfc3339};
use bulkhead_tenancy::TenantId;
use serde::{Deserialize, Serialize};

use crate::{ProvisioningError, conditional, failed};

/// The status of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TenantStatus {
    /// The control plane is creating the tenant's resources.
    Onboarding,
    /// Requests are served.
    Active,
    /// Requests are rejected until an operator resumes the tenant.
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

/// The kind of KMS key that protects a tenant's data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyKind {
    /// The tier's key. The encryption context separates its tenants.
    #[default]
    Pooled,
    /// The tenant's own key, created during onboarding.
    Own,
    /// The key of the tenant's silo, created with the stack.
    Silo,
}

/// The model that embeds a tenant's documents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Embedding {
    /// Its name in the catalogue.
    pub model: ModelName,
    /// Length of an embedding.
    pub dimensions: u32,
}

/// A tenant to register.
#[derive(Debug, Clone)]
pub struct NewTenant {
    /// A new, unused id.
    pub tenant: TenantId,
    /// Name, for people.
    pub display_name: String,
    /// Tier.
    pub tier: String,
    /// Kind of the key that protects the data.
    pub key: KeyKind,
    /// ARN of the key, if it exists already.
    pub key_arn: Option<String>,
    /// Vector bucket of the index.
    pub vector_bucket: String,
    /// Name of the index.
    pub index: String,
    /// Which models the tenant may use.
    pub models: Settings,
    /// The model that embeds the tenant's documents; `None`: the tier's.
    pub embedding: Option<Embedding>,
}

/// A tenant's record in the registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantRecord {
    /// The tenant's id.
    pub tenant: TenantId,
    /// Name, for people.
    pub display_name: String,
    /// Tier.
    pub tier: String,
    /// Current status.
    pub status: TenantStatus,
    /// Kind of the key that protects the data.
    #[serde(default)]
    pub key: KeyKind,
    /// ARN of the key; `None` until the tenant's own key is created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_arn: Option<String>,
    /// Vector bucket of the index.
    pub vector_bucket: String,
    /// Name of the index.
    pub index: String,
    /// Which models the tenant may use. The tenant's profile has a copy.
    #[serde(default)]
    pub models: Settings,
    /// The model that embeds the tenant's documents; `None`: the tier's. It never changes, because the index has its
    /// vectors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embedding: Option<Embedding>,
    /// Registration time.
    #[serde(with = "rfc3339")]
    pub created_at: Timestamp,
    /// Time of the last change of status or key.
    #[serde(with = "rfc3339")]
    pub updated_at: Timestamp,
}

/// The table of all tenants.
pub struct Registry {
    dynamodb: aws_sdk_dynamodb::Client,
    table: String,
}

impl Registry {
    /// Returns the registry in `table`.
    pub fn new(platform: &Platform, table: &str) -> Self {
        Self { dynamodb: aws_sdk_dynamodb::Client::new(control::sdk(platform)), table: table.to_owned() }
    }

    /// Returns the record of `tenant`.
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

    /// Registers a tenant with the status `Onboarding`.
    ///
    /// # Errors
    /// [`ProvisioningError::Conflict`] if the id was used before.
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
            models: new.models,
            embedding: new.embedding,
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
            // An earlier attempt of this write succeeded, but its response was lost.
            Err(ProvisioningError::Conflict { .. })
                if self.get(&record.tenant).await?.as_ref() == Some(&record) => {}
            other => other?,
        }
        Ok(record)
    }

    /// Changes the status of `tenant` from one of `from` to `to`.
    ///
    /// # Errors
    /// [`ProvisioningError::Conflict`] if the tenant is unknown or has another status.
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

    /// Records the own key of `tenant`. A recorded key cannot be changed.
    ///
    /// # Errors
    /// [`ProvisioningError::Conflict`] if another key is recorded already.
    pub async fn record_key(&self, tenant: &TenantId, key_arn: &str) -> Result<(), ProvisioningError> {
        const OPERATION: &str = "record key";
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

    /// Records which models `tenant` may use.
    ///
    /// # Errors
    /// [`ProvisioningError::Conflict`] if the tenant is unknown.
    pub async fn record_models(&self, tenant: &TenantId, models: &Settings) -> Result<(), ProvisioningError> {
        const OPERATION: &str = "record models";
        let models = serde_dynamo::to_attribute_value(models)
            .map_err(|error| ProvisioningError::Corrupt { operation: OPERATION, what: error.to_string() })?;
        let changed = self
            .update(tenant)
            .update_expression("SET models = :models, updated_at = :now")
            .condition_expression("attribute_exists(tenant)")
            .expression_attribute_values(":models", models)
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
