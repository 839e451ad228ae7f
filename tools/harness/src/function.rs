//! A function and its environments: who gets which, and when there are no more.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use crate::config::{FunctionConfig, Isolation};
use crate::environment::{Environment, Place};
use crate::lock::held;
use crate::refusal::Refusal;
use crate::status::{EnvironmentStatus, FunctionStatus};

/// A function as it is served.
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
    /// What became of the environments that are gone.
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
    /// Killed, and not seen dead yet: nobody is given it any more.
    doomed: bool,
}

/// Why we end an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// A test wants it.
    Killed,
    /// Its invocation took too long.
    TimedOut,
    /// It did not come up.
    InitFailed,
}

/// An environment taken for one invocation; dropping it gives it back.
pub(crate) struct Lease {
    pub(crate) function: Arc<Function>,
    pub(crate) environment: Arc<Environment>,
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut pool = held(&self.function.pool);
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

    /// Takes an environment of `tenant`: an idle one, or a new one where there may be one
    /// more. `misroute` takes the environment with that process id, whosever it is.
    pub(crate) fn take(
        self: &Arc<Self>,
        tenant: Option<&str>,
        misroute: Option<i32>,
    ) -> Result<Lease, Refusal> {
        self.check_tenant(tenant)?;
        let mut pool = held(&self.pool);
        let taken = self.choose(&mut pool, tenant, misroute);
        if matches!(taken, Err(Refusal::Concurrency | Refusal::Environments)) {
            pool.throttled += 1;
        }
        let environment = taken?;
        Ok(Lease { function: Arc::clone(self), environment })
    }

    /// A tenant is demanded or refused, by the function's mode.
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
            let slot = slot.ok_or(Refusal::Misroute("there is no environment with this process id"))?;
            if slot.busy {
                return Err(Refusal::Misroute("that environment is busy"));
            }
            slot.busy = true;
            return Ok(Arc::clone(&slot.environment));
        }
        let idle = pool.slots.iter_mut().find(|slot| {
            let environment = &slot.environment;
            !slot.busy && !slot.doomed && environment.tenant.as_deref() == tenant
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
        let place = Place {
            function: &self.name,
            config: &self.config,
            region: &self.region,
            logs: &self.logs,
            number: pool.starts,
        };
        let (environment, warden) = Environment::start(&place, tenant)?;
        pool.slots.push(Slot { environment: Arc::clone(&environment), busy: true, doomed: false });
        let (function, gone) = (Arc::clone(self), Arc::clone(&environment));
        tokio::spawn(async move {
            warden.watch().await;
            function.bury(&gone);
        });
        Ok(environment)
    }

    /// A process that ended takes no further invocation and no further place.
    fn bury(&self, environment: &Environment) {
        let mut pool = held(&self.pool);
        pool.slots.retain(|slot| slot.environment.number != environment.number);
        pool.past.push(EnvironmentStatus::of(environment, "ended"));
    }

    /// Kills an environment; false if it was gone already.
    pub(crate) fn end(&self, environment: &Environment, cause: Cause) -> bool {
        let mut pool = held(&self.pool);
        let number = environment.number;
        let slot = pool.slots.iter_mut().find(|slot| slot.environment.number == number && !slot.doomed);
        let Some(slot) = slot else { return false };
        slot.doomed = true;
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
        held(&self.pool).slots.iter().map(|slot| Arc::clone(&slot.environment)).collect()
    }

    pub(crate) fn status(&self) -> FunctionStatus {
        let pool = held(&self.pool);
        let living = pool
            .slots
            .iter()
            .map(|slot| EnvironmentStatus::of(&slot.environment, if slot.busy { "busy" } else { "idle" }));
        let environments: Vec<_> = living.chain(pool.past.iter().cloned()).collect();
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
