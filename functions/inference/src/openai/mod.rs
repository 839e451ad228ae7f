//! OpenAI's interface, so that its clients and the tools built on them work with this service.
//!
//! Chat completions, embeddings and models, in the forms of <https://platform.openai.com/docs/api-reference>. Errors
//! are problems as everywhere in this API.

pub mod chat;
pub mod embeddings;
pub mod forms;
pub mod models;
