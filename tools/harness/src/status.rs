//! The response of `GET /_harness/status`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::config::Isolation;
use crate::environment::Environment;

#[derive(Debug, Serialize)]
pub(crate) struct Status {
    pub(crate) seed: u64,
    /// Number of environments that received the ids of two tenants.
    pub(crate) crossings: usize,
    pub(crate) functions: BTreeMap<String, FunctionStatus>,
}

#[derive(Debug, Serialize)]
pub(crate) struct FunctionStatus {
    pub(crate) isolation: Isolation,
    pub(crate) reserved_concurrency: usize,
    pub(crate) environment_limit: usize,
    pub(crate) invocations: u64,
    pub(crate) starts: u64,
    pub(crate) kills_idle: u64,
    pub(crate) kills_working: u64,
    pub(crate) time_outs: u64,
    pub(crate) throttled: u64,
    pub(crate) crossings: usize,
    /// Running environments first, then exited ones.
    pub(crate) environments: Vec<EnvironmentStatus>,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct EnvironmentStatus {
    pid: i32,
    /// The tenant that the environment was started for.
    tenant: Option<String>,
    /// Actual deliveries per tenant id.
    delivered: BTreeMap<String, u64>,
    pub(crate) invocations: u64,
    state: &'static str,
    /// How the process exited.
    ending: Option<String>,
    log: String,
}

impl EnvironmentStatus {
    pub(crate) fn of(environment: &Environment, state: &'static str) -> Self {
        Self {
            pid: environment.process.pid(),
            tenant: environment.tenant.clone(),
            delivered: environment.handover.tenants(),
            invocations: environment.handover.invocations(),
            state,
            ending: environment.exit(),
            log: environment.log.display().to_string(),
        }
    }

    pub(crate) fn crossed(&self) -> bool {
        self.delivered.len() > 1
    }
}
