use bulkhead_models::{Provider, Settings};
use bulkhead_resilience::budget::{Allowance, Budget};
use bulkhead_tenancy::names::Corpus;
use serde::{Deserialize, Serialize};

/// Where a tenant's data is stored and how it is protected. Written when the tenant is onboarded.
///
/// Key, bucket and model are stored and never recomputed. So new tenants can use other ones without a
/// migration of old tenants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// ARN of the KMS key that wraps the tenant's data keys. Not an alias, because some services refuse
    /// aliases.
    pub key_arn: String,
    /// Name of the vector bucket with the tenant's indexes.
    pub vector_bucket: String,
    /// The corpus of the tenant's documents.
    pub corpus: Corpus,
    /// The embedding model of the tenant's index.
    pub embedding_model: String,
    /// Length of an embedding.
    pub dimensions: u32,
    /// Where the embedding model runs.
    #[serde(default)]
    pub embedding_provider: Provider,
    /// What the provider calls the embedding model, if not the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embedding_name: Option<String>,
    /// Which models answer.
    #[serde(default)]
    pub models: Settings,
    /// The tenant's own budget. A limit that it does not have is the tier's.
    #[serde(default)]
    pub budget: OwnBudget,
}

impl Profile {
    /// Returns what the provider calls the embedding model.
    pub fn embedding_name(&self) -> &str {
        self.embedding_name.as_deref().unwrap_or(&self.embedding_model)
    }
}

/// A tenant's own budget. A missing limit is the tier's; 0 is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnBudget {
    /// Tokens per day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daily_tokens: Option<u64>,
    /// Tokens per month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monthly_tokens: Option<u64>,
    /// Pico-US-dollars per day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daily_money: Option<u64>,
    /// Pico-US-dollars per month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monthly_money: Option<u64>,
}

impl OwnBudget {
    /// Returns the budget of a tenant whose tier has the budget `tier`.
    pub fn over(self, tier: Budget) -> Budget {
        let limit = |own: Option<u64>, tier: Option<u64>| own.or(tier).filter(|limit| *limit > 0);
        Budget {
            daily: Allowance {
                tokens: limit(self.daily_tokens, tier.daily.tokens),
                money: limit(self.daily_money, tier.daily.money),
            },
            monthly: Allowance {
                tokens: limit(self.monthly_tokens, tier.monthly.tokens),
                money: limit(self.monthly_money, tier.monthly.money),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_limit_replaces_that_of_the_tier_and_zero_is_none() {
        let tier = Allowance { tokens: Some(100), money: None };
        let own = OwnBudget { daily_tokens: Some(5), monthly_tokens: Some(0), ..OwnBudget::default() };
        let budget = own.over(Budget { daily: tier, monthly: tier });
        assert_eq!((budget.daily.tokens, budget.monthly.tokens), (Some(5), None));
        let tiers = OwnBudget::default().over(Budget { daily: tier, monthly: Allowance::default() });
        assert_eq!((tiers.daily, tiers.monthly), (tier, Allowance::default()));
    }
}
