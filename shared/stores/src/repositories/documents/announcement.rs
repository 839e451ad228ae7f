//! Revisions that a client announced and whose bytes have not arrived.

use std::collections::BTreeMap;
use std::time::Duration;

use bulkhead_resilience::{MAX_CLOCK_SKEW, Timestamp};
use bulkhead_sealing::Sealed;
use bulkhead_tenancy::names::Revision;
use serde::{Deserialize, Serialize};

/// How long an announced revision is shown and may be outstanding. Longer than the 15 minutes of an upload URL:
/// the event of an upload in the last minute may be late.
const LIFETIME: Duration = Duration::from_secs(30 * 60);
/// Announced revisions of one document that may be outstanding at a time.
pub(crate) const MAX_OUTSTANDING: usize = 16;

/// What a client announced about a revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Announcement {
    /// Whether the client uploads the bytes.
    pub by_upload: bool,
    pub content_type: String,
    pub bytes: u64,
    /// Milliseconds since 1970. After it, the document shows the newest received revision again.
    until: u64,
    /// The sealed part of the record, once the revision is received.
    pub sealed: Sealed,
}

impl Announcement {
    pub fn new(by_upload: bool, content_type: String, bytes: u64, sealed: Sealed, now: Timestamp) -> Self {
        Self { by_upload, content_type, bytes, until: now.after(LIFETIME).as_milliseconds(), sealed }
    }
}

/// Returns whether an announcement that is valid `until` then is valid now. An end that lies further ahead than any
/// process could have written is damage: the announcement counts as expired.
fn is_valid(until: u64, now: Timestamp) -> bool {
    until > now.as_milliseconds() && until <= now.after(LIFETIME + MAX_CLOCK_SKEW).as_milliseconds()
}

/// The announced revisions of one document, by number.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Announcements(BTreeMap<Revision, Announcement>);

impl Announcements {
    /// Returns the announcement of `revision`, also if it has expired.
    pub fn of(&self, revision: Revision) -> Option<&Announcement> {
        self.0.get(&revision)
    }

    /// Returns the newest announcement that is outstanding: newer than `received`, and not expired.
    pub fn newest(&self, received: Option<Revision>, now: Timestamp) -> Option<(Revision, &Announcement)> {
        let outstanding = |(revision, announced): &(&Revision, &Announcement)| {
            Some(**revision) > received && is_valid(announced.until, now)
        };
        self.0.iter().rev().find(outstanding).map(|(revision, announced)| (*revision, announced))
    }

    /// Adds an announcement and drops those that are received or expired. Returns `false` if too many are
    /// outstanding.
    pub fn add(
        &mut self,
        revision: Revision,
        announced: Announcement,
        received: Option<Revision>,
        now: Timestamp,
    ) -> bool {
        self.0.retain(|revision, announced| Some(*revision) > received && is_valid(announced.until, now));
        let room = self.0.len() < MAX_OUTSTANDING;
        if room {
            self.0.insert(revision, announced);
        }
        room
    }

    /// Drops the announcements up to `received`.
    pub fn drop_received(&mut self, received: Revision) {
        self.0.retain(|revision, _| *revision > received);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_announcement_expires_at_its_end_and_with_a_damaged_end() {
        const NOW: u64 = 1_795_480_487_000;
        const LONGEST: u64 = 31 * 60 * 1_000;
        for (until, valid) in [
            (0, false),
            (NOW, false),
            (NOW + 1, true),
            (NOW + LONGEST, true),
            (NOW + LONGEST + 1, false),
            (u64::MAX, false),
        ] {
            assert_eq!(is_valid(until, Timestamp::from_milliseconds(NOW)), valid, "{until}");
        }
    }
}
