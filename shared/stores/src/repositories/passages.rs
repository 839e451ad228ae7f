use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

use aws_sdk_s3vectors::types::{PutInputVector, VectorData};
use aws_smithy_types::Document as Json;
use bulkhead_sealing::{Address, Sealed};
use bulkhead_tenancy::names::{DocumentId, Revision, VectorIndexName};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use crate::error::{Classify, StoreError};
use crate::repositories::documents::Metadata;
use crate::repositories::filter::Filter;
use crate::repositories::models::Embedding;
use crate::session::TenantSession;

/// Vectors per call, S3 Vectors' limit:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-limitations.html>
const BATCH: usize = 500;

/// Maximum passages of one query (same source).
const MAX_RESULTS: i32 = 100;
/// Passages per read by key (same source).
const MAX_READ: usize = 100;
/// Maximum queries for one question.
const MAX_QUERIES: u8 = 3;

/// A passage to index.
#[derive(Debug, Clone, PartialEq)]
pub struct Passage {
    /// Its position in the document, from 0.
    pub number: u32,
    /// The document's title.
    pub title: String,
    /// Its text. Sealed at rest.
    pub text: String,
    /// The headings above it, outermost first.
    pub headings: Vec<String>,
    /// The page on which it begins, from 1, if the document has pages.
    pub page: Option<u32>,
    /// Its characters in the text of the document, if the reader gave them.
    pub range: Option<Range<u32>>,
    /// Its embedding.
    pub embedding: Embedding,
}

/// What a search returns.
#[derive(Debug, Clone)]
pub struct Search {
    /// Passages to rank, at most 100.
    pub candidates: u8,
    /// Maximum passages to return.
    pub limit: u8,
    /// Minimum similarity of a passage, -1 to 1.
    pub min_score: f32,
    /// Passages to add before and after each passage, as its context. At most 2.
    pub neighbours: u8,
    /// Which metadata a passage's document must have.
    pub filter: Option<Filter>,
}

/// A passage that a search returns.
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    /// The document.
    pub document: DocumentId,
    /// The revision of the document.
    pub revision: Revision,
    /// The passage's position in it.
    pub number: u32,
    /// The document's title.
    pub title: String,
    /// The passage's text.
    pub text: String,
    /// The headings above it, outermost first.
    pub headings: Vec<String>,
    /// The page on which it begins, from 1, if the document has pages.
    pub page: Option<u32>,
    /// Its characters in the text of the document. A passage that an older version indexed has none.
    pub range: Option<Range<u32>>,
    /// Cosine similarity with the query, at most 1.
    pub score: f32,
    /// The texts of the passages right before it, in order.
    pub before: Vec<String>,
    /// The texts of the passages right after it, in order.
    pub after: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Content {
    title: String,
    text: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    headings: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    page: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    range: Option<Range<u32>>,
}

/// The tenant's index.
///
/// Each tenant has its own index, and the scope derives the index's name. So no query can reach two tenants.
pub struct Passages<'s> {
    session: TenantSession<'s>,
}

impl<'s> TenantSession<'s> {
    /// Returns the tenant's indexed passages.
    pub fn passages(&self) -> Passages<'s> {
        Passages { session: *self }
    }
}

impl Passages<'_> {
    /// Indexes passages of a revision, with the metadata of its document. Idempotent. Searches do not return them before
    /// [`Documents::publish`](crate::Documents::publish).
    pub async fn put(
        &self,
        document: &DocumentId,
        revision: Revision,
        metadata: &Metadata,
        passages: &[Passage],
    ) -> Result<(), StoreError> {
        const OPERATION: &str = "index passages";
        let profile = self.session.profile().await?;
        let index = self.session.scope().vector_index(&profile.corpus);
        for batch in passages.chunks(BATCH) {
            let mut vectors = Vec::with_capacity(batch.len());
            for passage in batch {
                let key = vector_key(document, revision, passage.number);
                let content = Content {
                    title: passage.title.clone(),
                    text: passage.text.clone(),
                    headings: passage.headings.clone(),
                    page: passage.page,
                    range: passage.range.clone(),
                };
                let content = serde_json::to_vec(&content)
                    .map_err(|error| StoreError::corrupt(OPERATION, error.to_string()))?;
                let address = Address::vector(&index, &key);
                let sealed = self
                    .session
                    .sealer()
                    .seal(self.session.scope(), &profile.key_arn, &address, &content)
                    .await?;
                let mut entries: HashMap<_, _> = metadata.for_vector().collect();
                entries.insert(SEALED.to_owned(), Json::from(String::from(sealed)));
                let vector = PutInputVector::builder()
                    .key(key)
                    .data(VectorData::Float32(passage.embedding.0.clone()))
                    .metadata(Json::Object(entries))
                    .build()
                    .map_err(|error| StoreError::corrupt(OPERATION, error.to_string()))?;
                vectors.push(vector);
            }
            self.session
                .s3vectors()
                .put_vectors()
                .vector_bucket_name(&profile.vector_bucket)
                .index_name(index.as_str())
                .set_vectors(Some(vectors))
                .send()
                .await
                .during(OPERATION)?;
        }
        Ok(())
    }

    /// Returns the best passages for `query`: the nearest ones that `search` accepts, in the order that `rank` gives
    /// them.
    ///
    /// Returns only passages of searchable revisions, and each text once. The index may also hold passages of deleted
    /// documents, of replaced revisions and of revisions that are being indexed.
    pub async fn search(
        &self,
        query: &Embedding,
        search: Search,
        rank: impl Fn(Vec<Match>) -> Vec<Match>,
    ) -> Result<Vec<Match>, StoreError> {
        let mut asked = i32::from(search.candidates);
        let mut queries = 0;
        loop {
            queries += 1;
            let mut found = self.query(query, asked, search.filter.as_ref()).await?;
            let candidates = found.len();
            found.retain(|passage| passage.score >= search.min_score);
            let all = found.len() < candidates || i32::try_from(candidates).unwrap_or(i32::MAX) < asked;
            let (mut chosen, replaced) = self.choose(rank(found), usize::from(search.limit)).await?;
            // Repeats the query, for more passages, in two cases: a revision was replaced between the query
            // and the read of the record, or passages that are not returned filled the result.
            let crowded_out = chosen.len() < usize::from(search.limit) && !all;
            if queries == MAX_QUERIES || !(replaced || crowded_out) {
                self.add_neighbours(&mut chosen, u32::from(search.neighbours)).await?;
                return Ok(chosen);
            }
            asked = MAX_RESULTS;
        }
    }

    async fn query(
        &self,
        query: &Embedding,
        limit: i32,
        filter: Option<&Filter>,
    ) -> Result<Vec<Match>, StoreError> {
        let profile = self.session.profile().await?;
        let index = self.session.scope().vector_index(&profile.corpus);
        let found = self
            .session
            .s3vectors()
            .query_vectors()
            .vector_bucket_name(&profile.vector_bucket)
            .index_name(index.as_str())
            .query_vector(VectorData::Float32(query.0.clone()))
            .top_k(limit)
            .set_filter(filter.map(Filter::to_json))
            .return_metadata(true)
            .return_distance(true)
            .send()
            .await
            .during("search passages")?;
        let opened = found.vectors.iter().map(|vector| {
            self.read(&index, &profile.key_arn, &vector.key, vector.metadata.as_ref(), vector.distance)
        });
        try_join_all(opened).await
    }

    /// Returns the first `limit` passages of searchable revisions in `ranked`, each text once, and whether one of the
    /// others belongs to a replaced revision. Reads only the records that it needs.
    async fn choose(&self, ranked: Vec<Match>, limit: usize) -> Result<(Vec<Match>, bool), StoreError> {
        let mut live: BTreeMap<DocumentId, Option<Revision>> = BTreeMap::new();
        let mut chosen: Vec<Match> = vec![];
        let mut replaced = false;
        let mut rest = ranked.into_iter();
        while chosen.len() < limit {
            let next: Vec<_> = rest.by_ref().take(limit - chosen.len()).collect();
            if next.is_empty() {
                break;
            }
            let unread: BTreeSet<_> =
                next.iter().map(|passage| &passage.document).filter(|id| !live.contains_key(*id)).collect();
            let read = unread.into_iter().map(|id| async move {
                Ok::<_, StoreError>((id.clone(), self.session.documents().live_revision(id).await?))
            });
            live.extend(try_join_all(read).await?);
            for passage in next {
                let revision = live.get(&passage.document).copied().flatten();
                replaced |= revision > Some(passage.revision);
                let is_searchable = revision == Some(passage.revision);
                if is_searchable && !chosen.iter().any(|other| other.text == passage.text) {
                    chosen.push(passage);
                }
            }
        }
        Ok((chosen, replaced))
    }

    /// Adds the texts of up to `reach` passages before and after each passage. A text is added once, to the first
    /// passage that it belongs to, and never if it is the text of a passage itself.
    async fn add_neighbours(&self, passages: &mut [Match], reach: u32) -> Result<(), StoreError> {
        let key = |passage: &Match, number| vector_key(&passage.document, passage.revision, number);
        let mut used: BTreeSet<_> = passages.iter().map(|passage| key(passage, passage.number)).collect();
        let mut wanted = vec![];
        for passage in &*passages {
            let before = (1..=reach).map_while(|distance| passage.number.checked_sub(distance));
            let after = (1..=reach).map_while(|distance| passage.number.checked_add(distance));
            // Stops at a text that is used, because the texts beyond it do not join.
            let mut unused = |number: &u32| used.insert(key(passage, *number));
            let before: Vec<_> = before.take_while(&mut unused).map(|number| key(passage, number)).collect();
            let after: Vec<_> = after.take_while(&mut unused).map(|number| key(passage, number)).collect();
            wanted.push((before, after));
        }
        let keys: Vec<_> =
            wanted.iter().flat_map(|(before, after)| before.iter().chain(after)).cloned().collect();
        let mut texts = self.texts(&keys).await?;
        for (passage, (before, after)) in passages.iter_mut().zip(wanted) {
            passage.before = before.iter().rev().filter_map(|key| texts.remove(key)).collect();
            passage.after = after.iter().filter_map(|key| texts.remove(key)).collect();
        }
        Ok(())
    }

    /// Returns the texts of the passages that exist, by key.
    async fn texts(&self, keys: &[String]) -> Result<HashMap<String, String>, StoreError> {
        let mut texts = HashMap::new();
        for batch in keys.chunks(MAX_READ) {
            let read = self.read_keys(batch).await?;
            texts.extend(read.into_iter().map(|passage| {
                (vector_key(&passage.document, passage.revision, passage.number), passage.text)
            }));
        }
        Ok(texts)
    }

    /// Returns the passages that exist, of at most 100 keys.
    async fn read_keys(&self, keys: &[String]) -> Result<Vec<Match>, StoreError> {
        let profile = self.session.profile().await?;
        let index = self.session.scope().vector_index(&profile.corpus);
        let found = self
            .session
            .s3vectors()
            .get_vectors()
            .vector_bucket_name(&profile.vector_bucket)
            .index_name(index.as_str())
            .set_keys(Some(keys.to_vec()))
            .return_metadata(true)
            .send()
            .await
            .during("read passages")?;
        let opened = found
            .vectors
            .iter()
            .map(|vector| self.read(&index, &profile.key_arn, &vector.key, vector.metadata.as_ref(), None));
        try_join_all(opened).await
    }

    /// Returns the passages `numbers` of a revision, in order. Leaves out those that do not exist.
    ///
    /// At most 100 passages.
    pub async fn of_document(
        &self,
        document: &DocumentId,
        revision: Revision,
        numbers: std::ops::Range<u32>,
    ) -> Result<Vec<Match>, StoreError> {
        let keys: Vec<_> =
            numbers.take(MAX_READ).map(|number| vector_key(document, revision, number)).collect();
        let mut found = vec![];
        if !keys.is_empty() {
            found = self.read_keys(&keys).await?;
        }
        found.sort_by_key(|passage| passage.number);
        Ok(found)
    }

    /// Removes the passages `numbers` of a revision, if they exist.
    pub async fn delete(
        &self,
        document: &DocumentId,
        revision: Revision,
        numbers: Range<u32>,
    ) -> Result<(), StoreError> {
        let profile = self.session.profile().await?;
        let index = self.session.scope().vector_index(&profile.corpus);
        let keys: Vec<_> = numbers.map(|number| vector_key(document, revision, number)).collect();
        for batch in keys.chunks(BATCH) {
            self.session
                .s3vectors()
                .delete_vectors()
                .vector_bucket_name(&profile.vector_bucket)
                .index_name(index.as_str())
                .set_keys(Some(batch.to_vec()))
                .send()
                .await
                .during("remove passages")?;
        }
        Ok(())
    }

    async fn read(
        &self,
        index: &VectorIndexName,
        key_arn: &str,
        key: &str,
        metadata: Option<&Json>,
        distance: Option<f32>,
    ) -> Result<Match, StoreError> {
        const OPERATION: &str = "read passage";
        let corrupt = |what| StoreError::corrupt(OPERATION, what);
        // The sealed text is bound to the key, so the passage cannot be shown as part of another document.
        let (document, revision, number) =
            parse_vector_key(key).ok_or(corrupt("not the key of a passage"))?;
        let metadata = metadata.and_then(Json::as_object).ok_or(corrupt("no metadata"))?;
        let sealed = metadata.get(SEALED).and_then(Json::as_string).ok_or(corrupt("no text"))?;
        let sealed = Sealed::try_from(sealed.to_owned()).map_err(|_| corrupt("text is not base64"))?;
        let text = self
            .session
            .sealer()
            .open(self.session.scope(), key_arn, &Address::vector(index, key), &sealed)
            .await?;
        let Content { title, text, headings, page, range } = serde_json::from_slice(&text)
            .map_err(|error| StoreError::corrupt(OPERATION, error.to_string()))?;
        let score = 1.0 - distance.unwrap_or(1.0);
        let (before, after) = (vec![], vec![]);
        Ok(Match { document, revision, number, title, text, headings, page, range, score, before, after })
    }
}

/// Metadata key of the sealed text. The index is configured so that this key is not filterable. A key of the tenant's
/// metadata has a prefix, so it is never this key.
const SEALED: &str = "sealed";

fn vector_key(document: &DocumentId, revision: Revision, number: u32) -> String {
    format!("{document}.{}.{number:05}", revision.in_name())
}

/// Parses the exact form that [`vector_key`] writes.
fn parse_vector_key(key: &str) -> Option<(DocumentId, Revision, u32)> {
    let mut parts = key.splitn(3, '.');
    let document = DocumentId::parse(parts.next()?).ok()?;
    let revision = Revision::from_name(parts.next()?)?;
    let number = parts.next()?.parse().ok()?;
    (vector_key(&document, revision, number) == key).then_some((document, revision, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passage_of_an_older_version_has_no_range() {
        let range = |json: &str| serde_json::from_str::<Content>(json).expect("a passage").range;
        assert_eq!(range(r#"{"title":"a","text":"b","page":3}"#), None);
        let content = Content {
            title: "a".to_owned(),
            text: "b".to_owned(),
            headings: vec![],
            page: None,
            range: Some(4..u32::MAX),
        };
        let json = serde_json::to_string(&content).expect("JSON");
        assert_eq!(json, r#"{"title":"a","text":"b","range":{"start":4,"end":4294967295}}"#);
        assert_eq!(range(&json), content.range);
    }

    #[test]
    fn vector_key_tells_the_passage() {
        let document = DocumentId::parse("0192f3c5b7a07e0e9d3a5c1b2d4e6f80").expect("an id");
        for (revision, number) in [(1, 0), (17, 3), (u32::MAX, 123_456)] {
            let revision = Revision::of(revision).expect("a revision");
            let key = vector_key(&document, revision, number);
            assert_eq!(parse_vector_key(&key), Some((document.clone(), revision, number)), "{key}");
        }
        for key in ["", "probe", "a.1.2", "0192f3c5b7a07e0e9d3a5c1b2d4e6f80.1.00002"] {
            assert_eq!(parse_vector_key(key), None, "{key}");
        }
    }
}
