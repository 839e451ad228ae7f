//! What `GET /_harness/status` tells.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::config::Isolation;
use crate::environment::Environment;

#[derive(Debug, Serialize)]
pub(crate) struct Status {
    pub(crate) seed: u64,
    /// Environments that were ever sent two tenants' ids.
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
    /// Those that live, then those that ended.
    pub(crate) environments: Vec<EnvironmentStatus>,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct EnvironmentStatus {
    pid: i32,
    /// Whose it was started for.
    tenant: Option<String>,
    /// Whose ids were sent to it, and how often: not what was meant, what was written.
    delivered: BTreeMap<String, u64>,
    pub(crate) invocations: u64,
    state: &'static str,
    /// How its process ended.
    ending: Option<String>,
    log: String,
}

impl EnvironmentStatus {
    pub(crate) fn of(environment: &Environment, state: &'static str) -> Self {
        Self {
            pid: environment.process.pid(),
            tenant: environment.tenant.clone(),
            delivered: environment.desk.tenants(),
            invocations: environment.desk.invocations(),
            state,
            ending: environment.ending(),
            log: environment.log.display().to_string(),
        }
    }

    pub(crate) fn crossed(&self) -> bool {
        self.delivered.len() > 1
    }
}
