//! Request and response bodies.

use bulkhead_stores::{Page, StoredTemplate, TemplateSummary};
use bulkhead_tenancy::names::TemplateKey;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Maximum length of a description in characters.
pub const MAX_DESCRIPTION: usize = 500;

/// A prompt template to save.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SaveTemplate {
    /// The text in minijinja syntax (Jinja2). At most 64 KiB of UTF-8.
    #[schema(
        example = "You answer for Harbour Clinic. Be brief and kind.",
        min_length = 1,
        max_length = 65_536,
        pattern = r"\S"
    )]
    pub body: String,
    /// Purpose of the prompt template.
    #[schema(max_length = 500)]
    pub description: Option<String>,
}

/// One immutable version of a prompt template.
#[derive(Debug, Serialize, ToSchema)]
pub struct Template {
    /// Key of the prompt template, unique within the tenant.
    #[schema(example = "default_summary")]
    pub key: String,
    /// Version number, starting at 1. Never reused.
    pub version: u32,
    /// The text.
    pub body: String,
    /// Purpose of the prompt template.
    pub description: Option<String>,
    /// Time this version was saved, RFC 3339.
    #[schema(format = DateTime)]
    pub created_at: String,
}

/// A prompt template in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct TemplateEntry {
    /// Key of the prompt template.
    pub key: String,
    /// Latest version number.
    pub version: u32,
    /// Time the latest version was saved, RFC 3339.
    #[schema(format = DateTime)]
    pub updated_at: String,
}

/// A page of prompt templates, sorted by key.
#[derive(Debug, Serialize, ToSchema)]
pub struct TemplatePage {
    /// The prompt templates of this page.
    pub templates: Vec<TemplateEntry>,
    /// The `cursor` parameter for the next page; `null` on the last page.
    pub cursor: Option<String>,
}

impl From<StoredTemplate> for Template {
    fn from(stored: StoredTemplate) -> Self {
        Self {
            key: stored.key.into(),
            version: stored.version,
            body: stored.body,
            description: stored.description,
            created_at: stored.created_at.to_string(),
        }
    }
}

impl From<Page<TemplateSummary, TemplateKey>> for TemplatePage {
    fn from(page: Page<TemplateSummary, TemplateKey>) -> Self {
        let entry = |summary: TemplateSummary| TemplateEntry {
            key: summary.key.into(),
            version: summary.version,
            updated_at: summary.updated_at.to_string(),
        };
        Self { templates: page.items.into_iter().map(entry).collect(), cursor: page.next.map(String::from) }
    }
}
