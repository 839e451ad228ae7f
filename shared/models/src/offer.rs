use serde::{Deserialize, Serialize};

use crate::catalogue::{Catalogue, Kind, Model};
use crate::name::ModelName;

/// The models that a tier offers to a tenant that has no own settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    catalogue: Catalogue,
    settings: Settings,
}

/// Which models a tenant may use. What is not set follows the tier.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The chat models that the tenant may use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed: Option<Vec<ModelName>>,
    /// The model that answers if a request names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<ModelName>,
    /// The model that answers if the chosen one is throttled or unavailable. The name of a tenant's default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<ModelName>,
}

/// The models of one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice<'o> {
    /// The model that answers.
    pub model: &'o Model,
    /// The model to ask once if the first is throttled or unavailable.
    pub fallback: Option<&'o Model>,
}

/// Settings name a model that they may not name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The catalogue has no such chat model.
    #[error("`{field}`: the catalogue has no chat model `{name}`")]
    Unknown {
        /// The field.
        field: &'static str,
        /// The name.
        name: ModelName,
    },
    /// The default or the fallback is not allowed.
    #[error("`{field}`: `{name}` is not one of the allowed models")]
    NotAllowed {
        /// The field.
        field: &'static str,
        /// The name.
        name: ModelName,
    },
    /// No model is allowed.
    #[error("`allowed`: name at least one model")]
    Empty,
}

/// Why no model was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoChoice {
    /// The tenant may not use the named model, or there is none of this name.
    #[error("the model is not allowed")]
    NotAllowed,
    /// The catalogue has none of the models that the tenant may use.
    #[error("the tenant's allowed models are not in the catalogue")]
    NoneLeft,
}

impl Offer {
    /// Returns the models of `catalogue` under the tier's settings.
    ///
    /// # Errors
    /// The settings name a model that the catalogue has not, or that they do not allow.
    pub fn new(catalogue: Catalogue, settings: Settings) -> Result<Self, SettingsError> {
        let offer = Self { catalogue, settings };
        offer.check(&offer.settings)?;
        Ok(offer)
    }

    /// Returns all models of the stack.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// Checks the settings of a tenant.
    ///
    /// # Errors
    /// The settings name a model that the catalogue has not, or that the tenant then may not use.
    pub fn check(&self, tenant: &Settings) -> Result<(), SettingsError> {
        let allowed = tenant.allowed.iter().flatten().map(|name| ("allowed", name));
        let default = tenant.default.iter().map(|name| ("default", name));
        let fallback = tenant.fallback.iter().map(|name| ("fallback", name));
        for (field, name) in allowed.clone().chain(default.clone()).chain(fallback.clone()) {
            if self.chat(name).is_none() {
                return Err(SettingsError::Unknown { field, name: name.clone() });
            }
        }
        if tenant.allowed.as_ref().is_some_and(Vec::is_empty) {
            return Err(SettingsError::Empty);
        }
        for (field, name) in default.chain(fallback) {
            if !self.allows(tenant, name) {
                return Err(SettingsError::NotAllowed { field, name: name.clone() });
            }
        }
        Ok(())
    }

    /// Returns the chat models that a tenant may use, in the order of the catalogue.
    pub fn allowed<'o>(&'o self, tenant: &'o Settings) -> impl Iterator<Item = &'o Model> {
        self.catalogue.chat_models().filter(|model| self.allows(tenant, &model.id))
    }

    /// Chooses the models for a request of a tenant. `requested` is the name in the request; `None` or `default` is the
    /// tenant's default.
    ///
    /// # Errors
    /// The tenant may not use the model.
    pub fn choose<'o>(
        &'o self,
        tenant: &'o Settings,
        requested: Option<&str>,
    ) -> Result<Choice<'o>, NoChoice> {
        let model = match requested.filter(|name| *name != "default") {
            Some(name) => {
                self.allowed(tenant).find(|model| model.id.as_str() == name).ok_or(NoChoice::NotAllowed)?
            }
            None => self.default(tenant).ok_or(NoChoice::NoneLeft)?,
        };
        let named = tenant.fallback.as_ref().or(self.settings.fallback.as_ref());
        let fallback = named.and_then(|name| self.allowed(tenant).find(|model| model.id == *name));
        Ok(Choice { model, fallback: fallback.filter(|fallback| fallback.id != model.id) })
    }

    /// Returns the tenant's default: its own, the tier's, or the first model that it may use.
    fn default<'o>(&'o self, tenant: &'o Settings) -> Option<&'o Model> {
        let named = [tenant.default.as_ref(), self.settings.default.as_ref()].into_iter().flatten();
        let mut found = named.filter_map(|name| self.allowed(tenant).find(|model| model.id == *name));
        found.next().or_else(|| self.allowed(tenant).next())
    }

    fn allows(&self, tenant: &Settings, name: &ModelName) -> bool {
        let list = tenant.allowed.as_ref().or(self.settings.allowed.as_ref());
        list.is_none_or(|list| list.contains(name))
    }

    fn chat(&self, name: &ModelName) -> Option<&Model> {
        self.catalogue.get(name.as_str()).filter(|model| model.kind == Kind::Chat)
    }
}
