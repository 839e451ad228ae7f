use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bulkhead_sealing::DataKey;
use bulkhead_tenancy::names::Purpose;
use tokio::time::Instant;

/// How long a data key is cached. A disabled KMS key takes effect within this time.
const LIFETIME: Duration = Duration::from_secs(300);
/// Maximum values sealed under one data key. Far below the limit of AES-GCM with random nonces (2^32).
const USES: u32 = 1_000;
/// Maximum cached data keys for opening.
const OPENED: usize = 64;

/// One tenant's data keys, bounded in number, uses and time.
#[derive(Default)]
pub(super) struct DataKeys(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    sealing: HashMap<Purpose, (KeptKey, u32)>,
    opened: VecDeque<KeptKey>,
    unwrapping: HashMap<Vec<u8>, Weak<tokio::sync::Mutex<()>>>,
}

#[derive(Clone)]
struct KeptKey {
    key: Arc<DataKey>,
    purpose: Purpose,
    key_arn: Arc<str>,
    born: Instant,
}

impl KeptKey {
    fn fits(&self, purpose: Purpose, key_arn: &str) -> bool {
        self.purpose == purpose && *self.key_arn == *key_arn && self.born.elapsed() < LIFETIME
    }
}

impl DataKeys {
    pub(super) fn for_sealing(&self, purpose: Purpose, key_arn: &str) -> Option<Arc<DataKey>> {
        let mut kept = self.lock();
        let (found, uses) = kept.sealing.get_mut(&purpose)?;
        if *uses >= USES || !found.fits(purpose, key_arn) {
            kept.sealing.remove(&purpose);
            return None;
        }
        *uses += 1;
        Some(Arc::clone(&found.key))
    }

    pub(super) fn keep_for_sealing(&self, purpose: Purpose, key_arn: &str, key: DataKey) -> Arc<DataKey> {
        let mut kept = self.lock();
        let made = kept.remember(purpose, key_arn, key);
        let key = Arc::clone(&made.key);
        kept.sealing.insert(purpose, (made, 1));
        key
    }

    pub(super) fn for_opening(
        &self,
        purpose: Purpose,
        key_arn: &str,
        wrapped: &[u8],
    ) -> Option<Arc<DataKey>> {
        let kept = self.lock();
        let fitting = |kept: &&KeptKey| kept.key.wraps_to(wrapped) && kept.fits(purpose, key_arn);
        kept.opened.iter().find(fitting).map(|kept| Arc::clone(&kept.key))
    }

    pub(super) fn keep_for_opening(&self, purpose: Purpose, key_arn: &str, key: DataKey) -> Arc<DataKey> {
        self.lock().remember(purpose, key_arn, key).key
    }

    /// Returns the lock under which a wrapped key is unwrapped, so that the values of one data key, opened at once,
    /// cost one call of KMS.
    pub(super) fn unwrapping(&self, wrapped: &[u8]) -> Arc<tokio::sync::Mutex<()>> {
        let mut kept = self.lock();
        kept.unwrapping.retain(|_, lock| lock.strong_count() > 0);
        if let Some(lock) = kept.unwrapping.get(wrapped).and_then(Weak::upgrade) {
            return lock;
        }
        let lock = Arc::new(tokio::sync::Mutex::new(()));
        kept.unwrapping.insert(wrapped.to_vec(), Arc::downgrade(&lock));
        lock
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn remember(&mut self, purpose: Purpose, key_arn: &str, key: DataKey) -> KeptKey {
        let kept = KeptKey { key: Arc::new(key), purpose, key_arn: Arc::from(key_arn), born: Instant::now() };
        if self.opened.len() == OPENED {
            self.opened.pop_front();
        }
        self.opened.push_back(kept.clone());
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:kms:us-east-1:000000000000:key/one";
    const OTHER: &str = "arn:aws:kms:us-east-1:000000000000:key/other";

    fn key(wrapped: &[u8]) -> DataKey {
        DataKey::new(&[7; 32], wrapped.to_vec()).expect("a key")
    }

    #[test]
    fn a_data_key_serves_only_its_purpose_and_its_kms_key() {
        let keys = DataKeys::default();
        keys.keep_for_sealing(Purpose::Template, ARN, key(b"one"));
        assert!(keys.for_opening(Purpose::Template, ARN, b"one").is_some());
        assert!(keys.for_opening(Purpose::Template, ARN, b"two").is_none());
        assert!(keys.for_opening(Purpose::Document, ARN, b"one").is_none());
        assert!(keys.for_opening(Purpose::Template, OTHER, b"one").is_none());
        assert!(keys.for_sealing(Purpose::Document, ARN).is_none());
        assert!(keys.for_sealing(Purpose::Template, ARN).is_some());
        assert!(keys.for_sealing(Purpose::Template, OTHER).is_none());
    }

    #[test]
    fn a_data_key_seals_at_most_a_thousand_values() {
        let keys = DataKeys::default();
        keys.keep_for_sealing(Purpose::Job, ARN, key(b"one"));
        let more = (1..5_000).take_while(|_| keys.for_sealing(Purpose::Job, ARN).is_some()).count();
        assert_eq!(more + 1, 1_000);
    }

    #[tokio::test(start_paused = true)]
    async fn a_data_key_expires_after_five_minutes() {
        let keys = DataKeys::default();
        keys.keep_for_sealing(Purpose::Job, ARN, key(b"one"));
        tokio::time::advance(LIFETIME - Duration::from_millis(1)).await;
        assert!(keys.for_sealing(Purpose::Job, ARN).is_some());
        assert!(keys.for_opening(Purpose::Job, ARN, b"one").is_some());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(keys.for_sealing(Purpose::Job, ARN).is_none());
        assert!(keys.for_opening(Purpose::Job, ARN, b"one").is_none());
    }

    #[test]
    fn a_wrapped_key_has_one_lock_while_it_is_used() {
        let keys = DataKeys::default();
        let (one, same, two) = (keys.unwrapping(b"one"), keys.unwrapping(b"one"), keys.unwrapping(b"two"));
        assert!(Arc::ptr_eq(&one, &same) && !Arc::ptr_eq(&one, &two));
        drop((one, same, two));
        keys.unwrapping(b"three");
        assert_eq!(keys.lock().unwrapping.len(), 1, "unused locks are removed");
    }

    #[test]
    fn only_the_last_64_opened_keys_are_cached() {
        let keys = DataKeys::default();
        for number in 0..200_u8 {
            keys.keep_for_opening(Purpose::Passage, ARN, key(&[number]));
        }
        let remembered = |number: &u8| keys.for_opening(Purpose::Passage, ARN, &[*number]).is_some();
        assert_eq!((0..200).filter(remembered).collect::<Vec<_>>(), (136..200).collect::<Vec<u8>>());
    }
}
