//! Which models a tenant may use.

use bulkhead_models::{Kind, Model, Settings};
use bulkhead_provisioning::{Embedding, TenantStatus};
use bulkhead_tenancy::names::Corpus;
use bulkhead_tenancy::{Invocation, OperatorAuthority, TenantId};

use crate::{Control, ControlError};

/// Maximum length of a vector.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-limitations.html>
const MAX_DIMENSIONS: u32 = 4_096;
/// Letters of a model's name in the name of a corpus.
const MODEL_LETTERS: usize = 16;

impl Control {
    /// Checks the settings of a tenant against the catalogue.
    pub(crate) fn checked(&self, models: Settings) -> Result<Settings, ControlError> {
        match self.offer.check(&models) {
            Ok(()) => Ok(models),
            Err(error) => Err(ControlError::Invalid(error.to_string())),
        }
    }

    /// Returns the corpus of a new tenant, and the model that embeds it.
    pub(crate) fn corpus(&self, embedding: &Embedding) -> Result<(Corpus, &Model), ControlError> {
        let invalid = |defect: String| ControlError::Invalid(format!("`embedding`: {defect}"));
        let Embedding { model, dimensions } = embedding;
        let known = self.offer.catalogue().get(model.as_str()).filter(|known| known.kind == Kind::Embedding);
        let known =
            known.ok_or_else(|| invalid(format!("the catalogue has no embedding model `{model}`")))?;
        if !(1..=MAX_DIMENSIONS).contains(dimensions) {
            return Err(invalid(format!("`dimensions` must be 1 to {MAX_DIMENSIONS}")));
        }
        let corpus = Corpus::parse(&corpus_name(model.as_str(), *dimensions));
        Ok((corpus.map_err(|error| invalid(error.to_string()))?, known))
    }

    /// Changes which models a tenant may use: in the registry first, then in the profile that the functions read.
    ///
    /// Repeat the call if it is interrupted between the two.
    pub(crate) async fn change_models(
        &self,
        tenant: &TenantId,
        models: Settings,
    ) -> Result<(), ControlError> {
        if self.record(tenant).await?.status == TenantStatus::Onboarding {
            return Err(ControlError::WrongStatus);
        }
        self.registry.record_models(tenant, &models).await?;
        let (invocation, authority) = (Invocation::begin(), OperatorAuthority::ambient());
        let scope = self.function.admission().operator(&invocation, tenant.clone(), &authority);
        let clients = self.function.clients(&scope);
        let profiles = clients.session(&scope)?.profiles();
        let mut profile = profiles.get().await?.ok_or(ControlError::WrongStatus)?;
        profile.models = models;
        profiles.put(&profile).await?;
        tracing::info!(%tenant, "models of the tenant changed");
        Ok(())
    }
}

/// Returns the name of a corpus: it says which model and how many dimensions its vectors have.
fn corpus_name(model: &str, dimensions: u32) -> String {
    let mut name = String::from("docs-");
    for letter in model.to_ascii_lowercase().chars().take(MODEL_LETTERS) {
        match letter {
            'a'..='z' | '0'..='9' => name.push(letter),
            _ if name.ends_with('-') => {}
            _ => name.push('-'),
        }
    }
    format!("{}-{dimensions}", name.trim_end_matches('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_model_has_a_corpus() {
        for (model, dimensions, name) in [
            ("cohere.embed-v4:0", 1_536, "docs-cohere-embed-v4-1536"),
            ("nomic-embed-text", 768, "docs-nomic-embed-text-768"),
            ("Qwen/Qwen3-Embedding-8B", 4_096, "docs-qwen-qwen3-embed-4096"),
            ("::", 1, "docs-1"),
        ] {
            assert_eq!(corpus_name(model, dimensions), name);
            assert!(Corpus::parse(name).is_ok(), "{name}");
        }
    }
}
