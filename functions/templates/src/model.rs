//! What clients send and receive.

use bulkhead_stores::{Page, StoredTemplate, TemplateSummary};
use bulkhead_tenancy::names::TemplateKey;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Longest description, characters.
pub const MAX_DESCRIPTION: usize = 500;

/// A template to save.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SaveTemplate {
    /// The text, in minijinja's syntax (Jinja2). At most 64 KiB.
    #[schema(example = "You answer for Harbour Clinic. Be brief and kind.")]
    pub body: String,
    /// What it is for. At most 500 characters.
    pub description: Option<String>,
}

/// One immutable version of a template.
#[derive(Debug, Serialize, ToSchema)]
pub struct Template {
    /// The template's key, unique within the tenant.
    #[schema(example = "default_summary")]
    pub key: String,
    /// Counts from 1 and is never used twice.
    pub version: u32,
    /// The text.
    pub body: String,
    /// What it is for.
    pub description: Option<String>,
    /// When this version was saved, RFC 3339.
    pub created_at: String,
}

/// A template as listed.
#[derive(Debug, Serialize, ToSchema)]
pub struct TemplateEntry {
    /// The template's key.
    pub key: String,
    /// Its latest version.
    pub version: u32,
    /// When that was saved, RFC 3339.
    pub updated_at: String,
}

/// A page of templates, by key.
#[derive(Debug, Serialize, ToSchema)]
pub struct TemplatePage {
    /// The templates.
    pub templates: Vec<TemplateEntry>,
    /// Pass it as `cursor` for the next page; `null` on the last one.
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
