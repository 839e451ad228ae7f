//! Request and response bodies.

use std::collections::BTreeMap;

use bulkhead_runtime::http::documented::LabelText;
use bulkhead_runtime::http::fields::whole;
use bulkhead_stores::{Page, StoredTemplate, TemplateBody, TemplateLabels, TemplateSummary};
use bulkhead_tenancy::names::{Label, TemplateKey};
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
    pub body: Option<String>,
    /// Messages instead of `body`: first those of `system`, which are the instructions, then turns of `user` and
    /// `assistant` that stand before the conversation of a request. At most 64 KiB of UTF-8 together.
    #[schema(min_items = 1, max_items = 20)]
    pub messages: Option<Vec<TemplateMessage>>,
    /// Purpose of the prompt template.
    #[schema(max_length = 500)]
    pub description: Option<String>,
    /// The variables of the prompt template: a subset of JSON Schema, at most 16 KiB. An object with `properties`; the
    /// keywords are `type`, `properties`, `required`, `items`, `enum`, `default`, `maxLength`, `maxItems`,
    /// `description` and, for a variable that a message of `system` may read, `x-instruction`. Variables that are not
    /// declared are then refused.
    #[schema(
        value_type = Option<Object>,
        example = json!({
            "type": "object",
            "properties": {"name": {"type": "string", "maxLength": 80}, "tone": {"type": "string", "enum": ["kind", "brief"], "default": "kind"}},
            "required": ["name"]
        })
    )]
    pub variables: Option<serde_json::Value>,
}

/// A message of a prompt template.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TemplateMessage {
    /// Who speaks.
    pub role: TemplateRole,
    /// The text in minijinja syntax.
    #[schema(
        example = "You answer for Harbour Clinic.",
        min_length = 1,
        max_length = 65_536,
        pattern = r"\S"
    )]
    pub body: String,
}

/// Who speaks in a message of a prompt template.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TemplateRole {
    /// An instruction.
    System,
    /// The user.
    User,
    /// The model.
    Assistant,
}

/// The differences between two versions of a prompt template.
#[derive(Debug, Serialize, ToSchema)]
pub struct TemplateDiff {
    /// Key of the prompt template.
    pub key: String,
    /// The version before.
    pub from: u32,
    /// The version after.
    pub to: u32,
    /// The parts that differ.
    pub differences: Vec<Difference>,
}

/// A part of a prompt template that differs.
#[derive(Debug, Serialize, ToSchema)]
pub struct Difference {
    /// `body`, `description` or `variables`. The messages of a prompt template are its body.
    #[schema(example = "body")]
    pub part: &'static str,
    /// The difference in the unified format of `diff`.
    #[schema(example = "--- version 1\n+++ version 2\n@@ -1 +1 @@\n-Be kind.\n+Be brief.\n")]
    pub unified: String,
}

/// One immutable version of a prompt template.
#[derive(Debug, Serialize, ToSchema)]
pub struct Template {
    /// Key of the prompt template, unique within the tenant.
    #[schema(example = "default_summary")]
    pub key: String,
    /// Version number, starting at 1. Never reused.
    pub version: u32,
    /// The text, unless the version has messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The messages, if the version has them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages: Option<Vec<TemplateMessage>>,
    /// Purpose of the prompt template.
    pub description: Option<String>,
    /// Time this version was saved, RFC 3339.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// Who saved this version: the subject of the token. `null` if the token named no subject.
    pub created_by: Option<String>,
    /// The declared variables, if the version declares them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub variables: Option<serde_json::Value>,
    /// The label that selected this version, if the request named one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<LabelText>)]
    pub label: Option<Label>,
}

/// A version of a prompt template in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct VersionEntry {
    /// Version number.
    pub version: u32,
    /// Purpose of the prompt template.
    pub description: Option<String>,
    /// Time this version was saved, RFC 3339.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// Who saved this version: the subject of the token. `null` if the token named no subject.
    pub created_by: Option<String>,
    /// The labels that point at this version.
    #[schema(value_type = Vec<LabelText>)]
    pub labels: Vec<Label>,
}

/// A page of versions, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct VersionPage {
    /// The versions of this page.
    pub versions: Vec<VersionEntry>,
    /// The `cursor` parameter for the next page; `null` on the last page.
    pub cursor: Option<String>,
}

/// Where a label points.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveLabel {
    /// Version number. An older version rolls the label back.
    #[serde(deserialize_with = "whole")]
    #[schema(minimum = 1, maximum = 4_294_967_295_u32)]
    pub version: u32,
}

/// The labels of a prompt template, and their last moves.
#[derive(Debug, Serialize, ToSchema)]
pub struct Labels {
    /// The version of each label.
    #[schema(value_type = BTreeMap<String, u32>, example = json!({"production": 3, "staging": 4}))]
    pub labels: BTreeMap<Label, u32>,
    /// The last 50 moves, newest first.
    pub moves: Vec<LabelMove>,
}

/// One move of a label.
#[derive(Debug, Serialize, ToSchema)]
pub struct LabelMove {
    /// The label.
    #[schema(value_type = LabelText)]
    pub label: Label,
    /// The version before; `null` if the move created the label.
    pub from: Option<u32>,
    /// The version after; `null` if the move deleted the label.
    pub to: Option<u32>,
    /// Time of the move, RFC 3339.
    #[schema(format = DateTime)]
    pub moved_at: String,
    /// Who moved the label: the subject of the token. `null` if the token named no subject.
    pub moved_by: Option<String>,
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

impl From<TemplateMessage> for bulkhead_stores::TemplateMessage {
    fn from(message: TemplateMessage) -> Self {
        let role = match message.role {
            TemplateRole::System => bulkhead_stores::TemplateRole::System,
            TemplateRole::User => bulkhead_stores::TemplateRole::User,
            TemplateRole::Assistant => bulkhead_stores::TemplateRole::Assistant,
        };
        Self { role, body: message.body }
    }
}

impl From<bulkhead_stores::TemplateMessage> for TemplateMessage {
    fn from(message: bulkhead_stores::TemplateMessage) -> Self {
        let role = match message.role {
            bulkhead_stores::TemplateRole::System => TemplateRole::System,
            bulkhead_stores::TemplateRole::User => TemplateRole::User,
            bulkhead_stores::TemplateRole::Assistant => TemplateRole::Assistant,
        };
        Self { role, body: message.body }
    }
}

impl From<StoredTemplate> for Template {
    fn from(stored: StoredTemplate) -> Self {
        let (body, messages) = match stored.body {
            TemplateBody::Text(text) => (Some(text), None),
            TemplateBody::Messages(messages) => {
                (None, Some(messages.into_iter().map(TemplateMessage::from).collect()))
            }
        };
        Self {
            key: stored.key.into(),
            version: stored.version,
            body,
            messages,
            description: stored.description,
            created_at: stored.created_at.to_string(),
            created_by: stored.created_by,
            variables: stored.variables,
            label: None,
        }
    }
}

impl From<TemplateLabels> for Labels {
    fn from(stored: TemplateLabels) -> Self {
        let moves = stored.moves.into_iter().map(|moved| LabelMove {
            label: moved.label,
            from: moved.from,
            to: moved.to,
            moved_at: moved.moved_at.to_string(),
            moved_by: moved.moved_by,
        });
        Self { labels: stored.labels, moves: moves.collect() }
    }
}

impl VersionPage {
    /// Returns the page with the labels that point at its versions.
    pub fn new(page: Page<StoredTemplate, u32>, labels: &TemplateLabels) -> Self {
        let labels_of = |version: u32| {
            let pointing = labels.labels.iter().filter(|(_, target)| **target == version);
            pointing.map(|(label, _)| label.clone()).collect()
        };
        let entry = |stored: StoredTemplate| VersionEntry {
            version: stored.version,
            description: stored.description,
            created_at: stored.created_at.to_string(),
            created_by: stored.created_by,
            labels: labels_of(stored.version),
        };
        Self {
            versions: page.items.into_iter().map(entry).collect(),
            cursor: page.next.map(|version| version.to_string()),
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
