//! The attributes of a key's item, as the repository writes them and the authorizer reads them.

use aws_sdk_dynamodb::types::AttributeValue;
use bulkhead_apikeys::KeyDigest;
use bulkhead_resilience::Timestamp;
use bulkhead_tenancy::Role;
use bulkhead_tenancy::names::{ApiKeyId, SortPrefix};

use super::{Content, KeyRefusal, StoredApiKey};
use crate::error::StoreError;
use crate::items::{Item, text};

const READ: &str = "read API key";
const ROLE: &str = "key_role";
pub(super) const DIGEST: &str = "digest";
pub(super) const OLD_DIGEST: &str = "old_digest";
pub(super) const OLD_UNTIL: &str = "old_until";
const CREATED_AT: &str = "created_at";
const EXPIRES_AT: &str = "expires_at";
pub(super) const ROTATED_AT: &str = "rotated_at";
/// What the authorizer reads: nothing sealed.
pub(super) const VERIFIED: &str =
    "key_role, digest, old_digest, old_until, created_at, expires_at, rotated_at";

/// The part of a key's item that is not sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    role: Role,
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
    rotated_at: Option<Timestamp>,
    pub(super) digest: KeyDigest,
    /// The digest of the secret before, and until when it works.
    pub(super) old: Option<(KeyDigest, Timestamp)>,
}

impl Record {
    pub(super) fn new(
        role: Role,
        created_at: Timestamp,
        expires_at: Option<Timestamp>,
        digest: KeyDigest,
    ) -> Self {
        Self { role, created_at, expires_at, rotated_at: None, digest, old: None }
    }

    /// Returns the record with a new secret. The secret before works until `until`.
    pub(super) fn replaced(&self, digest: KeyDigest, now: Timestamp, until: Option<Timestamp>) -> Self {
        let old = until.map(|until| (self.digest, until));
        Self { rotated_at: Some(now), digest, old, ..self.clone() }
    }

    pub(super) fn expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }

    /// Returns the role of a caller that presents a key with the digest `presented`.
    pub(super) fn verify(&self, presented: &KeyDigest, now: Timestamp) -> Result<Role, KeyRefusal> {
        let current = self.digest.matches(presented);
        let old = self.old.filter(|(digest, _)| digest.matches(presented));
        match (current, old) {
            (false, None) => Err(KeyRefusal::Unknown),
            _ if self.expired(now) => Err(KeyRefusal::Expired),
            (false, Some((_, until))) if until <= now => Err(KeyRefusal::Replaced),
            _ => Ok(self.role),
        }
    }

    pub(super) fn stored(&self, id: ApiKeyId, content: Content, now: Timestamp) -> StoredApiKey {
        StoredApiKey {
            id,
            name: content.name,
            role: self.role,
            created_at: self.created_at,
            created_by: content.created_by,
            expires_at: self.expires_at,
            rotated_at: self.rotated_at,
            previous_until: self.old.map(|(_, until)| until).filter(|until| *until > now),
        }
    }

    pub(super) fn to_item(&self) -> Item {
        let mut item = Item::from([
            (ROLE.to_owned(), text(self.role.as_str())),
            (CREATED_AT.to_owned(), text(&self.created_at.to_string())),
            (DIGEST.to_owned(), binary(&self.digest)),
        ]);
        let mut time = |name: &str, at: Option<Timestamp>| {
            item.extend(at.map(|at| (name.to_owned(), text(&at.to_string()))));
        };
        time(EXPIRES_AT, self.expires_at);
        time(ROTATED_AT, self.rotated_at);
        time(OLD_UNTIL, self.old.map(|(_, until)| until));
        item.extend(self.old.map(|(digest, _)| (OLD_DIGEST.to_owned(), binary(&digest))));
        item
    }

    /// Reads an item. A malformed attribute is an error, never an absent limit.
    pub(super) fn of(item: &Item) -> Result<Self, StoreError> {
        let old = match (digest(item, OLD_DIGEST)?, time(item, OLD_UNTIL)?) {
            (Some(digest), Some(until)) => Some((digest, until)),
            (None, None) => None,
            _ => return Err(StoreError::corrupt(READ, "half of the secret before")),
        };
        let role = item.get(ROLE).and_then(|role| role.as_s().ok()).and_then(|role| Role::parse(role));
        Ok(Self {
            role: role.ok_or_else(|| StoreError::corrupt(READ, "no role"))?,
            created_at: time(item, CREATED_AT)?.ok_or_else(|| StoreError::corrupt(READ, "no time"))?,
            expires_at: time(item, EXPIRES_AT)?,
            rotated_at: time(item, ROTATED_AT)?,
            digest: digest(item, DIGEST)?.ok_or_else(|| StoreError::corrupt(READ, "no digest"))?,
            old,
        })
    }
}

pub(super) fn binary(digest: &KeyDigest) -> AttributeValue {
    AttributeValue::B(digest.as_bytes().to_vec().into())
}

/// Returns the id in the sort key of a key's item.
pub(super) fn id_of(item: &Item) -> Result<ApiKeyId, StoreError> {
    let sort = item.get("sk").and_then(|sort| sort.as_s().ok());
    let id = sort.and_then(|sort| sort.strip_prefix(SortPrefix::ApiKey.as_str()));
    id.and_then(|id| ApiKeyId::parse(id).ok()).ok_or_else(|| StoreError::corrupt(READ, "no id"))
}

fn digest(item: &Item, name: &str) -> Result<Option<KeyDigest>, StoreError> {
    match item.get(name) {
        None => Ok(None),
        Some(AttributeValue::B(bytes)) => KeyDigest::from_bytes(bytes.as_ref())
            .map(Some)
            .ok_or_else(|| StoreError::corrupt(READ, "a digest of another length")),
        Some(_) => Err(StoreError::corrupt(READ, "a digest of another type")),
    }
}

fn time(item: &Item, name: &str) -> Result<Option<Timestamp>, StoreError> {
    match item.get(name) {
        None => Ok(None),
        Some(AttributeValue::S(at)) => {
            at.parse().map(Some).map_err(|_| StoreError::corrupt(READ, "a malformed time"))
        }
        Some(_) => Err(StoreError::corrupt(READ, "a time of another type")),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn digest_of(byte: u8) -> KeyDigest {
        KeyDigest::from_bytes(&[byte; 32]).expect("32 bytes")
    }

    fn now() -> Timestamp {
        Timestamp::from_milliseconds(1_800_000_000_000)
    }

    fn record(expires_at: Option<Timestamp>) -> Record {
        Record::new(Role::Writer, now(), expires_at, digest_of(1))
    }

    #[test]
    fn only_the_secret_of_a_key_is_accepted() {
        let record = record(None);
        assert_eq!(record.verify(&digest_of(1), now()), Ok(Role::Writer));
        assert_eq!(record.verify(&digest_of(2), now()), Err(KeyRefusal::Unknown));
    }

    #[test]
    fn a_key_ends_when_it_expires() {
        let record = record(Some(now().after(HOUR)));
        let just_before = Timestamp(now().after(HOUR).0 - 1);
        assert_eq!(record.verify(&digest_of(1), just_before), Ok(Role::Writer));
        assert_eq!(record.verify(&digest_of(1), now().after(HOUR)), Err(KeyRefusal::Expired));
        // An expired key does not tell a guess from the secret.
        assert_eq!(record.verify(&digest_of(2), now().after(HOUR)), Err(KeyRefusal::Unknown));
    }

    #[test]
    fn the_secret_before_works_only_during_the_overlap() {
        let rotated = record(None).replaced(digest_of(2), now(), Some(now().after(HOUR)));
        assert_eq!(rotated.verify(&digest_of(2), now()), Ok(Role::Writer));
        assert_eq!(rotated.verify(&digest_of(1), now()), Ok(Role::Writer));
        assert_eq!(rotated.verify(&digest_of(1), now().after(HOUR)), Err(KeyRefusal::Replaced));
        assert_eq!(rotated.verify(&digest_of(2), now().after(HOUR)), Ok(Role::Writer));
        // A second rotation ends the first secret at once.
        let again = rotated.replaced(digest_of(3), now(), Some(now().after(HOUR)));
        assert_eq!(again.verify(&digest_of(1), now()), Err(KeyRefusal::Unknown));
        assert_eq!(again.verify(&digest_of(2), now()), Ok(Role::Writer));
        // Without an overlap the secret before ends at once.
        let at_once = record(None).replaced(digest_of(2), now(), None);
        assert_eq!(at_once.verify(&digest_of(1), now()), Err(KeyRefusal::Unknown));
    }

    #[test]
    fn an_overlap_does_not_outlive_the_key() {
        let expiring = record(Some(now().after(HOUR / 2)));
        let rotated = expiring.replaced(digest_of(2), now(), Some(now().after(HOUR)));
        for digest in [digest_of(1), digest_of(2)] {
            assert_eq!(rotated.verify(&digest, now().after(HOUR / 2)), Err(KeyRefusal::Expired));
        }
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let rotated = record(Some(now().after(HOUR))).replaced(digest_of(2), now(), Some(now().after(HOUR)));
        for record in [record(None), rotated] {
            assert_eq!(Record::of(&record.to_item()).expect("a record"), record);
        }
    }

    #[test]
    fn a_damaged_record_is_an_error_and_never_an_absent_limit() {
        let whole = record(Some(now())).replaced(digest_of(2), now(), Some(now())).to_item();
        let changes: [(&str, Option<AttributeValue>); 12] = [
            (ROLE, None),
            (ROLE, Some(text("owner"))),
            (ROLE, Some(AttributeValue::Bool(true))),
            (DIGEST, None),
            (DIGEST, Some(AttributeValue::B(vec![1].into()))),
            (DIGEST, Some(text("x"))),
            (EXPIRES_AT, Some(text("never"))),
            (EXPIRES_AT, Some(AttributeValue::N("9".to_owned()))),
            (OLD_UNTIL, None),
            (OLD_UNTIL, Some(text(""))),
            (OLD_DIGEST, None),
            (CREATED_AT, None),
        ];
        for (name, value) in changes {
            let mut item = whole.clone();
            item.remove(name);
            item.extend(value.map(|value| (name.to_owned(), value)));
            assert!(Record::of(&item).is_err(), "{name}");
        }
    }
}
