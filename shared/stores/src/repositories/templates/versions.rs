use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use bulkhead_tenancy::names::{Purpose, TemplateKey};
use futures::{StreamExt, TryStreamExt, stream};

use super::{Content, StoredTemplate, TemplateLabels, Templates, VersionItem};
use crate::error::{Classify, StoreError};
use crate::items::{self, Item};
use crate::page::{Page, PageLimit};

/// Versions of one page that are opened at the same time.
const CONCURRENT_OPENS: usize = 16;

impl Templates<'_> {
    /// Lists the versions of the template before `before`, newest first, with the labels of the template. Returns
    /// `None` if the template does not exist.
    pub async fn versions(
        &self,
        key: &TemplateKey,
        limit: PageLimit,
        before: Option<u32>,
    ) -> Result<Option<(Page<StoredTemplate, u32>, TemplateLabels)>, StoreError> {
        let Some((head, item)) = self.live_head(key).await? else { return Ok(None) };
        let labels = self.open_labels(key, &head, &item).await?;
        let oldest = head.deleted_up_to + 1;
        let newest = before.map_or(head.latest, |before| head.latest.min(before.saturating_sub(1)));
        if newest < oldest {
            return Ok(Some((Page::new(vec![], false, |_| 0), labels)));
        }
        let (items, more) = self.read_versions(key, oldest, newest, limit).await?;
        let versions = stream::iter(items)
            .map(|(version, item)| self.open_version(key, version, item))
            .buffered(CONCURRENT_OPENS)
            .try_collect::<Vec<_>>()
            .await?;
        Ok(Some((Page::new(versions, more, |version| version.version), labels)))
    }

    /// Opens the item of a version.
    pub(super) async fn open_version(
        &self,
        key: &TemplateKey,
        version: u32,
        item: Item,
    ) -> Result<StoredTemplate, StoreError> {
        let item_key = self.session.scope().version_key(key, version);
        let content: Content = items::open(&self.session, Purpose::Template, &item_key, &item).await?;
        let VersionItem { created_at } = items::record("read template version", item)?;
        Ok(content.stored(key, version, created_at))
    }

    /// Returns a consistent query of the items from version `oldest` to `newest`.
    pub(super) fn query_versions(&self, key: &TemplateKey, oldest: u32, newest: u32) -> QueryFluentBuilder {
        let scope = self.session.scope();
        let (first, last) = (scope.version_key(key, oldest), scope.version_key(key, newest));
        self.session
            .dynamodb()
            .query()
            .table_name(&self.session.settings().table)
            .key_condition_expression("pk = :partition AND sk BETWEEN :first AND :last")
            .expression_attribute_values(":partition", AttributeValue::S(first.partition().to_owned()))
            .expression_attribute_values(":first", AttributeValue::S(first.sort().to_owned()))
            .expression_attribute_values(":last", AttributeValue::S(last.sort().to_owned()))
            .consistent_read(true)
    }

    /// Reads the items from `newest` down to `oldest`, at most `limit`. Returns whether more items follow.
    async fn read_versions(
        &self,
        key: &TemplateKey,
        oldest: u32,
        newest: u32,
        limit: PageLimit,
    ) -> Result<(Vec<(u32, Item)>, bool), StoreError> {
        const OPERATION: &str = "list template versions";
        let mut found = Vec::new();
        let mut start = None;
        loop {
            let wanted = limit.get() + 1 - found.len();
            let page = self
                .query_versions(key, oldest, newest)
                .set_exclusive_start_key(start)
                .limit(i32::try_from(wanted).unwrap_or(i32::MAX))
                .scan_index_forward(false)
                .send()
                .await
                .during(OPERATION)?;
            found.extend(page.items.unwrap_or_default());
            start = page.last_evaluated_key;
            if found.len() > limit.get() || start.is_none() {
                break;
            }
        }
        let more = found.len() > limit.get();
        found.truncate(limit.get());
        let numbered = found.into_iter().map(|item| match version_of(&item) {
            Some(version) => Ok((version, item)),
            None => Err(StoreError::corrupt(OPERATION, "a version without a number")),
        });
        Ok((numbered.collect::<Result<_, _>>()?, more))
    }
}

/// Returns the version in the sort key of `item`.
pub(super) fn version_of(item: &Item) -> Option<u32> {
    item.get("sk")?.as_s().ok()?.rsplit('#').next()?.parse().ok()
}
