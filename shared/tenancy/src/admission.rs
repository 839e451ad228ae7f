//! The five ways to get a [`TenantScope`]. Each states its evidence for the tenant.

use std::fmt;

use crate::names::{DocumentId, Revision, source_object, tenant_of};
use crate::{Invocation, TenantId, TenantScope};

/// Whether Lambda keeps one execution environment per tenant.
///
/// Mirrors `TenancyConfig.TenantIsolationMode`:
/// <https://docs.aws.amazon.com/lambda/latest/dg/tenant-isolation.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IsolationMode {
    /// `PER_TENANT`: Lambda names the tenant of each invocation. A missing name is an error.
    PerTenant,
    /// The mode is off: no tenant state may survive an invocation.
    None,
}

/// The source of a tenant's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// The authorizer's context. API Gateway passes it on after token verification.
    Authorizer,
    /// The tenant id that Lambda attaches to the invocation.
    Platform,
    /// The tenant in a job's envelope. The job's seal must agree before the job runs.
    Job,
    /// The key of an object. Only the tenant's own session can write it.
    ObjectKey,
    /// A backlog entry. Only the tenant's own session can write it.
    Backlog,
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Authorizer => "authorizer context",
            Self::Platform => "invocation",
            Self::Job => "job",
            Self::ObjectKey => "object key",
            Self::Backlog => "backlog",
        })
    }
}

/// Why a scope was refused. Never carries the rejected text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The tenant id is missing or empty.
    #[error("the {evidence} names no tenant")]
    Missing {
        /// The source without a tenant id.
        evidence: Evidence,
    },
    /// The text is not a tenant id.
    #[error("the {evidence} names a malformed tenant")]
    Malformed {
        /// The source of the text.
        evidence: Evidence,
    },
    /// Two sources name different tenants.
    #[error("the {evidence} and the invocation name different tenants")]
    Mismatch {
        /// The source that disagrees with the platform.
        evidence: Evidence,
    },
    /// Lambda named a tenant although the mode is off. The deployment is misconfigured.
    #[error("the invocation names a tenant but tenant isolation is off")]
    Unexpected,
    /// The object's bucket or key does not match the layout of this deployment.
    #[error("the object is not a document of this deployment")]
    ForeignObject,
}

impl Refusal {
    /// Returns a short, stable code for metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "tenant_missing",
            Self::Malformed { .. } => "tenant_malformed",
            Self::Mismatch { .. } => "tenant_mismatch",
            Self::Unexpected => "tenant_unexpected",
            Self::ForeignObject => "foreign_object",
        }
    }
}

/// An operator's authority to act for any tenant.
///
/// The control plane has no token of the tenant it creates. This type makes every use
/// searchable; `tests/isolation` holds the list of permitted uses.
#[derive(Debug)]
pub struct OperatorAuthority {
    _private: (),
}

impl OperatorAuthority {
    /// Returns the authority of this process: the operator's IAM permission to invoke the
    /// control plane.
    pub fn ambient() -> Self {
        Self { _private: () }
    }
}

/// Checks evidence of a tenant and returns a [`TenantScope`].
#[derive(Debug, Clone, Copy)]
pub struct Admission {
    mode: IsolationMode,
}

impl Admission {
    /// Returns the admission rules for a function deployed with `mode`.
    pub fn new(mode: IsolationMode) -> Self {
        Self { mode }
    }

    /// Admits an HTTP request.
    ///
    /// `authorizer` is the tenant of the verified token. `platform` is the tenant id that
    /// Lambda attaches to the invocation.
    ///
    /// # Errors
    /// With [`IsolationMode::PerTenant`], both must be present, well formed and equal.
    /// With [`IsolationMode::None`], `authorizer` must be well formed and `platform` absent.
    pub fn request<'i>(
        &self,
        invocation: &'i Invocation,
        authorizer: Option<&str>,
        platform: Option<&str>,
    ) -> Result<TenantScope<'i>, Refusal> {
        self.agree(invocation, authorizer, Evidence::Authorizer, platform)
    }

    /// Admits a job from the queue.
    ///
    /// `claimed` is the tenant in the job's envelope, `platform` the tenant id that Lambda
    /// attaches to the invocation. The rules of [`Admission::request`] apply. The claim
    /// only selects the session that unseals the job: a job is sealed to its tenant, so a
    /// job with a false claim does not open.
    ///
    /// Also admits the scheduler for the tenant in a request of `dispatch`. Only `dispatch`
    /// may send one, and the scheduler moves only that tenant's own jobs.
    pub fn job<'i>(
        &self,
        invocation: &'i Invocation,
        claimed: Option<&str>,
        platform: Option<&str>,
    ) -> Result<TenantScope<'i>, Refusal> {
        self.agree(invocation, claimed, Evidence::Job, platform)
    }

    /// Admits an "object created" event of `own_bucket`.
    ///
    /// `key` proves the tenant: only the tenant's session can write under its prefix.
    ///
    /// # Errors
    /// [`Refusal::ForeignObject`] if the bucket or the key layout differs,
    /// [`Refusal::Malformed`] if the prefix holds no tenant id.
    pub fn object<'i>(
        &self,
        invocation: &'i Invocation,
        own_bucket: &str,
        bucket: &str,
        key: &str,
    ) -> Result<(TenantScope<'i>, DocumentId, Revision), Refusal> {
        if bucket != own_bucket {
            return Err(Refusal::ForeignObject);
        }
        let (tenant, document, revision) = source_object(key).ok_or(Refusal::ForeignObject)?;
        let tenant = parse(tenant, Evidence::ObjectKey)?;
        let document = DocumentId::parse(document).map_err(|_| Refusal::ForeignObject)?;
        let revision = Revision::from_name(revision).ok_or(Refusal::ForeignObject)?;
        Ok((TenantScope::admitted(invocation, tenant), document, revision))
    }

    /// Admits a stored object from the queue, for the worker that accepts its job.
    ///
    /// `claimed` is the tenant of the message group. The rules of [`Admission::job`] apply, and the object's key
    /// must name the same tenant.
    ///
    /// # Errors
    /// As for [`Admission::job`] and [`Admission::object`]; [`Refusal::Mismatch`] if the key names another tenant.
    pub fn stored_object<'i>(
        &self,
        invocation: &'i Invocation,
        claimed: Option<&str>,
        platform: Option<&str>,
        own_bucket: &str,
        (bucket, key): (&str, &str),
    ) -> Result<(TenantScope<'i>, DocumentId, Revision), Refusal> {
        let claimed = self.job(invocation, claimed, platform)?;
        let (scope, document, revision) = self.object(invocation, own_bucket, bucket, key)?;
        if scope.tenant() != claimed.tenant() {
            return Err(Refusal::Mismatch { evidence: Evidence::ObjectKey });
        }
        Ok((scope, document, revision))
    }

    /// Admits the scheduler for the tenant of `partition`.
    ///
    /// `partition` is the key of a backlog entry, which only the tenant's session can
    /// write. It only selects the session: the scheduler then moves the tenant's own jobs
    /// within the tenant's own partition.
    ///
    /// # Errors
    /// [`Refusal::Malformed`] if `partition` is not a tenant's partition.
    pub fn backlog<'i>(
        &self,
        invocation: &'i Invocation,
        partition: &str,
    ) -> Result<TenantScope<'i>, Refusal> {
        let evidence = Evidence::Backlog;
        let tenant = tenant_of(partition).ok_or(Refusal::Malformed { evidence })?;
        Ok(TenantScope::admitted(invocation, parse(tenant, evidence)?))
    }

    /// Admits an operator for `tenant`.
    pub fn operator<'i>(
        &self,
        invocation: &'i Invocation,
        tenant: TenantId,
        _: &OperatorAuthority,
    ) -> TenantScope<'i> {
        TenantScope::admitted(invocation, tenant)
    }

    fn agree<'i>(
        &self,
        invocation: &'i Invocation,
        stated: Option<&str>,
        evidence: Evidence,
        platform: Option<&str>,
    ) -> Result<TenantScope<'i>, Refusal> {
        let stated = present(stated, evidence)?;
        match self.mode {
            IsolationMode::PerTenant => {
                if stated != present(platform, Evidence::Platform)? {
                    return Err(Refusal::Mismatch { evidence });
                }
            }
            // The runtime passes a missing header on as an empty id.
            IsolationMode::None if platform.is_some_and(|id| !id.is_empty()) => {
                return Err(Refusal::Unexpected);
            }
            IsolationMode::None => {}
        }
        Ok(TenantScope::admitted(invocation, stated))
    }
}

fn present(text: Option<&str>, evidence: Evidence) -> Result<TenantId, Refusal> {
    match text {
        None | Some("") => Err(Refusal::Missing { evidence }),
        Some(text) => parse(text, evidence),
    }
}

fn parse(text: &str, evidence: Evidence) -> Result<TenantId, Refusal> {
    TenantId::parse(text).map_err(|_| Refusal::Malformed { evidence })
}
