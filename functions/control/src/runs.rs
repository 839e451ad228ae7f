//! Records of what operators run in a tenant's session. A run without a record does not
//! begin: the command line asks here first.

use bulkhead_provisioning::{RunRecord, TenantStatus};
use bulkhead_stores::Moment;
use bulkhead_tenancy::names::{InvalidName, RunId};
use bulkhead_tenancy::{Invocation, OperatorAuthority, TenantId, TenantScope};
use serde::{Deserialize, Serialize};

use crate::{Control, ControlError};

/// Longest name of an operator, characters.
const MAX_OPERATOR: usize = 200;
/// Longest command line, bytes in all.
const MAX_COMMAND: usize = 32 * 1024;

/// A run about to begin.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewRun {
    /// The tenant in whose session it runs.
    tenant: TenantId,
    /// Who runs it.
    operator: String,
    /// Its command line.
    command: Vec<String>,
    /// Whether it is kept from the rest of the operator's machine.
    sandboxed: bool,
}

/// A run that may begin, and the tenant's names for it to use.
#[derive(Debug, Serialize)]
pub struct RunView {
    run: RunId,
    names: Names,
}

/// Where the tenant's data lies.
#[derive(Debug, Serialize)]
struct Names {
    table: String,
    partition: String,
    bucket: String,
    prefix: String,
    vector_bucket: String,
    index: String,
    key_arn: String,
}

/// A recorded run.
#[derive(Debug, Serialize)]
pub struct PastRun {
    #[serde(flatten)]
    record: RunRecord,
    command: Vec<String>,
}

impl Control {
    pub(crate) async fn begin_run(&self, new: NewRun) -> Result<RunView, ControlError> {
        let NewRun { tenant, operator, command, sandboxed } = new;
        if !(1..=MAX_OPERATOR).contains(&operator.chars().count()) {
            return Err(ControlError::Invalid(format!("`operator` is 1 to {MAX_OPERATOR} characters")));
        }
        if command.is_empty() || command.iter().map(String::len).sum::<usize>() > MAX_COMMAND {
            return Err(ControlError::Invalid(format!("`command` is 1 to {MAX_COMMAND} bytes")));
        }
        self.served(&tenant).await?;
        let invocation = Invocation::begin();
        let scope = self.operators_scope(&invocation, tenant);
        let clients = self.function.clients(&scope);
        let session = clients.session(&scope)?;
        let run = new_run_id()?;
        let sealed = session.commands().seal(self.runs.table(), &run, &command).await?;
        let record = RunRecord {
            run: run.clone(),
            operator,
            sandboxed,
            started_at: Moment::now(),
            ended_at: None,
            status: None,
            command: sealed,
        };
        self.runs.begin(&scope, &record).await?;
        let profile = session.profile().await?;
        let settings = self.function.settings();
        tracing::info!(tenant = %scope.tenant(), %run, operator = record.operator, sandboxed, "a run begins");
        Ok(RunView {
            run,
            names: Names {
                table: settings.table.clone(),
                partition: scope.partition().as_str().to_owned(),
                bucket: settings.bucket.clone(),
                prefix: scope.object_prefix().as_str().to_owned(),
                vector_bucket: profile.vector_bucket.clone(),
                index: scope.vector_index(&profile.corpus).as_str().to_owned(),
                key_arn: profile.key_arn.clone(),
            },
        })
    }

    pub(crate) async fn end_run(
        &self,
        tenant: TenantId,
        run: &RunId,
        status: i32,
    ) -> Result<(), ControlError> {
        let invocation = Invocation::begin();
        let scope = self.operators_scope(&invocation, tenant);
        self.runs.end(&scope, run, status).await?;
        tracing::info!(tenant = %scope.tenant(), %run, status, "a run ended");
        Ok(())
    }

    pub(crate) async fn past_runs(&self, tenant: TenantId) -> Result<Vec<PastRun>, ControlError> {
        self.served(&tenant).await?;
        let invocation = Invocation::begin();
        let scope = self.operators_scope(&invocation, tenant);
        let clients = self.function.clients(&scope);
        let commands = clients.session(&scope)?.commands();
        let mut past = Vec::new();
        for mut record in self.runs.list(&scope).await? {
            let sealed = std::mem::take(&mut record.command);
            let command = commands.open(self.runs.table(), &record.run, sealed).await?;
            past.push(PastRun { record, command });
        }
        Ok(past)
    }

    async fn served(&self, tenant: &TenantId) -> Result<(), ControlError> {
        match self.known(tenant).await?.status() {
            TenantStatus::Onboarding => Err(ControlError::WrongStatus),
            TenantStatus::Active | TenantStatus::Suspended => Ok(()),
        }
    }

    fn operators_scope<'i>(&self, invocation: &'i Invocation, tenant: TenantId) -> TenantScope<'i> {
        self.function.admission().operator(invocation, tenant, &OperatorAuthority::ambient())
    }
}

fn new_run_id() -> Result<RunId, ControlError> {
    RunId::parse(&uuid::Uuid::now_v7().simple().to_string())
        .map_err(|error: InvalidName| ControlError::Invalid(error.to_string()))
}
