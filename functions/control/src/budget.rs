use bulkhead_stores::{OwnBudget, StoreError, money};
use bulkhead_tenancy::{Invocation, OperatorAuthority, TenantId};
use serde::Deserialize;

use crate::{Control, ControlError};

/// A tenant's own budget, as an operator writes it. A missing limit is the tier's; 0 is no limit.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BudgetLimits {
    /// Tokens per day, in UTC.
    pub daily_tokens: Option<u64>,
    /// Tokens per month, in UTC.
    pub monthly_tokens: Option<u64>,
    /// US dollars per day, as text: `12.50`.
    pub daily_usd: Option<String>,
    /// US dollars per month, as text.
    pub monthly_usd: Option<String>,
}

impl BudgetLimits {
    pub(crate) fn read(self) -> Result<OwnBudget, ControlError> {
        let amount = |name: &str, text: Option<String>| {
            let read = text.as_deref().map(money::parse_usd).transpose();
            read.map_err(|error| ControlError::Invalid(format!("`{name}`: {error}")))
        };
        let tokens = |name: &str, tokens: Option<u64>| match tokens {
            Some(tokens) if i64::try_from(tokens).is_err() => {
                Err(ControlError::Invalid(format!("`{name}` must be at most {}", i64::MAX)))
            }
            other => Ok(other),
        };
        Ok(OwnBudget {
            daily_tokens: tokens("daily_tokens", self.daily_tokens)?,
            monthly_tokens: tokens("monthly_tokens", self.monthly_tokens)?,
            daily_money: amount("daily_usd", self.daily_usd)?,
            monthly_money: amount("monthly_usd", self.monthly_usd)?,
        })
    }
}

impl Control {
    /// Replaces the own budget of an onboarded tenant, in its session.
    pub(crate) async fn change_budget(
        &self,
        tenant: &TenantId,
        budget: OwnBudget,
    ) -> Result<(), ControlError> {
        self.record(tenant).await?;
        let invocation = Invocation::begin();
        let authority = OperatorAuthority::ambient();
        let scope = self.function.admission().operator(&invocation, tenant.clone(), &authority);
        let clients = self.function.clients(&scope);
        match clients.session(&scope)?.profiles().put_budget(&budget).await {
            Err(StoreError::Conflict { .. }) => Err(ControlError::WrongStatus),
            other => Ok(other?),
        }
    }
}
