//! `GET /v1/models`.

use bulkhead_models::{Capability, Kind, Model, ModelName, Offer, Provider};
use bulkhead_runtime::http::documented::BadRequest;
use bulkhead_runtime::http::{ApiError, ApiRequest, ApiResponse};
use bulkhead_stores::TenantSession;
use serde::Serialize;
use utoipa::ToSchema;

/// The models that a tenant can use.
#[derive(Debug, Serialize, ToSchema)]
pub struct ModelList {
    /// `list`.
    pub object: &'static str,
    /// The models that answer, with the tenant's default first, and the one that embeds.
    pub data: Vec<ModelEntry>,
}

/// A model.
#[derive(Debug, Serialize, ToSchema)]
pub struct ModelEntry {
    /// The `model` of requests.
    pub id: String,
    /// `model`.
    pub object: &'static str,
    /// When the model was made, in seconds since 1970. Not known, so always 0.
    pub created: u64,
    /// Where the model runs: `bedrock`, or `openai` for an endpoint with OpenAI's interface.
    pub owned_by: &'static str,
    /// What the catalogue says about the model.
    pub bulkhead: ModelFacts,
}

/// What the catalogue says about a model.
#[derive(Debug, Serialize, ToSchema)]
pub struct ModelFacts {
    /// `chat`: the model answers. `embedding`: it embeds.
    pub kind: &'static str,
    /// Whether requests that name no model, or `default`, use this one.
    pub default: bool,
    /// Maximum tokens of a prompt with its answer, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub context: Option<u32>,
    /// Maximum tokens of an answer, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub max_output: Option<u32>,
    /// What the model can do beside text: `json`, `streaming` and `tools`.
    pub capabilities: Vec<&'static str>,
}

/// Lists the models that the tenant can use.
#[utoipa::path(
    get, path = "/v1/models", operation_id = "listModels", tag = "openai",
    responses(
        (status = 200, body = ModelList, description = "The models"),
        (status = 400, response = BadRequest),
    ),
)]
pub async fn list(
    request: &ApiRequest,
    session: TenantSession<'_>,
    offer: &Offer,
) -> Result<ApiResponse, ApiError> {
    request.only_query(&[])?;
    let profile = session.profile().await?;
    let default = offer.choose(&profile.models, None).ok().map(|choice| choice.model);
    let others = offer.allowed(&profile.models).filter(|model| Some(*model) != default);
    let mut data: Vec<_> = default.map(|model| entry(model, true)).into_iter().collect();
    data.extend(others.map(|model| entry(model, false)));
    if let Some(id) = ModelName::parse(&profile.embedding_model) {
        let known = offer.catalogue().get(id.as_str()).filter(|model| model.kind == Kind::Embedding).cloned();
        let mut model = known.unwrap_or_else(|| Model::bedrock(id, Kind::Embedding));
        model.provider = profile.embedding_provider;
        data.push(entry(&model, true));
    }
    Ok(ApiResponse::json(200, &ModelList { object: "list", data }))
}

fn entry(model: &Model, default: bool) -> ModelEntry {
    ModelEntry {
        id: model.id.to_string(),
        object: "model",
        created: 0,
        owned_by: match model.provider {
            Provider::Bedrock => "bedrock",
            Provider::Openai => "openai",
        },
        bulkhead: ModelFacts {
            kind: match model.kind {
                Kind::Chat => "chat",
                Kind::Embedding => "embedding",
            },
            default,
            context: model.context,
            max_output: model.max_output,
            capabilities: model.capabilities().map(name).collect(),
        },
    }
}

fn name(capability: Capability) -> &'static str {
    match capability {
        Capability::Json => "json",
        Capability::Streaming => "streaming",
        Capability::Tools => "tools",
    }
}
