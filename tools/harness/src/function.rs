//! A function and its pool of environments, with Lambda's limits.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use crate::config::{FunctionConfig, Isolation};
use crate::environment::{Environment, Settings};
use crate::lock::lock;
use crate::refusal::Refusal;
use crate::status::{EnvironmentStatus, FunctionStatus};

/// A served function.
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) config: FunctionConfig,
    pub(crate) arn: String,
    region: String,
    logs: PathBuf,
    pool: Mutex<Pool>,
}

#[derive(Default)]
struct Pool {
    slots: Vec<Slot>,
    /// The exited environments.
    past: Vec<EnvironmentStatus>,
    starts: u64,
    kills_idle: u64,
    kills_working: u64,
    time_outs: u64,
    throttled: u64,
}

struct Slot {
    environment: Arc<Environment>,
    busy: bool,
    /// Killed but not reaped yet: receives no further invocation.
    killed: bool,
}

/// Why the harness kills an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// A test requested it.
    Killed,
    /// Its invocation timed out.
    TimedOut,
    /// Its init phase failed.
    InitFailed,
}

/// An environment that is busy with one invocation. Dropping the lease makes it idle.
pub(crate) struct Lease {
    pub(crate) function: Arc<Function>,
    pub(crate) environment: Arc<Environment>,
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut pool = lock(&self.function.pool);
        let number = self.environment.number;
        if let Some(slot) = pool.slots.iter_mut().find(|slot| slot.environment.number == number) {
            slot.busy = false;
        }
    }
}

impl Function {
    pub(crate) fn new(
        name: &str,
        config: FunctionConfig,
        region: &str,
        account: &str,
        logs: PathBuf,
    ) -> Self {
        Self {
            name: name.to_owned(),
            config,
            arn: format!("arn:aws:lambda:{region}:{account}:function:{name}"),
            region: region.to_owned(),
            logs,
            pool: Mutex::default(),
        }
    }

    /// Takes an idle environment of `tenant`, or starts one within the limits. `misroute` takes
    /// the environment with that process id, even of another tenant.
    pub(crate) fn take(
        self: &Arc<Self>,
        tenant: Option<&str>,
        misroute: Option<i32>,
    ) -> Result<Lease, Refusal> {
        self.check_tenant(tenant)?;
        let mut pool = lock(&self.pool);
        let taken = self.choose(&mut pool, tenant, misroute);
        if matches!(taken, Err(Refusal::Concurrency | Refusal::Environments)) {
            pool.throttled += 1;
        }
        let environment = taken?;
        Ok(Lease { function: Arc::clone(self), environment })
    }

    /// Checks that a tenant id is present exactly if the function has tenant isolation.
    fn check_tenant(&self, tenant: Option<&str>) -> Result<(), Refusal> {
        match (self.config.isolation, tenant) {
            (Isolation::PerTenant, None | Some("")) => Err(Refusal::TenantMissing),
            (Isolation::PerTenant, Some(tenant)) if !well_formed(tenant) => Err(Refusal::TenantMalformed),
            (Isolation::None, Some(_)) => Err(Refusal::TenantUnexpected),
            _ => Ok(()),
        }
    }

    fn choose(
        self: &Arc<Self>,
        pool: &mut Pool,
        tenant: Option<&str>,
        misroute: Option<i32>,
    ) -> Result<Arc<Environment>, Refusal> {
        if pool.slots.iter().filter(|slot| slot.busy).count() >= self.config.reserved_concurrency {
            return Err(Refusal::Concurrency);
        }
        if let Some(pid) = misroute {
            let slot = pool.slots.iter_mut().find(|slot| slot.environment.process.pid() == pid);
            let slot = slot.ok_or(Refusal::Misroute("no environment has this process id"))?;
            if slot.busy {
                return Err(Refusal::Misroute("that environment is busy"));
            }
            slot.busy = true;
            return Ok(Arc::clone(&slot.environment));
        }
        let idle = pool.slots.iter_mut().find(|slot| {
            let environment = &slot.environment;
            !slot.busy && !slot.killed && environment.tenant.as_deref() == tenant
        });
        if let Some(slot) = idle {
            slot.busy = true;
            return Ok(Arc::clone(&slot.environment));
        }
        if tenant.is_some() && pool.slots.len() >= self.config.environment_limit() {
            return Err(Refusal::Environments);
        }
        self.start(pool, tenant).map_err(|error| Refusal::Start(error.to_string()))
    }

    fn start(self: &Arc<Self>, pool: &mut Pool, tenant: Option<&str>) -> std::io::Result<Arc<Environment>> {
        pool.starts += 1;
        let settings = Settings {
            function: &self.name,
            config: &self.config,
            region: &self.region,
            logs: &self.logs,
            number: pool.starts,
        };
        let (environment, supervisor) = Environment::start(&settings, tenant)?;
        pool.slots.push(Slot { environment: Arc::clone(&environment), busy: true, killed: false });
        let (function, exited) = (Arc::clone(self), Arc::clone(&environment));
        tokio::spawn(async move {
            supervisor.run().await;
            function.remove(&exited);
        });
        Ok(environment)
    }

    /// Removes an exited environment from the pool.
    fn remove(&self, environment: &Environment) {
        let mut pool = lock(&self.pool);
        pool.slots.retain(|slot| slot.environment.number != environment.number);
        pool.past.push(EnvironmentStatus::of(environment, "ended"));
    }

    /// Kills an environment. Returns `false` if it was killed or has exited already.
    pub(crate) fn kill(&self, environment: &Environment, cause: Cause) -> bool {
        let mut pool = lock(&self.pool);
        let number = environment.number;
        let slot = pool.slots.iter_mut().find(|slot| slot.environment.number == number && !slot.killed);
        let Some(slot) = slot else { return false };
        slot.killed = true;
        let busy = slot.busy;
        match cause {
            Cause::Killed if busy => pool.kills_working += 1,
            Cause::Killed => pool.kills_idle += 1,
            Cause::TimedOut => pool.time_outs += 1,
            Cause::InitFailed => {}
        }
        environment.process.kill()
    }

    pub(crate) fn environments(&self) -> Vec<Arc<Environment>> {
        lock(&self.pool).slots.iter().map(|slot| Arc::clone(&slot.environment)).collect()
    }

    pub(crate) fn status(&self) -> FunctionStatus {
        let pool = lock(&self.pool);
        let alive = pool
            .slots
            .iter()
            .map(|slot| EnvironmentStatus::of(&slot.environment, if slot.busy { "busy" } else { "idle" }));
        let environments: Vec<_> = alive.chain(pool.past.iter().cloned()).collect();
        FunctionStatus {
            isolation: self.config.isolation,
            reserved_concurrency: self.config.reserved_concurrency,
            environment_limit: self.config.environment_limit(),
            invocations: environments.iter().map(|environment| environment.invocations).sum(),
            starts: pool.starts,
            kills_idle: pool.kills_idle,
            kills_working: pool.kills_working,
            time_outs: pool.time_outs,
            throttled: pool.throttled,
            crossings: environments.iter().filter(|environment| environment.crossed()).count(),
            environments,
        }
    }
}

/// Lambda's alphabet for tenant ids.
fn well_formed(tenant: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._:/=+-@ ".contains(c);
    (1..=256).contains(&tenant.len()) && tenant.chars().all(plain)
}
