//! The five ways in. Each states what vouches for the tenant; there is no sixth.

use std::fmt;

use crate::names::{DocumentId, Revision, source_object, tenant_of};
use crate::{Invocation, TenantId, TenantScope};

/// Whether Lambda keeps one execution environment per tenant.
///
/// Mirrors `TenancyConfig.TenantIsolationMode`:
/// <https://docs.aws.amazon.com/lambda/latest/dg/tenant-isolation.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IsolationMode {
    /// `PER_TENANT`: Lambda names the tenant of each invocation, and we insist on it.
    PerTenant,
    /// The mode is off: nothing may survive an invocation.
    None,
}

/// Where a tenant's name was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// The authorizer's context, which API Gateway passes on after the token was verified.
    Authorizer,
    /// The tenant id that Lambda put beside the invocation.
    Platform,
    /// The tenant that a job names; its seal has to agree before anything is done.
    Job,
    /// The key of an object, which only that tenant's session could have written.
    ObjectKey,
    /// An entry of the backlog, which only that tenant's session could have written.
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

/// Why no scope was given. Never carries the offending text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// No tenant, or an empty one.
    #[error("the {evidence} names no tenant")]
    Missing {
        /// Where it should have been.
        evidence: Evidence,
    },
    /// Something that is not a tenant id.
    #[error("the {evidence} names a malformed tenant")]
    Malformed {
        /// Where it was read.
        evidence: Evidence,
    },
    /// Two sources name two tenants.
    #[error("the {evidence} and the invocation name different tenants")]
    Mismatch {
        /// The source that disagrees with the platform.
        evidence: Evidence,
    },
    /// Lambda named a tenant although the mode is off: the deployment contradicts itself.
    #[error("the invocation names a tenant but tenant isolation is off")]
    Unexpected,
    /// The object lies outside the layout of this deployment.
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

/// The right to act for a tenant that the caller names, held by operators.
///
/// The control plane has no token of the tenant it creates. Its entry is explicit so
/// that searching for this name finds every use; `tests/isolation` holds the list.
#[derive(Debug)]
pub struct OperatorAuthority {
    _private: (),
}

impl OperatorAuthority {
    /// Takes the authority that this process was started with (the operator's own
    /// IAM permission to invoke the control plane).
    pub fn ambient() -> Self {
        Self { _private: () }
    }
}

/// Turns evidence of a tenant into a [`TenantScope`], or refuses.
#[derive(Debug, Clone, Copy)]
pub struct Admission {
    mode: IsolationMode,
}

impl Admission {
    /// Returns the admission rules for a function deployed with `mode`.
    pub fn new(mode: IsolationMode) -> Self {
        Self { mode }
    }

    /// Admits an HTTP request: `authorizer` is the verified token's tenant, `platform`
    /// the tenant id Lambda gives beside the invocation.
    ///
    /// # Errors
    /// [`Refusal`] unless both are present, well formed and equal (with the mode off:
    /// unless the first is, and the second is absent).
    pub fn request<'i>(
        &self,
        invocation: &'i Invocation,
        authorizer: Option<&str>,
        platform: Option<&str>,
    ) -> Result<TenantScope<'i>, Refusal> {
        self.agree(invocation, authorizer, Evidence::Authorizer, platform)
    }

    /// Admits a job from the queue: `claimed` is the tenant its envelope names,
    /// `platform` the tenant id Lambda gives.
    ///
    /// The claim only selects the session in which the job is opened. The job is sealed
    /// to its tenant, so a false claim ends there.
    ///
    /// # Errors
    /// As [`Admission::request`].
    pub fn job<'i>(
        &self,
        invocation: &'i Invocation,
        claimed: Option<&str>,
        platform: Option<&str>,
    ) -> Result<TenantScope<'i>, Refusal> {
        self.agree(invocation, claimed, Evidence::Job, platform)
    }

    /// Admits an "object created" event of `own_bucket`: the prefix of `key` can only be
    /// written by a session of the tenant it names.
    ///
    /// # Errors
    /// [`Refusal::ForeignObject`] for another bucket or another layout,
    /// [`Refusal::Malformed`] where the prefix holds no tenant id.
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

    /// Admits the tenant whose waiting jobs are looked after: `partition` is the key of its
    /// entry in the backlog, which only a session of the tenant it names can write, or what
    /// `dispatch` names. That only selects the session: what is moved in it are that tenant's
    /// own jobs, from and to its own partition.
    ///
    /// # Errors
    /// [`Refusal::Malformed`] where it is no tenant's partition.
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
            // An empty id is none: the runtime passes an empty header on as such.
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
