use bulkhead_models::{Kind, Model, ModelName, Offer, Settings};
use bulkhead_provisioning::{Embedding, KeyKind, KeyUsers, NewIndex, NewTenant, TenantRecord, TenantStatus};
use bulkhead_runtime::config::{self, ConfigError};
use bulkhead_stores::{OwnBudget, Profile};
use bulkhead_tenancy::names::Corpus;
use bulkhead_tenancy::{Invocation, OperatorAuthority, TenantId, TenantScope};

use crate::{Control, ControlError};

/// Maximum length of a display name in characters.
const MAX_DISPLAY_NAME: usize = 100;

/// Key, vector bucket and index of new tenants. Recorded with each tenant, so a change of
/// the stack affects only later tenants.
pub(crate) struct Placement {
    key_arn: String,
    vector_bucket: String,
    corpus: Corpus,
    embedding: Model,
    dimensions: u32,
}

impl Placement {
    pub(crate) fn from_env(offer: &Offer) -> Result<Self, ConfigError> {
        let corpus = Corpus::parse(&config::required("CORPUS")?)
            .map_err(|_| ConfigError::Invalid { name: "CORPUS", expected: "a corpus name" })?;
        Ok(Self {
            key_arn: config::required("KEY_ARN")?,
            vector_bucket: config::required("VECTOR_BUCKET")?,
            corpus,
            embedding: embedding_model(offer)?,
            dimensions: config::parsed("EMBEDDING_DIMENSIONS", "a number of dimensions")?,
        })
    }
}

/// Returns the model that embeds the documents of new tenants: of the catalogue, or a foundation model of Bedrock.
fn embedding_model(offer: &Offer) -> Result<Model, ConfigError> {
    const NAME: &str = "EMBEDDING_MODEL";
    const INVALID: ConfigError = ConfigError::Invalid { name: NAME, expected: "an embedding model" };
    let id = ModelName::parse(&config::required(NAME)?).ok_or(INVALID)?;
    match offer.catalogue().get(id.as_str()) {
        Some(model) if model.kind == Kind::Embedding => Ok(model.clone()),
        Some(_) => Err(INVALID),
        None => Ok(Model::bedrock(id, Kind::Embedding)),
    }
}

/// Returns the principals that may use a tenant's own key.
pub(crate) fn key_users() -> Result<KeyUsers, ConfigError> {
    let control_role_arn = config::required("CONTROL_ROLE_ARN")?;
    let mut parts = control_role_arn.split(':');
    let (Some(partition), Some(account)) = (parts.nth(1), parts.nth(2)) else {
        return Err(ConfigError::Invalid { name: "CONTROL_ROLE_ARN", expected: "the ARN of a role" });
    };
    Ok(KeyUsers {
        account: account.to_owned(),
        partition: partition.to_owned(),
        region: config::required("AWS_REGION")?,
        stage: config::required("STAGE")?,
        tier: config::required("TIER")?,
        tenant_role_arn: config::required("TENANT_ROLE_ARN")?,
        control_role_arn,
    })
}

/// The models of a new tenant.
#[derive(Default)]
pub(crate) struct NewModels {
    /// Which models answer; `None`: those of the tier.
    pub(crate) models: Option<Settings>,
    /// Which model embeds; `None`: that of the tier.
    pub(crate) embedding: Option<Embedding>,
}

/// The tenant to onboard.
pub(crate) enum Onboarding {
    New { tenant: TenantId, display_name: String, key: KeyKind, new: NewModels },
    Unfinished { tenant: TenantId },
}

impl Onboarding {
    pub(crate) fn of(
        display_name: Option<String>,
        unfinished: Option<TenantId>,
        key: Option<KeyKind>,
        new: NewModels,
        only: Option<&TenantId>,
    ) -> Result<Self, ControlError> {
        match (unfinished, display_name, key, new) {
            (None, Some(display_name), key, new) => Ok(Self::New {
                tenant: only.cloned().map_or_else(new_tenant_id, Ok)?,
                display_name: display_name.trim().to_owned(),
                key: key_of_new(key, only.is_some())?,
                new,
            }),
            (Some(tenant), None, None, NewModels { models: None, embedding: None }) => Ok(Self::Unfinished { tenant }),
            _ => Err(ControlError::Invalid(
                "give `display_name` (and optionally `key`, `models` and `embedding`) to create a tenant, or only `tenant` to finish one"
                    .to_owned(),
            )),
        }
    }

    fn tenant(&self) -> &TenantId {
        match self {
            Self::New { tenant, .. } | Self::Unfinished { tenant } => tenant,
        }
    }
}

impl Control {
    /// Creates a tenant, or finishes an interrupted onboarding.
    pub(crate) async fn onboard(
        &self,
        onboarding: Onboarding,
        budget: OwnBudget,
    ) -> Result<TenantId, ControlError> {
        let tenant = onboarding.tenant().clone();
        self.run_steps(onboarding, budget).await.map_err(|error| match error {
            ControlError::Provisioning(_) | ControlError::Store(_) => {
                ControlError::Interrupted { tenant: tenant.clone(), source: Box::new(error) }
            }
            other => other,
        })?;
        Ok(tenant)
    }

    /// Runs the steps of an onboarding: register first, activate last. Each is idempotent.
    async fn run_steps(&self, onboarding: Onboarding, budget: OwnBudget) -> Result<(), ControlError> {
        let invocation = Invocation::begin();
        let authority = OperatorAuthority::ambient();
        let tenant = onboarding.tenant().clone();
        let scope = self.function.admission().operator(&invocation, tenant.clone(), &authority);
        let TenantRecord { key: kind, key_arn: recorded, models, embedding, .. } = match onboarding {
            Onboarding::New { display_name, key, new, .. } => {
                self.register(&scope, display_name, key, new).await?
            }
            Onboarding::Unfinished { tenant } => self.unfinished(&tenant, &scope).await?,
        };
        let key_arn = match recorded {
            Some(key_arn) => key_arn,
            None => {
                let created = self.keys.create(&scope).await?;
                self.registry.record_key(&tenant, &created).await?;
                created
            }
        };
        let own_key = (kind == KeyKind::Own).then_some(key_arn.as_str());
        if let Some(own_key) = own_key {
            self.keys.configure(&scope, own_key).await?;
        }
        let placement = &self.placement;
        let (corpus, model, dimensions) = self.embedding(embedding.as_ref())?;
        let index =
            NewIndex { bucket: &placement.vector_bucket, corpus: &corpus, dimensions, key_arn: own_key };
        self.indexes.create(&scope, index).await?;
        let clients = self.function.clients(&scope);
        let profile = Profile {
            key_arn,
            vector_bucket: placement.vector_bucket.clone(),
            corpus,
            embedding_model: model.id.to_string(),
            dimensions,
            embedding_provider: model.provider,
            embedding_name: (model.model != model.id).then(|| model.model.to_string()),
            models,
            budget,
        };
        clients.session(&scope)?.profiles().put(&profile).await?;
        self.usage_plan.add_tenant(&scope).await?;
        let from = [TenantStatus::Onboarding, TenantStatus::Active];
        self.registry.change_status(&tenant, from, TenantStatus::Active).await?;
        tracing::info!(%tenant, "tenant onboarded");
        Ok(())
    }

    /// Returns the corpus of a tenant, the model that embeds it and the length of its vectors.
    fn embedding(&self, own: Option<&Embedding>) -> Result<(Corpus, &Model, u32), ControlError> {
        match own {
            Some(own) => self.corpus(own).map(|(corpus, model)| (corpus, model, own.dimensions)),
            None => {
                let Placement { corpus, embedding, dimensions, .. } = &self.placement;
                Ok((corpus.clone(), embedding, *dimensions))
            }
        }
    }

    /// Returns the record of an unfinished tenant.
    ///
    /// Fails if the tenant is active already, or if the tier's placement changed: a tenant
    /// keeps its key, bucket and index.
    async fn unfinished(
        &self,
        tenant: &TenantId,
        scope: &TenantScope<'_>,
    ) -> Result<TenantRecord, ControlError> {
        let record = self.record(tenant).await?;
        if record.status != TenantStatus::Onboarding {
            return Err(ControlError::WrongStatus);
        }
        let placement = &self.placement;
        let same_key = match record.key {
            KeyKind::Pooled | KeyKind::Silo => record.key_arn.as_ref() == Some(&placement.key_arn),
            KeyKind::Own => true,
        };
        let (corpus, ..) = self.embedding(record.embedding.as_ref())?;
        let unchanged = same_key
            && record.vector_bucket == placement.vector_bucket
            && record.index == scope.vector_index(&corpus).as_str();
        if unchanged { Ok(record) } else { Err(ControlError::PlacementChanged) }
    }

    async fn register(
        &self,
        scope: &TenantScope<'_>,
        display_name: String,
        key: KeyKind,
        NewModels { models, embedding }: NewModels,
    ) -> Result<TenantRecord, ControlError> {
        if !(1..=MAX_DISPLAY_NAME).contains(&display_name.chars().count()) {
            return Err(ControlError::Invalid(format!(
                "`display_name` must have 1 to {MAX_DISPLAY_NAME} characters"
            )));
        }
        let (corpus, ..) = self.embedding(embedding.as_ref())?;
        let new = NewTenant {
            tenant: scope.tenant().clone(),
            display_name,
            tier: self.tier.clone(),
            key,
            key_arn: match key {
                KeyKind::Pooled | KeyKind::Silo => Some(self.placement.key_arn.clone()),
                KeyKind::Own => None,
            },
            vector_bucket: self.placement.vector_bucket.clone(),
            index: scope.vector_index(&corpus).as_str().to_owned(),
            models: models.unwrap_or_default(),
            embedding,
        };
        Ok(self.registry.register(new).await?)
    }
}

/// Returns the key kind of a new tenant. The stack of a silo already has its own key.
fn key_of_new(requested: Option<KeyKind>, silo: bool) -> Result<KeyKind, ControlError> {
    match (requested, silo) {
        (None | Some(KeyKind::Silo), true) => Ok(KeyKind::Silo),
        (None, false) => Ok(KeyKind::Pooled),
        (Some(kind @ (KeyKind::Pooled | KeyKind::Own)), false) => Ok(kind),
        (Some(_), true) => {
            Err(ControlError::Invalid("a silo uses the key of its stack; omit `key`".to_owned()))
        }
        (Some(KeyKind::Silo), false) => Err(ControlError::Invalid(
            "`key` must be `pooled` or `own`; deploy a silo stack to create a silo".to_owned(),
        )),
    }
}

/// Returns a new id: a UUID version 7 in simple form. The registry rejects a used id.
fn new_tenant_id() -> Result<TenantId, ControlError> {
    TenantId::parse(&uuid::Uuid::now_v7().simple().to_string())
        .map_err(|error| ControlError::Invalid(error.to_string()))
}
