//! OpenAI's interface, so that its clients and the tools built on them work with this service.
//!
//! Chat completions, embeddings and models, in the forms of <https://platform.openai.com/docs/api-reference>. Errors
//! are problems as everywhere in this API.

pub mod chat;
pub mod embeddings;
pub mod forms;
pub mod models;

use bulkhead_runtime::http::ApiError;

/// The name of the model that the deployment answers with.
const DEFAULT: &str = "default";

/// Accepts `named` if it is `served` or `default`.
fn serves(named: &str, served: &str) -> Result<(), ApiError> {
    if named == served || named == DEFAULT {
        return Ok(());
    }
    Err(ApiError::NotFound("model"))
}
