use bulkhead_provisioning::{NewTenant, TenantStatus};
use bulkhead_runtime::config::{self, ConfigError};
use bulkhead_stores::Profile;
use bulkhead_tenancy::names::Corpus;
use bulkhead_tenancy::{Invocation, OperatorAuthority, TenantId, TenantScope};

use crate::{Control, ControlError};

/// Longest display name, characters.
const MAX_DISPLAY_NAME: usize = 100;

/// Where new tenants of this tier are put. Recorded with each tenant, so that a later
/// change is for later tenants only.
pub(crate) struct Placement {
    key_arn: String,
    vector_bucket: String,
    corpus: Corpus,
    embedding_model: String,
    dimensions: u32,
}

impl Placement {
    pub(crate) fn from_env() -> Result<Self, ConfigError> {
        let corpus = Corpus::parse(&config::required("CORPUS")?)
            .map_err(|_| ConfigError::Invalid { name: "CORPUS", expected: "a corpus name" })?;
        Ok(Self {
            key_arn: config::required("KEY_ARN")?,
            vector_bucket: config::required("VECTOR_BUCKET")?,
            corpus,
            embedding_model: config::required("EMBEDDING_MODEL")?,
            dimensions: config::parsed("EMBEDDING_DIMENSIONS", "a number of dimensions")?,
        })
    }
}

impl Control {
    /// Makes a tenant, or finishes one.
    pub(crate) async fn onboard(
        &self,
        display_name: Option<String>,
        unfinished: Option<TenantId>,
    ) -> Result<TenantId, ControlError> {
        let tenant = match &unfinished {
            Some(tenant) => tenant.clone(),
            None => new_tenant_id()?,
        };
        self.build(tenant.clone(), display_name, unfinished).await.map_err(|error| match error {
            ControlError::Provisioning(_) | ControlError::Store(_) => {
                ControlError::Interrupted { tenant: tenant.clone(), source: Box::new(error) }
            }
            other => other,
        })?;
        Ok(tenant)
    }

    /// Works in steps that can each be repeated: registered first, served last.
    async fn build(
        &self,
        tenant: TenantId,
        display_name: Option<String>,
        unfinished: Option<TenantId>,
    ) -> Result<(), ControlError> {
        let invocation = Invocation::begin();
        let authority = OperatorAuthority::ambient();
        let scope = self.function.admission().operator(&invocation, tenant.clone(), &authority);
        match (unfinished, display_name) {
            (None, Some(name)) => self.register(&scope, &name).await?,
            (Some(tenant), None) => self.unfinished(&tenant, &scope).await?,
            _ => {
                let message = "give `display_name` for a new tenant, or `tenant` to finish one";
                return Err(ControlError::Invalid(message.to_owned()));
            }
        }
        let place = &self.placement;
        self.indexes.create(&scope, &place.vector_bucket, &place.corpus, place.dimensions).await?;
        let clients = self.function.clients(&scope);
        let profile = Profile {
            key_arn: place.key_arn.clone(),
            vector_bucket: place.vector_bucket.clone(),
            corpus: place.corpus.clone(),
            embedding_model: place.embedding_model.clone(),
            dimensions: place.dimensions,
        };
        clients.session(&scope)?.profiles().put(&profile).await?;
        let from = [TenantStatus::Onboarding, TenantStatus::Active];
        self.registry.change_status(&tenant, from, TenantStatus::Active).await?;
        tracing::info!(%tenant, "onboarded");
        Ok(())
    }

    /// A tenant may only be finished, and only where it was begun: one that is served
    /// keeps its key, bucket and index.
    async fn unfinished(&self, tenant: &TenantId, scope: &TenantScope<'_>) -> Result<(), ControlError> {
        let record = self.registry.get(tenant).await?.filter(|record| record.tier == self.tier);
        let record = record.ok_or(ControlError::UnknownTenant)?;
        if record.status != TenantStatus::Onboarding {
            return Err(ControlError::WrongStatus);
        }
        let place = &self.placement;
        let same_place = record.key_arn == place.key_arn
            && record.vector_bucket == place.vector_bucket
            && record.index == scope.vector_index(&place.corpus).as_str();
        if same_place { Ok(()) } else { Err(ControlError::Moved) }
    }

    async fn register(&self, scope: &TenantScope<'_>, display_name: &str) -> Result<(), ControlError> {
        let display_name = display_name.trim();
        if !(1..=MAX_DISPLAY_NAME).contains(&display_name.chars().count()) {
            return Err(ControlError::Invalid(format!(
                "`display_name` is 1 to {MAX_DISPLAY_NAME} characters"
            )));
        }
        let new = NewTenant {
            tenant: scope.tenant().clone(),
            display_name: display_name.to_owned(),
            tier: self.tier.clone(),
            key_arn: self.placement.key_arn.clone(),
            vector_bucket: self.placement.vector_bucket.clone(),
            index: scope.vector_index(&self.placement.corpus).as_str().to_owned(),
        };
        self.registry.register(new).await?;
        Ok(())
    }
}

/// A new id: a UUID of version 7 in simple form. The registry refuses one that was
/// ever used.
fn new_tenant_id() -> Result<TenantId, ControlError> {
    TenantId::parse(&uuid::Uuid::now_v7().simple().to_string())
        .map_err(|error| ControlError::Invalid(error.to_string()))
}
