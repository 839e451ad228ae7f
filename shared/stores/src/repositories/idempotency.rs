use std::time::Duration;

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure as OnFailure;
use bulkhead_resilience::Timestamp;
use bulkhead_tenancy::names::{IdempotencyKey, ItemKey, Purpose};
use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use crate::clock;
use crate::error::{Classify, StoreError};
use crate::items::{self, Item, SEALED, key_attributes, text};
use crate::session::TenantSession;

/// How long a key is known, seconds.
const KEEP_SECONDS: i64 = 24 * 60 * 60;
/// How long a request may be in progress. The slot of a call has the same lifetime: longer than any call.
const LEASE: Duration = Duration::from_secs(35);
/// A lease that ends later than this was written by a wrong clock, and does not count.
const MAX_CLOCK_SKEW: Duration = Duration::from_secs(60);
/// Longest kept answer, bytes of its JSON. DynamoDB's limit of an item is 400 KB.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>
const MAX_ANSWER: usize = 320 * 1024;
const BEGIN: &str = "begin request";
const TOKEN: &str = "token";

/// The requests of a tenant that have an idempotency key, and their answers.
pub struct Idempotency<'s> {
    session: TenantSession<'s>,
}

/// What distinguishes a request from others with the same key. Never stored readable, because texts can be guessed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestFingerprint(String);

/// An answer that a repeated request gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The headers of this answer. Those of every answer are left out.
    pub headers: Vec<(String, String)>,
    /// The body; `None` if there is none.
    pub body: Option<String>,
}

/// The right to answer the request with a key. Ends by [`Idempotency::finish`] or [`Idempotency::release`], or by itself
/// after the longest time that a call may take.
#[derive(Debug)]
#[must_use = "an unfinished request blocks its repeats until its lease ends"]
pub struct IdempotencyClaim {
    key: ItemKey,
    token: String,
    fingerprint: RequestFingerprint,
}

/// What is known about the request with a key.
#[derive(Debug)]
pub enum Begun {
    /// Nothing: the caller answers it.
    Claimed(IdempotencyClaim),
    /// Another call answers it.
    InProgress {
        /// When the lease of the other call ends.
        retry_after: Duration,
    },
    /// It was answered; `None` if the answer is not kept.
    Answered(Option<KeptAnswer>),
    /// The key belongs to another request.
    OtherRequest,
}

#[derive(Serialize, Deserialize)]
struct Record {
    /// Names the claim. No two are equal.
    token: String,
    /// When the claim ends, in milliseconds since 1970. Counts only while the request is in progress.
    lease_until: u64,
    /// When DynamoDB deletes the item, in seconds since 1970.
    expires_at: i64,
}

/// The sealed part of an item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Content {
    fingerprint: RequestFingerprint,
    state: State,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Running,
    Answered(KeptAnswer),
    /// The answer is too long or contains a secret.
    AnsweredUnkept,
}

impl RequestFingerprint {
    /// Returns the fingerprint of a request with these parts.
    pub fn of<'p>(parts: impl IntoIterator<Item = &'p [u8]>) -> Self {
        let mut hash = Context::new(&SHA256);
        for part in parts {
            // The length first, so that no two sequences of parts are equal.
            hash.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part);
        }
        Self(hash.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

impl<'s> TenantSession<'s> {
    /// Returns the tenant's requests that have an idempotency key.
    pub fn idempotency(&self) -> Idempotency<'s> {
        Idempotency { session: *self }
    }
}

impl Idempotency<'_> {
    /// Claims the request with `key`, by one conditional write if the key is new.
    ///
    /// A request whose call crashed is claimed again after its lease.
    pub async fn begin(
        &self,
        key: &IdempotencyKey,
        fingerprint: RequestFingerprint,
    ) -> Result<Begun, StoreError> {
        let key = self.session.scope().idempotency_item_key(key);
        let claim = IdempotencyClaim { key, token: items::new_etag(), fingerprint };
        let now = clock::now();
        let item = self.item(&claim, now, State::Running).await?;
        let Some(found) = self.put(BEGIN, item.clone(), None).await? else {
            return Ok(Begun::Claimed(claim));
        };
        let record: Record = items::record(BEGIN, found.clone())?;
        if record.token == claim.token {
            return Ok(Begun::Claimed(claim));
        }
        // DynamoDB may delete an expired item days later.
        if !is_expired(record.expires_at, now) {
            let content: Content =
                items::open(&self.session, Purpose::Idempotency, &claim.key, &found).await?;
            if let Some(known) = content.judge(&claim.fingerprint, record.lease_until, now) {
                return Ok(known);
            }
        }
        match self.put(BEGIN, item, Some(&record.token)).await? {
            None => Ok(Begun::Claimed(claim)),
            Some(found) if has_token(&found, &claim.token) => Ok(Begun::Claimed(claim)),
            // Another repeat was faster.
            Some(_) => Ok(Begun::InProgress { retry_after: LEASE }),
        }
    }

    /// Keeps the answer to the claimed request for 24 hours. Without `answer`, only that the request was answered is kept.
    ///
    /// Does nothing if the lease ended and another call has the claim.
    pub async fn finish(
        &self,
        claim: &IdempotencyClaim,
        answer: Option<KeptAnswer>,
    ) -> Result<(), StoreError> {
        let state = answer.filter(KeptAnswer::is_short).map_or(State::AnsweredUnkept, State::Answered);
        let item = self.item(claim, clock::now(), state).await?;
        if self.put("keep answer", item, Some(&claim.token)).await?.is_some() {
            tracing::warn!("lease of a request ended before its answer");
        }
        Ok(())
    }

    /// Forgets the claimed request, so that the next repeat claims it.
    pub async fn release(&self, claim: &IdempotencyClaim) -> Result<(), StoreError> {
        let deleted = self
            .session
            .dynamodb()
            .delete_item()
            .table_name(&self.session.settings().table)
            .set_key(Some(key_attributes(&claim.key)))
            .condition_expression("#token = :token")
            .expression_attribute_names("#token", TOKEN)
            .expression_attribute_values(":token", text(&claim.token))
            .send()
            .await
            .during("release request");
        match deleted {
            // Released by an earlier attempt of the SDK, or the lease ended.
            Ok(_) | Err(StoreError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn item(&self, claim: &IdempotencyClaim, now: Timestamp, state: State) -> Result<Item, StoreError> {
        let record = Record {
            token: claim.token.clone(),
            lease_until: now.after(LEASE).as_milliseconds(),
            expires_at: now.as_seconds() + KEEP_SECONDS,
        };
        let content = Content { fingerprint: claim.fingerprint.clone(), state };
        let mut item = items::item(&claim.key, &record)?;
        let sealed = items::seal(&self.session, Purpose::Idempotency, &claim.key, &content).await?;
        item.insert(SEALED.to_owned(), sealed);
        Ok(item)
    }

    /// Writes `item` over the one with the token `over`, or as a new one. Returns the current item if that does not hold.
    async fn put(
        &self,
        operation: &'static str,
        item: Item,
        over: Option<&str>,
    ) -> Result<Option<Item>, StoreError> {
        let put = self
            .session
            .dynamodb()
            .put_item()
            .table_name(&self.session.settings().table)
            .set_item(Some(item))
            .return_values_on_condition_check_failure(OnFailure::AllOld);
        let put = match over {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(token) => put
                .condition_expression("#token = :token")
                .expression_attribute_names("#token", TOKEN)
                .expression_attribute_values(":token", text(token)),
        };
        match put.send().await {
            Ok(_) => Ok(None),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                    Ok(Some(failed.item().cloned().unwrap_or_default()))
                }
                _ => Err(error).during(operation),
            },
        }
    }
}

impl Content {
    /// Returns what is known about a request; `None` if it may be claimed.
    fn judge(self, fingerprint: &RequestFingerprint, lease_until: u64, now: Timestamp) -> Option<Begun> {
        if self.fingerprint != *fingerprint {
            return Some(Begun::OtherRequest);
        }
        match self.state {
            State::Running => {
                let until = Timestamp::from_milliseconds(lease_until);
                let is_running = until > now && until <= now.after(LEASE + MAX_CLOCK_SKEW);
                is_running.then(|| Begun::InProgress { retry_after: until.since(now) })
            }
            State::Answered(answer) => Some(Begun::Answered(Some(answer))),
            State::AnsweredUnkept => Some(Begun::Answered(None)),
        }
    }
}

impl KeptAnswer {
    fn is_short(&self) -> bool {
        serde_json::to_vec(self).is_ok_and(|json| json.len() <= MAX_ANSWER)
    }
}

/// Returns whether an item's time is over, or lies further ahead than any process writes it.
fn is_expired(expires_at: i64, now: Timestamp) -> bool {
    let latest = now.after(MAX_CLOCK_SKEW).as_seconds().saturating_add(KEEP_SECONDS);
    expires_at <= now.as_seconds() || expires_at > latest
}

fn has_token(item: &Item, token: &str) -> bool {
    item.get(TOKEN).and_then(|value| value.as_s().ok()).is_some_and(|found| found == token)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000_000);

    fn fingerprint(text: &str) -> RequestFingerprint {
        RequestFingerprint::of([text.as_bytes()])
    }

    fn judged(state: State, lease_until: Timestamp) -> Option<Begun> {
        let content = Content { fingerprint: fingerprint("a"), state };
        content.judge(&fingerprint("a"), lease_until.as_milliseconds(), NOW)
    }

    fn answer(body: String) -> KeptAnswer {
        KeptAnswer { status: 200, headers: vec![], body: Some(body) }
    }

    #[test]
    fn fingerprint_depends_on_every_part_and_its_place() {
        let of = |parts: &[&str]| RequestFingerprint::of(parts.iter().map(|part| part.as_bytes()));
        let all = [of(&["a", "b"]), of(&["b", "a"]), of(&["ab"]), of(&["ab", ""]), of(&["", "ab"]), of(&[])];
        for (at, one) in all.iter().enumerate() {
            assert_eq!(all.iter().position(|other| other == one), Some(at));
        }
        assert_eq!(of(&["a", "b"]), all[0]);
    }

    #[test]
    fn key_of_another_request_is_refused_in_every_state() {
        for lease_until in [NOW.as_milliseconds() - 1, NOW.after(LEASE).as_milliseconds()] {
            for state in [State::Running, State::AnsweredUnkept, State::Answered(answer(String::new()))] {
                let content = Content { fingerprint: fingerprint("a"), state };
                let judged = content.judge(&fingerprint("b"), lease_until, NOW);
                assert!(matches!(judged, Some(Begun::OtherRequest)));
            }
        }
    }

    #[test]
    fn lease_ends_and_a_wrong_clock_does_not_prolong_it() {
        let second = Duration::from_secs(1);
        let until = judged(State::Running, NOW.after(second));
        assert!(matches!(until, Some(Begun::InProgress { retry_after }) if retry_after == second));
        assert!(judged(State::Running, NOW).is_none());
        assert!(judged(State::Running, NOW.after(LEASE + MAX_CLOCK_SKEW + second)).is_none());
    }

    #[test]
    fn answer_is_repeated() {
        let kept = answer("x".to_owned());
        let repeated = judged(State::Answered(kept.clone()), NOW);
        assert!(matches!(repeated, Some(Begun::Answered(Some(found))) if found == kept));
        assert!(matches!(judged(State::AnsweredUnkept, NOW), Some(Begun::Answered(None))));
    }

    #[test]
    fn answer_of_at_most_an_item_is_kept() {
        assert!(answer("x".repeat(MAX_ANSWER - 100)).is_short());
        assert!(!answer("x".repeat(MAX_ANSWER)).is_short());
        // Quotes need an escape in the item.
        assert!(!answer("\"".repeat(MAX_ANSWER - 100)).is_short());
    }

    #[test]
    fn key_expires_after_a_day() {
        let at = NOW.as_seconds();
        assert!(is_expired(at, NOW) && is_expired(at - 1, NOW));
        assert!(!is_expired(at + 1, NOW) && !is_expired(at + KEEP_SECONDS, NOW));
        assert!(is_expired(at + KEEP_SECONDS + 61, NOW), "no process writes this");
    }
}
