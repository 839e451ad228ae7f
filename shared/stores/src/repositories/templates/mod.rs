mod labels;
mod versions;

use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem, Update};
use bulkhead_resilience::{Timestamp, rfc3339};
use bulkhead_tenancy::names::{Label, Purpose, SortPrefix, TemplateKey};
use futures::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};

use crate::clock;
use crate::error::{Classify, StoreError};
use crate::items::{self, Item, SEALED, key_attributes};
use crate::page::{Page, PageLimit};
use crate::session::TenantSession;

pub use labels::{LabelCondition, LabelMove, Relabel, TemplateLabels};

/// Maximum attempts to write the next version while other writers compete.
const ATTEMPTS: u32 = 8;
/// Pause after the first attempt. Grows with each attempt.
const BACKOFF: Duration = Duration::from_millis(15);

/// Versions of one template that are deleted at the same time.
const CONCURRENT_DELETES: usize = 16;

/// What a prompt template says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplateBody {
    /// One text, with the instructions.
    Text(String),
    /// Messages: instructions, and turns of a conversation.
    Messages(Vec<TemplateMessage>),
}

/// A message of a prompt template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateMessage {
    /// Who speaks.
    pub role: TemplateRole,
    /// The text.
    pub body: String,
}

/// Who speaks in a message of a prompt template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TemplateRole {
    /// An instruction.
    System,
    /// The user.
    User,
    /// The model.
    Assistant,
}

impl TemplateRole {
    /// Returns the role's name in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

/// One immutable version of a prompt template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredTemplate {
    /// The template's key.
    pub key: TemplateKey,
    /// Counts from 1. A number is never reused.
    pub version: u32,
    /// What the template says.
    pub body: TemplateBody,
    /// What the template is for.
    pub description: Option<String>,
    /// When this version was written.
    pub created_at: Timestamp,
    /// The subject of the token that saved this version.
    pub created_by: Option<String>,
    /// The declaration of the template's variables, if it has one.
    pub variables: Option<serde_json::Value>,
}

/// The content of a new version of a prompt template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewVersion {
    /// What the template says.
    pub body: TemplateBody,
    /// What the template is for.
    pub description: Option<String>,
    /// The subject of the token that saves this version.
    pub created_by: Option<String>,
    /// The declaration of the template's variables, if it has one.
    pub variables: Option<serde_json::Value>,
}

/// Which version of a prompt template to use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VersionSelector {
    /// The latest version.
    Latest,
    /// The version with this number.
    Number(u32),
    /// The version that this label points at.
    Label(Label),
}

impl VersionSelector {
    /// Returns the label, if the version is selected by one.
    pub fn label(&self) -> Option<&Label> {
        match self {
            Self::Label(label) => Some(label),
            Self::Latest | Self::Number(_) => None,
        }
    }

    /// Returns what does not exist if no version is found.
    pub fn missing(&self) -> &'static str {
        if self.label().is_some() { "label" } else { "template" }
    }
}

/// A prompt template in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateSummary {
    /// The template's key.
    pub key: TemplateKey,
    /// Its latest version.
    pub version: u32,
    /// When the latest version was written.
    pub updated_at: Timestamp,
}

/// Names the latest version. Stays after a deletion, so that version numbers are not reused.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    key: TemplateKey,
    latest: u32,
    /// Versions up to this number are deleted.
    #[serde(default)]
    deleted_up_to: u32,
    /// The items of versions up to this number are removed.
    #[serde(default)]
    erased_up_to: u32,
    #[serde(with = "rfc3339")]
    updated_at: Timestamp,
    /// Changes with each move of a label and with a deletion. Absent if neither happened.
    #[serde(default)]
    labels_etag: Option<String>,
}

impl Head {
    fn is_live(&self) -> bool {
        self.latest > self.deleted_up_to
    }

    fn holds(&self, version: u32) -> bool {
        (self.deleted_up_to + 1..=self.latest).contains(&version)
    }
}

#[derive(Debug, Deserialize)]
struct VersionItem {
    #[serde(with = "rfc3339")]
    created_at: Timestamp,
}

/// The sealed part of a version.
#[derive(Debug, Serialize, Deserialize)]
struct Content {
    /// The text. Empty if the template has messages.
    body: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    messages: Vec<TemplateMessage>,
    description: Option<String>,
    #[serde(default)]
    created_by: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    variables: Option<serde_json::Value>,
}

impl Content {
    fn stored(self, key: &TemplateKey, version: u32, created_at: Timestamp) -> StoredTemplate {
        let Self { body, messages, description, created_by, variables } = self;
        let body =
            if messages.is_empty() { TemplateBody::Text(body) } else { TemplateBody::Messages(messages) };
        StoredTemplate { key: key.clone(), version, body, description, created_at, created_by, variables }
    }
}

/// The tenant's prompt templates.
pub struct Templates<'s> {
    session: TenantSession<'s>,
}

impl<'s> TenantSession<'s> {
    /// Returns the tenant's prompt templates.
    pub fn templates(&self) -> Templates<'s> {
        Templates { session: *self }
    }
}

impl Templates<'_> {
    /// Returns the selected version of the template; `None` if it does not exist.
    pub async fn get(
        &self,
        key: &TemplateKey,
        selector: &VersionSelector,
    ) -> Result<Option<StoredTemplate>, StoreError> {
        const OPERATION: &str = "read template";
        let Some((head, item)) = self.live_head(key).await? else { return Ok(None) };
        let version = match selector {
            VersionSelector::Latest => Some(head.latest),
            VersionSelector::Number(version) => Some(*version),
            VersionSelector::Label(label) => {
                self.open_labels(key, &head, &item).await?.labels.get(label).copied()
            }
        };
        let Some(version) = version.filter(|version| head.holds(*version)) else { return Ok(None) };
        let item_key = self.session.scope().version_key(key, version);
        let Some(item) = items::get(&self.session, OPERATION, &item_key).await? else { return Ok(None) };
        Ok(Some(self.open_version(key, version, item).await?))
    }

    /// Saves `new` as the next version of the template.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if other writers win every race.
    pub async fn put(&self, key: &TemplateKey, new: NewVersion) -> Result<StoredTemplate, StoreError> {
        const OPERATION: &str = "save template";
        let NewVersion { body, description, created_by, variables } = new;
        let (body, messages) = match body {
            TemplateBody::Text(text) => (text, vec![]),
            TemplateBody::Messages(messages) => (String::new(), messages),
        };
        let content = Content { body, messages, description, created_by, variables };
        for attempt in 1..=ATTEMPTS {
            let latest = self.head(key).await?.map_or(0, |head| head.latest);
            let version = latest + 1;
            let created_at = clock::now();
            match self.write(key, latest, version, created_at, &content).await {
                // Another writer was first.
                Err(StoreError::Conflict { .. }) => tokio::time::sleep(BACKOFF * attempt).await,
                Err(error) => return Err(error),
                Ok(()) => return Ok(content.stored(key, version, created_at)),
            }
        }
        Err(StoreError::Conflict { operation: OPERATION })
    }

    /// Lists the templates after `after`, by key.
    pub async fn list(
        &self,
        limit: PageLimit,
        after: Option<&TemplateKey>,
    ) -> Result<Page<TemplateSummary, TemplateKey>, StoreError> {
        const OPERATION: &str = "list templates";
        let after = after.map(|key| self.session.scope().template_key(key));
        // Keeps a malformed head, so that the call fails below and the template does not vanish.
        let visible =
            |item: &Item| items::record::<Head>(OPERATION, item.clone()).map_or(true, |head| head.is_live());
        let (found, more) =
            items::list(&self.session, OPERATION, SortPrefix::Template, after, limit, visible).await?;
        let summaries = found.into_iter().map(|item| {
            let Head { key, latest, updated_at, .. } = items::record(OPERATION, item)?;
            Ok(TemplateSummary { key, version: latest, updated_at })
        });
        let summaries = summaries.collect::<Result<Vec<_>, StoreError>>()?;
        Ok(Page::new(summaries, more, |summary| summary.key.clone()))
    }

    /// Deletes the template and its versions. Returns `false` if it does not exist.
    pub async fn delete(&self, key: &TemplateKey) -> Result<bool, StoreError> {
        const OPERATION: &str = "delete template";
        // A template with leftovers of an interrupted deletion still exists, so the deletion can be repeated.
        let Some(head) = self.head(key).await?.filter(|head| head.latest > head.erased_up_to) else {
            return Ok(false);
        };
        // Hides the versions first. From now on no version is served, even if its item still exists.
        self.session
            .dynamodb()
            .update_item()
            .table_name(&self.session.settings().table)
            .set_key(Some(key_attributes(&self.session.scope().template_key(key))))
            .update_expression(
                "SET deleted_up_to = :latest, updated_at = :now, labels_etag = :etag REMOVE sealed",
            )
            .condition_expression("latest = :latest")
            .expression_attribute_values(":latest", AttributeValue::N(head.latest.to_string()))
            .expression_attribute_values(":now", AttributeValue::S(clock::now().to_string()))
            .expression_attribute_values(":etag", AttributeValue::S(items::new_etag()))
            .send()
            .await
            .during(OPERATION)?;
        self.remove_versions(key, head.latest).await?;
        self.session
            .dynamodb()
            .update_item()
            .table_name(&self.session.settings().table)
            .set_key(Some(key_attributes(&self.session.scope().template_key(key))))
            .update_expression("SET erased_up_to = :latest")
            .expression_attribute_values(":latest", AttributeValue::N(head.latest.to_string()))
            .send()
            .await
            .during(OPERATION)?;
        Ok(true)
    }

    /// Removes the versions up to `latest`. Lists what exists, so an interrupted deletion continues where it
    /// stopped.
    async fn remove_versions(&self, key: &TemplateKey, latest: u32) -> Result<(), StoreError> {
        const OPERATION: &str = "delete template versions";
        let mut pages =
            self.query_versions(key, 0, latest).projection_expression("sk").into_paginator().send();
        while let Some(page) = pages.next().await {
            let found = page.during(OPERATION)?.items.unwrap_or_default();
            // Collected, because a borrowing closure here makes the future of a caller not `Send`.
            let versions: Vec<u32> = found.iter().filter_map(versions::version_of).collect();
            stream::iter(versions)
                .map(|version| async move {
                    items::delete(&self.session, OPERATION, &self.session.scope().version_key(key, version))
                        .await
                })
                .buffer_unordered(CONCURRENT_DELETES)
                .try_collect::<()>()
                .await?;
        }
        Ok(())
    }

    /// Returns the head and its item, unless the template does not exist.
    async fn live_head(&self, key: &TemplateKey) -> Result<Option<(Head, Item)>, StoreError> {
        const OPERATION: &str = "read template";
        let found = items::get(&self.session, OPERATION, &self.session.scope().template_key(key)).await?;
        let Some(item) = found else { return Ok(None) };
        let head: Head = items::record(OPERATION, item.clone())?;
        Ok(head.is_live().then_some((head, item)))
    }

    async fn head(&self, key: &TemplateKey) -> Result<Option<Head>, StoreError> {
        const OPERATION: &str = "read template";
        let found = items::get(&self.session, OPERATION, &self.session.scope().template_key(key)).await?;
        found.map(|item| items::record(OPERATION, item)).transpose()
    }

    async fn write(
        &self,
        key: &TemplateKey,
        latest: u32,
        version: u32,
        created_at: Timestamp,
        content: &Content,
    ) -> Result<(), StoreError> {
        const OPERATION: &str = "save template";
        let table = &self.session.settings().table;
        let scope = self.session.scope();
        let version_key = scope.version_key(key, version);
        let mut item: Item = key_attributes(&version_key);
        item.insert("created_at".to_owned(), AttributeValue::S(created_at.to_string()));
        item.insert(
            SEALED.to_owned(),
            items::seal(&self.session, Purpose::Template, &version_key, content).await?,
        );
        let build = |error: aws_smithy_types::error::operation::BuildError| {
            StoreError::corrupt(OPERATION, error.to_string())
        };
        let put = Put::builder()
            .table_name(table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)")
            .build()
            .map_err(build)?;
        let unchanged = if latest == 0 { "attribute_not_exists(pk)" } else { "latest = :latest" };
        let mut update = Update::builder()
            .table_name(table)
            .set_key(Some(key_attributes(&scope.template_key(key))))
            .update_expression("SET #key = :key, latest = :version, updated_at = :now")
            .condition_expression(unchanged)
            .expression_attribute_names("#key", "key")
            .expression_attribute_values(":key", AttributeValue::S(key.to_string()))
            .expression_attribute_values(":version", AttributeValue::N(version.to_string()))
            .expression_attribute_values(":now", AttributeValue::S(created_at.to_string()));
        if latest > 0 {
            update = update.expression_attribute_values(":latest", AttributeValue::N(latest.to_string()));
        }
        self.session
            .dynamodb()
            .transact_write_items()
            .transact_items(TransactWriteItem::builder().put(put).build())
            .transact_items(TransactWriteItem::builder().update(update.build().map_err(build)?).build())
            .send()
            .await
            .during(OPERATION)?;
        Ok(())
    }
}
