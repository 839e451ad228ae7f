//! One tenant's credentials, the clients that use them, and their use by an invocation.

mod credentials;
mod renewal;

use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_types::SdkConfig;
use bulkhead_resilience::circuit::Policy;
use bulkhead_resilience::throttle::Throttle;
use bulkhead_tenancy::{OperatorAuthority, TenantId, TenantScope};

use credentials::TenantCredentials;
pub(crate) use credentials::denied_by_sts;
use renewal::Renewing;

use crate::repositories::capacity::{Capacity, LastSeen};
use crate::repositories::circuit::Breaker;
use crate::repositories::commands::Commands;
use crate::repositories::documents::Documents;
use crate::repositories::expiring::Expiring;
use crate::repositories::items::key_attributes;
use crate::repositories::jobs::Jobs;
use crate::repositories::models::Models;
use crate::repositories::objects::Objects;
use crate::repositories::passages::Passages;
use crate::repositories::profile::{Profile, Profiles};
use crate::repositories::templates::Templates;
use crate::repositories::turns::Turns;
use crate::sealing::Sealer;
use crate::{Platform, StoreError};

/// How long a profile is believed. A changed key or index is seen within this time.
const PROFILE_AGE: Duration = Duration::from_secs(60);
const OPEN: &str = "open session";

/// Where a tenant's data lies; the same for every tenant of a deployment.
#[derive(Debug, Clone)]
pub struct SessionSettings {
    /// The role that holds the data rights, assumed with a tenant's tag.
    pub tenant_role_arn: String,
    /// The table of tenant items.
    pub table: String,
    /// The bucket of documents.
    pub bucket: String,
}

/// A tenant session's credentials, outside of it.
#[derive(Clone)]
pub struct SessionCredentials {
    /// The access key's id.
    pub access_key_id: String,
    /// The secret.
    pub secret_access_key: String,
    /// The session's token.
    pub session_token: String,
    /// When they end.
    pub ends: SystemTime,
}

impl std::fmt::Debug for SessionCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionCredentials").field("ends", &self.ends).finish_non_exhaustive()
    }
}

/// One tenant's credentials and clients.
///
/// Made for one tenant and usable with that tenant's scope alone. Everything a process
/// remembers of a tenant (credentials, data keys, profile) is in here, so it lives
/// exactly as long as the [`TenantEnvironment`](bulkhead_tenancy::TenantEnvironment)
/// keeps it.
pub struct TenantClients {
    tenant: TenantId,
    sdk: SdkConfig,
    settings: SessionSettings,
    sealer: Sealer,
    profile: Expiring<Profile>,
    ledger: LastSeen,
    dynamodb: OnceLock<aws_sdk_dynamodb::Client>,
    s3: OnceLock<aws_sdk_s3::Client>,
    s3vectors: OnceLock<aws_sdk_s3vectors::Client>,
    bedrock: OnceLock<aws_sdk_bedrockruntime::Client>,
}

impl TenantClients {
    /// Prepares the tenant role's credentials for the tenant of `scope`. Nothing is
    /// called yet: the role is assumed by the first request, clients are made lazily.
    pub fn new(platform: &Platform, settings: &SessionSettings, scope: &TenantScope<'_>) -> Self {
        let credentials =
            TenantCredentials::new(&platform.sdk, &settings.tenant_role_arn, &scope.session_tag());
        let clock = platform.sdk.time_source().unwrap_or_default();
        let credentials = Renewing::new(credentials, clock);
        let sdk = platform
            .sdk
            .to_builder()
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            // `Renewing` keeps them: the SDK's own cache fails where a renewal does.
            .identity_cache(IdentityCache::no_cache())
            .build();
        Self {
            tenant: scope.tenant().clone(),
            sealer: Sealer::new(aws_sdk_kms::Client::new(&sdk)),
            sdk,
            settings: settings.clone(),
            profile: Expiring::new(PROFILE_AGE),
            ledger: LastSeen::default(),
            dynamodb: OnceLock::new(),
            s3: OnceLock::new(),
            s3vectors: OnceLock::new(),
            bedrock: OnceLock::new(),
        }
    }

    /// Pairs these clients with the scope of the current invocation.
    ///
    /// # Errors
    /// [`StoreError::ForeignSession`] when `scope` is another tenant's.
    pub fn session<'s>(&'s self, scope: &'s TenantScope<'s>) -> Result<TenantSession<'s>, StoreError> {
        if &self.tenant == scope.tenant() {
            Ok(TenantSession { scope, clients: self })
        } else {
            Err(StoreError::ForeignSession)
        }
    }
}

/// A tenant's credentials together with its scope: the way to its data.
#[derive(Clone, Copy)]
pub struct TenantSession<'s> {
    scope: &'s TenantScope<'s>,
    clients: &'s TenantClients,
}

impl<'s> TenantSession<'s> {
    /// Returns the tenant, as a label.
    pub fn tenant(&self) -> &'s TenantId {
        self.scope.tenant()
    }

    /// Returns the tenant's profile, at most a minute old.
    ///
    /// # Errors
    /// [`StoreError::NotOnboarded`] where there is none.
    pub async fn profile(&self) -> Result<Arc<Profile>, StoreError> {
        if let Some(profile) = self.clients.profile.get() {
            return Ok(profile);
        }
        let profile = self.profiles().get().await?.ok_or(StoreError::NotOnboarded)?;
        Ok(self.clients.profile.put(profile))
    }

    /// Returns the repository of the tenant's profile.
    pub fn profiles(&self) -> Profiles<'s> {
        Profiles::new(*self)
    }

    /// Returns the tenant's ledger: its places among the calls in flight.
    pub fn capacity(&self) -> Capacity<'s> {
        let key = key_attributes(&self.scope.ledger_key());
        Capacity::new(self.dynamodb(), &self.clients.settings.table, key, &self.clients.ledger)
    }

    /// Returns the tenant's templates.
    pub fn templates(&self) -> Templates<'s> {
        Templates::new(*self)
    }

    /// Returns the tenant's document records.
    pub fn documents(&self) -> Documents<'s> {
        Documents::new(*self)
    }

    /// Returns the tenant's objects.
    pub fn objects(&self) -> Objects<'s> {
        Objects::new(*self)
    }

    /// Returns the tenant's indexed passages.
    pub fn passages(&self) -> Passages<'s> {
        Passages::new(*self)
    }

    /// Returns the circuit over the tenant's jobs.
    pub fn breaker(&self, policy: Policy) -> Breaker<'s> {
        Breaker::new(*self, policy)
    }

    /// Returns the tenant's turns at the embedding model.
    pub fn turns(&self, throttle: Throttle) -> Turns<'s> {
        Turns::new(*self, throttle)
    }

    /// Returns the tenant's jobs.
    pub fn jobs(&self) -> Jobs<'s> {
        Jobs::new(*self)
    }

    /// Returns the sealing and opening of what operators ran for the tenant.
    pub fn commands(&self) -> Commands<'s> {
        Commands::new(*self)
    }

    /// Returns the models, called and billed in the tenant's name.
    pub fn models(&self) -> Models<'s> {
        Models::new(*self)
    }

    pub(crate) fn scope(&self) -> &'s TenantScope<'s> {
        self.scope
    }

    pub(crate) fn settings(&self) -> &'s SessionSettings {
        &self.clients.settings
    }

    /// Hands the session's credentials out of the process, to a command that an operator
    /// runs with them. Nothing that serves tenants has the authority to ask.
    ///
    /// # Errors
    /// [`StoreError::Denied`] where STS refuses the session.
    pub async fn hand_out(&self, _: &OperatorAuthority) -> Result<SessionCredentials, StoreError> {
        let credentials = self.credentials().await?;
        Ok(SessionCredentials {
            access_key_id: credentials.access_key_id().to_owned(),
            secret_access_key: credentials.secret_access_key().to_owned(),
            session_token: credentials.session_token().unwrap_or_default().to_owned(),
            ends: end_of(&credentials)?,
        })
    }

    /// Returns when the session's credentials end, and with them what they signed.
    pub(crate) async fn ends(&self) -> Result<SystemTime, StoreError> {
        end_of(&self.credentials().await?)
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

fn end_of(credentials: &Credentials) -> Result<SystemTime, StoreError> {
    credentials.expiry().ok_or_else(|| StoreError::corrupt(OPEN, "credentials without an end"))
}

#[cfg(test)]
mod tests {
    use bulkhead_tenancy::{Admission, Invocation, IsolationMode};

    use super::*;

    #[test]
    fn clients_are_lent_to_their_own_tenant_alone() {
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
        let clients = TenantClients::new(&Platform { sdk }, &settings, &own);
        assert!(clients.session(&own).is_ok());
        assert!(matches!(clients.session(&foreign), Err(StoreError::ForeignSession)));
    }
}
