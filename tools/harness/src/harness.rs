//! All functions of one configuration, and the actions of tests on them.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use serde::Deserialize;

use crate::chaos::Chaos;
use crate::config::Config;
use crate::environment::Environment;
use crate::function::{Cause, Function};
use crate::refusal::Refusal;
use crate::status::Status;

/// The functions of one configuration.
pub(crate) struct Harness {
    pub(crate) chaos: Chaos,
    pub(crate) misroute: bool,
    functions: BTreeMap<String, Arc<Function>>,
    account: String,
    region: String,
}

/// A request to kill environments: one by process id, or `n` random ones (default 1).
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Kill {
    pid: Option<i32>,
    n: Option<usize>,
    function: Option<String>,
}

impl Harness {
    pub(crate) fn new(config: Config) -> io::Result<Self> {
        let Config { logs, region, account, seed, misroute, functions, port: _ } = config;
        std::fs::create_dir_all(&logs)?;
        let functions = functions.into_iter().map(|(name, config)| {
            let function = Function::new(&name, config, &region, &account, logs.clone());
            (name, Arc::new(function))
        });
        Ok(Self { chaos: Chaos::new(seed), misroute, functions: functions.collect(), account, region })
    }

    /// Finds a function by name or ARN.
    pub(crate) fn function(&self, name: &str) -> Result<&Arc<Function>, Refusal> {
        let prefix = format!("arn:aws:lambda:{}:{}:function:", self.region, self.account);
        let name = name.strip_prefix(&prefix).unwrap_or(name);
        self.functions.get(name).ok_or_else(|| Refusal::UnknownFunction(format!("{prefix}{name}")))
    }

    /// Kills environments, busy or idle, and returns their process ids.
    pub(crate) fn kill(&self, kill: &Kill) -> Vec<i32> {
        let functions = self.functions.values();
        let chosen = functions.filter(|each| kill.function.as_ref().is_none_or(|name| *name == each.name));
        let alive: Vec<(Arc<Function>, Arc<Environment>)> = chosen
            .flat_map(|function| {
                function.environments().into_iter().map(|found| (Arc::clone(function), found))
            })
            .filter(|(_, environment)| kill.pid.is_none_or(|pid| environment.process.pid() == pid))
            .collect();
        let chosen = self.chaos.choose(alive, kill.n.unwrap_or(1));
        chosen
            .into_iter()
            .filter(|(function, environment)| function.kill(environment, Cause::Killed))
            .map(|(_, environment)| environment.process.pid())
            .collect()
    }

    pub(crate) fn kill_all(&self) {
        for environment in self.functions.values().flat_map(|function| function.environments()) {
            environment.process.kill();
        }
    }

    pub(crate) fn status(&self) -> Status {
        let functions: BTreeMap<_, _> =
            self.functions.iter().map(|(name, function)| (name.clone(), function.status())).collect();
        let crossings = functions.values().map(|function| function.crossings).sum();
        Status { seed: self.chaos.seed(), crossings, functions }
    }
}
