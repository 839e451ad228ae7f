//! Operators' commands in a tenant's session. Only a recorded run gets the session's
//! credentials: operators cannot assume the tenant role themselves.

use bulkhead_provisioning::{RunRecord, TenantStatus};
use bulkhead_stores::SessionCredentials;
use bulkhead_tenancy::names::{InvalidName, RunId};
use bulkhead_tenancy::{Invocation, OperatorAuthority, TenantId, TenantScope};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};

use crate::{Control, ControlError};

/// Maximum length of an operator's name in characters.
const MAX_OPERATOR: usize = 200;
/// Maximum length of a command line in bytes, all arguments together.
const MAX_COMMAND: usize = 32 * 1024;

/// A run to record.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewRun {
    /// The tenant whose session the command uses.
    tenant: TenantId,
    /// The operator's name.
    operator: String,
    /// The command line.
    command: Vec<String>,
    /// Whether the command runs in a sandbox.
    sandboxed: bool,
}

/// A recorded run, with the tenant's session and resource names for the command.
#[derive(Debug, Serialize)]
pub struct RunView {
    run: RunId,
    names: Names,
    #[serde(serialize_with = "write_credentials")]
    credentials: SessionCredentials,
}

/// The names of the tenant's resources.
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

/// A recorded run with its command line.
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
            return Err(ControlError::Invalid(format!(
                "`operator` must have 1 to {MAX_OPERATOR} characters"
            )));
        }
        if command.is_empty() || command.iter().map(String::len).sum::<usize>() > MAX_COMMAND {
            return Err(ControlError::Invalid(format!("`command` must have 1 to {MAX_COMMAND} bytes")));
        }
        self.require_onboarded(&tenant).await?;
        let invocation = Invocation::begin();
        let scope = self.operators_scope(&invocation, tenant);
        let clients = self.function.clients(&scope);
        let session = clients.session(&scope)?;
        let run = new_run_id()?;
        let credentials = session.export_credentials(&OperatorAuthority::ambient()).await?;
        let sealed = session.commands().seal(&run, &command).await?;
        let record = RunRecord {
            run: run.clone(),
            operator,
            access_key_id: Some(credentials.access_key_id.clone()),
            sandboxed,
            started_at: bulkhead_stores::now(),
            ended_at: None,
            status: None,
            command: sealed,
        };
        self.runs.begin(&scope, &record).await?;
        let profile = session.profile().await?;
        let settings = self.function.settings();
        tracing::info!(tenant = %scope.tenant(), %run, operator = record.operator, sandboxed, "run started");
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
            credentials,
        })
    }

    pub(crate) async fn end_run(
        &self,
        tenant: TenantId,
        run: &RunId,
        status: i32,
    ) -> Result<(), ControlError> {
        self.require_onboarded(&tenant).await?;
        let invocation = Invocation::begin();
        let scope = self.operators_scope(&invocation, tenant);
        self.runs.end(&scope, run, status).await?;
        tracing::info!(tenant = %scope.tenant(), %run, status, "run ended");
        Ok(())
    }

    pub(crate) async fn past_runs(&self, tenant: TenantId) -> Result<Vec<PastRun>, ControlError> {
        self.require_onboarded(&tenant).await?;
        let invocation = Invocation::begin();
        let scope = self.operators_scope(&invocation, tenant);
        let clients = self.function.clients(&scope);
        let commands = clients.session(&scope)?.commands();
        let mut past = Vec::new();
        for mut record in self.runs.list(&scope).await? {
            let sealed = std::mem::take(&mut record.command);
            let command = commands.open(&record.run, sealed).await?;
            past.push(PastRun { record, command });
        }
        Ok(past)
    }

    async fn require_onboarded(&self, tenant: &TenantId) -> Result<(), ControlError> {
        match self.known(tenant).await?.status() {
            TenantStatus::Onboarding => Err(ControlError::WrongStatus),
            TenantStatus::Active | TenantStatus::Suspended => Ok(()),
        }
    }

    fn operators_scope<'i>(&self, invocation: &'i Invocation, tenant: TenantId) -> TenantScope<'i> {
        self.function.admission().operator(invocation, tenant, &OperatorAuthority::ambient())
    }
}

/// Writes the credentials for the operator. Only the response of `begin_run` contains them.
fn write_credentials<S: Serializer>(
    credentials: &SessionCredentials,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut fields = serializer.serialize_struct("credentials", 3)?;
    fields.serialize_field("access_key_id", &credentials.access_key_id)?;
    fields.serialize_field("secret_access_key", &credentials.secret_access_key)?;
    fields.serialize_field("session_token", &credentials.session_token)?;
    fields.end()
}

fn new_run_id() -> Result<RunId, ControlError> {
    RunId::parse(&uuid::Uuid::now_v7().simple().to_string())
        .map_err(|error: InvalidName| ControlError::Invalid(error.to_string()))
}
