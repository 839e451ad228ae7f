use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use bulkhead_resilience::{Timestamp, rfc3339};
use bulkhead_tenancy::names::{Label, Purpose, TemplateKey};
use serde::{Deserialize, Serialize};

use super::{ATTEMPTS, BACKOFF, Head, Templates};
use crate::clock;
use crate::error::{Classify, StoreError};
use crate::items::{self, Item, SEALED, key_attributes};

/// Maximum labels of one template.
const MAX_LABELS: usize = 20;
/// Maximum moves that a template keeps.
const MAX_MOVES: usize = 50;
/// The etag of a template whose labels never changed.
const NEVER_CHANGED: &str = "none";

/// The labels of one prompt template: names that point at versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateLabels {
    /// The version of each label.
    pub labels: BTreeMap<Label, u32>,
    /// The last moves, newest first.
    pub moves: Vec<LabelMove>,
    /// Changes with each move.
    pub etag: String,
}

/// One move of a label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelMove {
    /// The label.
    pub label: Label,
    /// The version before; `None` if the move created the label.
    pub from: Option<u32>,
    /// The version after; `None` if the move deleted the label.
    pub to: Option<u32>,
    /// When the label moved.
    #[serde(with = "rfc3339")]
    pub moved_at: Timestamp,
    /// The subject of the token that moved the label.
    pub moved_by: Option<String>,
}

/// What must be true for a label to move.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LabelCondition {
    /// The label must not exist.
    pub absent: bool,
    /// No label of the template moved since the caller read this etag.
    pub etag: Option<String>,
}

impl LabelCondition {
    fn holds(&self, from: Option<u32>, labels: &TemplateLabels) -> bool {
        !(self.absent && from.is_some()) && self.etag.as_ref().is_none_or(|etag| *etag == labels.etag)
    }
}

/// The result of a request to move a label.
#[derive(Debug)]
pub enum Relabel {
    /// The labels after the move.
    Moved {
        /// The labels.
        labels: TemplateLabels,
        /// Whether the label is new.
        created: bool,
    },
    /// The condition is false. The current labels.
    NotCurrent(TemplateLabels),
    /// The template does not exist.
    NoTemplate,
    /// The template does not have the version.
    NoVersion,
    /// The template does not have the label.
    NoLabel,
    /// The template has this number of labels, the maximum.
    TooMany(usize),
}

/// The sealed part of a template's head.
#[derive(Debug, Default, Serialize, Deserialize)]
struct SealedLabels {
    labels: BTreeMap<Label, u32>,
    moves: Vec<LabelMove>,
}

impl Templates<'_> {
    /// Returns the labels of the template, or `None` if it does not exist.
    pub async fn labels(&self, key: &TemplateKey) -> Result<Option<TemplateLabels>, StoreError> {
        let Some((head, item)) = self.live_head(key).await? else { return Ok(None) };
        self.open_labels(key, &head, &item).await.map(Some)
    }

    /// Points `label` at version `to`, or deletes it.
    ///
    /// One conditional write changes the label and records the move. A label that already points at `to` stays as it
    /// is.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if other writers win every race.
    pub async fn move_label(
        &self,
        key: &TemplateKey,
        label: &Label,
        to: Option<u32>,
        condition: &LabelCondition,
        moved_by: Option<&str>,
    ) -> Result<Relabel, StoreError> {
        for attempt in 1..=ATTEMPTS {
            let Some((head, item)) = self.live_head(key).await? else { return Ok(Relabel::NoTemplate) };
            let mut current = self.open_labels(key, &head, &item).await?;
            let from = current.labels.get(label).copied();
            if !condition.holds(from, &current) {
                return Ok(Relabel::NotCurrent(current));
            }
            match to {
                Some(version) if !head.holds(version) => return Ok(Relabel::NoVersion),
                None if from.is_none() => return Ok(Relabel::NoLabel),
                _ if from == to => return Ok(Relabel::Moved { labels: current, created: false }),
                Some(_) if from.is_none() && current.labels.len() >= MAX_LABELS => {
                    return Ok(Relabel::TooMany(MAX_LABELS));
                }
                Some(version) => {
                    current.labels.insert(label.clone(), version);
                }
                None => {
                    current.labels.remove(label);
                }
            }
            let moved_by = moved_by.map(str::to_owned);
            let moved = LabelMove { label: label.clone(), from, to, moved_at: clock::now(), moved_by };
            current.moves.insert(0, moved);
            current.moves.truncate(MAX_MOVES);
            let before = std::mem::replace(&mut current.etag, items::new_etag());
            match self.write_labels(key, &before, &current).await {
                Err(StoreError::Conflict { .. }) => {
                    // The answer to an earlier attempt of the SDK was lost: no two etags are equal.
                    let written = self.live_head(key).await?;
                    if written.is_some_and(|(head, _)| head.labels_etag.as_ref() == Some(&current.etag)) {
                        return Ok(Relabel::Moved { labels: current, created: from.is_none() });
                    }
                    tokio::time::sleep(BACKOFF * attempt).await;
                }
                Err(error) => return Err(error),
                Ok(()) => return Ok(Relabel::Moved { labels: current, created: from.is_none() }),
            }
        }
        Err(StoreError::Conflict { operation: "move label" })
    }

    /// Opens the labels in the template's head.
    pub(super) async fn open_labels(
        &self,
        key: &TemplateKey,
        head: &Head,
        item: &Item,
    ) -> Result<TemplateLabels, StoreError> {
        let item_key = self.session.scope().template_key(key);
        let SealedLabels { labels, moves } = match item.contains_key(SEALED) {
            true => items::open(&self.session, Purpose::Template, &item_key, item).await?,
            false => SealedLabels::default(),
        };
        let etag = head.labels_etag.clone().unwrap_or_else(|| NEVER_CHANGED.to_owned());
        Ok(TemplateLabels { labels, moves, etag })
    }

    /// Writes `labels` if the stored etag is `before`. A deletion of the template changes the etag, too.
    async fn write_labels(
        &self,
        key: &TemplateKey,
        before: &str,
        labels: &TemplateLabels,
    ) -> Result<(), StoreError> {
        let item_key = self.session.scope().template_key(key);
        let content = SealedLabels { labels: labels.labels.clone(), moves: labels.moves.clone() };
        let sealed = items::seal(&self.session, Purpose::Template, &item_key, &content).await?;
        let mut update = self
            .session
            .dynamodb()
            .update_item()
            .table_name(&self.session.settings().table)
            .set_key(Some(key_attributes(&item_key)))
            .update_expression("SET sealed = :sealed, labels_etag = :etag")
            .expression_attribute_values(":sealed", sealed)
            .expression_attribute_values(":etag", AttributeValue::S(labels.etag.clone()));
        update = if before == NEVER_CHANGED {
            update.condition_expression("attribute_exists(pk) AND attribute_not_exists(labels_etag)")
        } else {
            update
                .condition_expression("labels_etag = :before")
                .expression_attribute_values(":before", AttributeValue::S(before.to_owned()))
        };
        update.send().await.during("move label")?;
        Ok(())
    }
}
