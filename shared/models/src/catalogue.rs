use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::name::ModelName;
use crate::price::Price;

/// The name for the model that a tenant uses by default, so no model can have it.
const DEFAULT: &str = "default";

/// All models of a stack, in the order of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalogue {
    models: Vec<Model>,
}

/// A model of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// The name that tenants use.
    pub id: ModelName,
    /// Where the model runs.
    pub provider: Provider,
    /// What the provider calls the model: the id of a Bedrock foundation model or of an inference profile, or the name
    /// at the endpoint.
    pub model: ModelName,
    /// What the model does.
    pub kind: Kind,
    /// Maximum tokens of a prompt with its answer, if known.
    pub context: Option<u32>,
    /// Maximum tokens of an answer, if known.
    pub max_output: Option<u32>,
    /// What a chat model can do beside text.
    capabilities: BTreeSet<Capability>,
    price: Option<Price>,
}

/// Where a model runs.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// Amazon Bedrock.
    #[default]
    Bedrock,
    /// An endpoint with OpenAI's interface.
    Openai,
}

/// What a model does.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It answers.
    #[default]
    Chat,
    /// It embeds texts.
    Embedding,
}

/// What a chat model can do beside text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Capability {
    /// Answers in the form of a JSON Schema.
    Json,
    /// Answers in parts.
    Streaming,
    /// Calls of tools.
    Tools,
}

/// A text is no catalogue.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogueError {
    /// The JSON is malformed, or a value has the wrong form.
    #[error("models: `{place}`: {defect}")]
    Malformed {
        /// The path of the value, such as `[2].price.input`.
        place: String,
        /// The defect.
        defect: String,
    },
    /// A model contradicts itself or another one.
    #[error("models: `[{index}]` ({id}): {defect}")]
    Contradiction {
        /// Position of the model, from 0.
        index: usize,
        /// Its name.
        id: ModelName,
        /// The defect.
        defect: &'static str,
    },
    /// No model answers.
    #[error("models: no model has the kind `chat`")]
    NoChatModel,
}

/// A model as the deployer writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: ModelName,
    #[serde(default)]
    provider: Provider,
    model: Option<ModelName>,
    #[serde(default)]
    kind: Kind,
    context: Option<u32>,
    max_output: Option<u32>,
    capabilities: Option<Vec<Capability>>,
    price: Option<Price>,
}

impl Catalogue {
    /// Reads a catalogue: a JSON array of models. Only `id` is required.
    ///
    /// # Errors
    /// The text is malformed or contradictory; the error names the place.
    pub fn parse(text: &str) -> Result<Self, CatalogueError> {
        let mut reader = serde_json::Deserializer::from_str(text);
        let entries: Vec<Entry> =
            serde_path_to_error::deserialize(&mut reader).map_err(|error| CatalogueError::Malformed {
                place: error.path().to_string(),
                defect: error.into_inner().to_string(),
            })?;
        let trailing = |error: serde_json::Error| CatalogueError::Malformed {
            place: "end".to_owned(),
            defect: error.to_string(),
        };
        reader.end().map_err(trailing)?;
        let mut models: Vec<Model> = Vec::with_capacity(entries.len());
        for (index, entry) in entries.into_iter().enumerate() {
            let id = entry.id.clone();
            let defect = match entry.read() {
                Ok(model) if models.iter().any(|known| known.id == model.id) => "`id` is repeated",
                Ok(model) => {
                    models.push(model);
                    continue;
                }
                Err(defect) => defect,
            };
            return Err(CatalogueError::Contradiction { index, id, defect });
        }
        if !models.iter().any(|model| model.kind == Kind::Chat) {
            return Err(CatalogueError::NoChatModel);
        }
        Ok(Self { models })
    }

    /// Returns the catalogue that has one chat model of Bedrock, for a stack that only names its model.
    pub fn of(model: ModelName) -> Self {
        Self { models: vec![Model::bedrock(model, Kind::Chat)] }
    }

    /// Returns the model that tenants call `id`.
    pub fn get(&self, id: &str) -> Option<&Model> {
        self.models.iter().find(|model| model.id.as_str() == id)
    }

    /// Returns all models, in the order of the catalogue.
    pub fn models(&self) -> impl Iterator<Item = &Model> {
        self.models.iter()
    }

    /// Returns the models that answer, in the order of the catalogue.
    pub fn chat_models(&self) -> impl Iterator<Item = &Model> {
        self.models().filter(|model| model.kind == Kind::Chat)
    }
}

impl Model {
    /// Returns the model of Bedrock that tenants call as Bedrock does. Its limits and its price are not known.
    pub fn bedrock(model: ModelName, kind: Kind) -> Self {
        Self {
            id: model.clone(),
            provider: Provider::Bedrock,
            model,
            kind,
            context: None,
            max_output: None,
            capabilities: all_capabilities(kind),
            price: None,
        }
    }

    /// Returns the price; `None` if the catalogue has none.
    pub fn price(&self) -> Option<Price> {
        self.price
    }

    /// Returns whether the model has `capability`.
    pub fn can(&self, capability: Capability) -> bool {
        self.capabilities.contains(&capability)
    }

    /// Returns what the model can do beside text, in alphabetical order.
    pub fn capabilities(&self) -> impl Iterator<Item = Capability> {
        self.capabilities.iter().copied()
    }
}

impl Entry {
    fn read(self) -> Result<Model, &'static str> {
        let Self { id, provider, model, kind, context, max_output, capabilities, price } = self;
        if id.as_str() == DEFAULT {
            return Err("`id` must not be `default`, the name for a tenant's default model");
        }
        if context == Some(0) || max_output == Some(0) {
            return Err("`context` and `max_output` are at least 1");
        }
        if kind == Kind::Embedding && (max_output.is_some() || capabilities.is_some()) {
            return Err("a model of the kind `embedding` has no `max_output` and no `capabilities`");
        }
        if kind == Kind::Embedding && price.is_some_and(|price| price.output != 0) {
            return Err("a model of the kind `embedding` has no price of its output");
        }
        if matches!((context, max_output), (Some(context), Some(output)) if output > context) {
            return Err("`max_output` is larger than `context`");
        }
        let capabilities = match capabilities {
            None => all_capabilities(kind),
            Some(listed) => {
                let count = listed.len();
                let capabilities: BTreeSet<_> = listed.into_iter().collect();
                if capabilities.len() < count {
                    return Err("a capability is repeated");
                }
                capabilities
            }
        };
        let model = model.unwrap_or_else(|| id.clone());
        Ok(Model { id, provider, model, kind, context, max_output, capabilities, price })
    }
}

/// Returns every capability of a kind: a catalogue restricts a model by a list of its capabilities.
fn all_capabilities(kind: Kind) -> BTreeSet<Capability> {
    match kind {
        Kind::Chat => [Capability::Json, Capability::Streaming, Capability::Tools].into(),
        Kind::Embedding => BTreeSet::new(),
    }
}
