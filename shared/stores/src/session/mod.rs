//! One tenant's credentials, the clients that use them, and their use by an invocation.

mod credentials;
mod expiring;
mod profile;
mod renewal;

use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_types::SdkConfig;
use bulkhead_resilience::budget;
use bulkhead_resilience::quota::Ledger;
use bulkhead_tenancy::names::Pseudonym;
use bulkhead_tenancy::{OperatorAuthority, TenantId, TenantScope};

use credentials::TenantCredentials;
use expiring::Expiring;
pub use profile::{OwnBudget, Profile};
use renewal::Renewing;

use crate::endpoint::Endpoint;
use crate::error::StoreError;
use crate::platform::{Guardrail, ModelAccess, Platform};
use crate::sealing::Sealer;

/// How long a profile is cached. A changed key or index takes effect within this time.
const PROFILE_AGE: Duration = Duration::from_secs(60);
const OPEN: &str = "open session";

/// The tenant's ledger as it was last seen. Belongs to the clients of one tenant.
pub(crate) type LastLedger = Mutex<Ledger>;

/// The tenant's ledger of tokens and money as it was last seen. Belongs to the clients of one tenant.
pub(crate) type LastBudget = Mutex<budget::Ledger>;

/// The names of a tier's data stores. They are the same for all its tenants.
#[derive(Debug, Clone)]
pub struct SessionSettings {
    /// ARN of the role that holds the data rights. A session assumes it with a tenant's tag.
    pub tenant_role_arn: String,
    /// Name of the table.
    pub table: String,
    /// Name of the bucket.
    pub bucket: String,
}

/// The credentials of a tenant session, for use by another process.
#[derive(Clone)]
pub struct SessionCredentials {
    /// Access key id.
    pub access_key_id: String,
    /// Secret access key.
    pub secret_access_key: String,
    /// Session token.
    pub session_token: String,
    /// When the credentials expire.
    pub expires_at: SystemTime,
}

impl std::fmt::Debug for SessionCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionCredentials").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// One tenant's credentials and clients.
///
/// Made for one tenant and usable only with that tenant's scope. Holds everything a process remembers of
/// a tenant: credentials, data keys, profile, ledgers. The
/// [`TenantEnvironment`](bulkhead_tenancy::TenantEnvironment) decides when to drop it.
pub struct TenantClients {
    tenant: TenantId,
    sdk: SdkConfig,
    settings: SessionSettings,
    sealer: Sealer,
    profile: Expiring<Profile>,
    ledger: LastLedger,
    budget: LastBudget,
    dynamodb: OnceLock<aws_sdk_dynamodb::Client>,
    s3: OnceLock<aws_sdk_s3::Client>,
    s3vectors: OnceLock<aws_sdk_s3vectors::Client>,
    bedrock: OnceLock<aws_sdk_bedrockruntime::Client>,
    models: Arc<ModelAccess>,
}

impl TenantClients {
    /// Prepares the clients for the tenant of `scope`. Makes no call: the first request assumes the role,
    /// and each client is created on first use.
    pub fn new(platform: &Platform, settings: &SessionSettings, scope: &TenantScope<'_>) -> Self {
        let credentials =
            TenantCredentials::new(&platform.sdk, &settings.tenant_role_arn, &scope.session_tag());
        let clock = platform.sdk.time_source().unwrap_or_default();
        let credentials = Renewing::new(credentials, clock);
        let sdk = platform
            .sdk
            .to_builder()
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            // `Renewing` caches the credentials. The SDK's cache would fail if a renewal fails.
            .identity_cache(IdentityCache::no_cache())
            .build();
        Self {
            tenant: scope.tenant().clone(),
            sealer: Sealer::new(aws_sdk_kms::Client::new(&sdk)),
            sdk,
            settings: settings.clone(),
            profile: Expiring::new(PROFILE_AGE),
            ledger: LastLedger::default(),
            budget: LastBudget::default(),
            dynamodb: OnceLock::new(),
            s3: OnceLock::new(),
            s3vectors: OnceLock::new(),
            bedrock: OnceLock::new(),
            models: Arc::clone(&platform.models),
        }
    }

    /// Combines these clients with the scope of the current invocation.
    ///
    /// # Errors
    /// [`StoreError::ForeignSession`] if `scope` belongs to another tenant.
    pub fn session<'s>(&'s self, scope: &'s TenantScope<'s>) -> Result<TenantSession<'s>, StoreError> {
        if &self.tenant == scope.tenant() {
            Ok(TenantSession { scope, clients: self })
        } else {
            Err(StoreError::ForeignSession)
        }
    }
}

/// A tenant's clients and scope: the only access to its data.
#[derive(Clone, Copy)]
pub struct TenantSession<'s> {
    scope: &'s TenantScope<'s>,
    clients: &'s TenantClients,
}

impl<'s> TenantSession<'s> {
    /// Returns the tenant's id, for logs and metrics.
    pub fn tenant(&self) -> &'s TenantId {
        self.scope.tenant()
    }

    /// Returns what a model sees of the tenant.
    pub fn pseudonym(&self) -> Pseudonym {
        self.scope.pseudonym()
    }

    /// Returns the endpoint of models outside Bedrock, if the stack has one.
    pub(crate) fn endpoint(&self) -> Option<&'s Endpoint> {
        self.clients.models.endpoint.as_ref()
    }

    /// Returns the guardrail of the stack, if it has one.
    pub(crate) fn guardrail(&self) -> Option<&'s Guardrail> {
        self.clients.models.guardrail.as_ref()
    }

    pub(crate) fn cached_profile(&self) -> &'s Expiring<Profile> {
        &self.clients.profile
    }

    pub(crate) fn last_ledger(&self) -> &'s LastLedger {
        &self.clients.ledger
    }

    pub(crate) fn last_budget(&self) -> &'s LastBudget {
        &self.clients.budget
    }

    pub(crate) fn scope(&self) -> &'s TenantScope<'s> {
        self.scope
    }

    pub(crate) fn settings(&self) -> &'s SessionSettings {
        &self.clients.settings
    }

    /// Returns the session's credentials for a command that an operator runs.
    ///
    /// Functions that serve tenants have no [`OperatorAuthority`].
    ///
    /// # Errors
    /// [`StoreError::Denied`] if STS refuses the session.
    pub async fn export_credentials(&self, _: &OperatorAuthority) -> Result<SessionCredentials, StoreError> {
        let credentials = self.credentials().await?;
        Ok(SessionCredentials {
            access_key_id: credentials.access_key_id().to_owned(),
            secret_access_key: credentials.secret_access_key().to_owned(),
            session_token: credentials.session_token().unwrap_or_default().to_owned(),
            expires_at: expiry(&credentials)?,
        })
    }

    /// Returns when the session's credentials expire, and with them the URLs that they signed.
    pub(crate) async fn expires_at(&self) -> Result<SystemTime, StoreError> {
        expiry(&self.credentials().await?)
    }

    async fn credentials(&self) -> Result<Credentials, StoreError> {
        let provider = self.clients.sdk.credentials_provider();
        let provider = provider.ok_or_else(|| StoreError::corrupt(OPEN, "no credentials"))?;
        provider.provide_credentials().await.map_err(|error| StoreError::session(OPEN, error))
    }

    pub(crate) fn sealer(&self) -> &'s Sealer {
        &self.clients.sealer
    }

    pub(crate) fn dynamodb(&self) -> &'s aws_sdk_dynamodb::Client {
        self.clients.dynamodb.get_or_init(|| aws_sdk_dynamodb::Client::new(&self.clients.sdk))
    }

    pub(crate) fn s3(&self) -> &'s aws_sdk_s3::Client {
        self.clients.s3.get_or_init(|| aws_sdk_s3::Client::new(&self.clients.sdk))
    }

    pub(crate) fn s3vectors(&self) -> &'s aws_sdk_s3vectors::Client {
        self.clients.s3vectors.get_or_init(|| aws_sdk_s3vectors::Client::new(&self.clients.sdk))
    }

    pub(crate) fn bedrock(&self) -> &'s aws_sdk_bedrockruntime::Client {
        self.clients.bedrock.get_or_init(|| aws_sdk_bedrockruntime::Client::new(&self.clients.sdk))
    }
}

fn expiry(credentials: &Credentials) -> Result<SystemTime, StoreError> {
    credentials.expiry().ok_or_else(|| StoreError::corrupt(OPEN, "credentials without an expiry"))
}

#[cfg(test)]
mod tests {
    use bulkhead_tenancy::{Admission, Invocation, IsolationMode};

    use super::*;

    #[test]
    fn clients_refuse_the_scope_of_another_tenant() {
        let (one, other) = ("0192f3c5b7a07e0e9d3a5c1b2d4e6f80", "0192f3c5b7a07e0e9d3a5c1b2d4e6f81");
        let sdk = SdkConfig::builder()
            .behavior_version(aws_smithy_runtime_api::client::behavior_version::BehaviorVersion::latest())
            .build();
        let settings = SessionSettings {
            tenant_role_arn: "arn:aws:iam::000000000000:role/tenant".to_owned(),
            table: "table".to_owned(),
            bucket: "bucket".to_owned(),
        };
        let invocation = Invocation::begin();
        let admission = Admission::new(IsolationMode::PerTenant);
        let scope = |tenant| admission.request(&invocation, Some(tenant), Some(tenant)).expect("admitted");
        let (own, foreign) = (scope(one), scope(other));
        let clients = TenantClients::new(&Platform { sdk, models: Arc::default() }, &settings, &own);
        assert!(clients.session(&own).is_ok());
        assert!(matches!(clients.session(&foreign), Err(StoreError::ForeignSession)));
    }
}
