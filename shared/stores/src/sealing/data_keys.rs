use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bulkhead_tenancy::names::Purpose;
use ring::aead::LessSafeKey;

/// How long a data key is used before KMS is asked again. Disabling a tenant's key
/// takes effect within this time.
const LIFETIME: Duration = Duration::from_secs(300);
/// Values sealed under one data key; far below AES-GCM's bound for random nonces (2^32).
const USES: u32 = 1_000;
/// Opened data keys that are remembered.
const OPENED: usize = 64;

/// A data key and the form in which KMS wrapped it.
pub(super) struct DataKey {
    pub(super) cipher: LessSafeKey,
    pub(super) wrapped: Vec<u8>,
    purpose: Purpose,
    key_arn: String,
    born: Instant,
}

impl DataKey {
    fn fits(&self, purpose: Purpose, key_arn: &str) -> bool {
        self.purpose == purpose && self.key_arn == key_arn && self.born.elapsed() < LIFETIME
    }
}

/// One tenant's data keys, bounded in number, uses and time.
#[derive(Default)]
pub(super) struct DataKeys(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    sealing: HashMap<Purpose, (Arc<DataKey>, u32)>,
    opened: VecDeque<Arc<DataKey>>,
}

impl DataKeys {
    pub(super) fn for_sealing(&self, purpose: Purpose, key_arn: &str) -> Option<Arc<DataKey>> {
        let mut kept = self.lock();
        let (key, uses) = kept.sealing.get_mut(&purpose)?;
        if *uses >= USES || !key.fits(purpose, key_arn) {
            kept.sealing.remove(&purpose);
            return None;
        }
        *uses += 1;
        Some(Arc::clone(key))
    }

    pub(super) fn keep_for_sealing(
        &self,
        purpose: Purpose,
        key_arn: &str,
        cipher: LessSafeKey,
        wrapped: Vec<u8>,
    ) -> Arc<DataKey> {
        let key = self.keep_for_opening(purpose, key_arn, cipher, wrapped);
        self.lock().sealing.insert(purpose, (Arc::clone(&key), 1));
        key
    }

    pub(super) fn for_opening(
        &self,
        purpose: Purpose,
        key_arn: &str,
        wrapped: &[u8],
    ) -> Option<Arc<DataKey>> {
        let kept = self.lock();
        kept.opened.iter().find(|key| key.wrapped == wrapped && key.fits(purpose, key_arn)).cloned()
    }

    pub(super) fn keep_for_opening(
        &self,
        purpose: Purpose,
        key_arn: &str,
        cipher: LessSafeKey,
        wrapped: Vec<u8>,
    ) -> Arc<DataKey> {
        let key =
            Arc::new(DataKey { cipher, wrapped, purpose, key_arn: key_arn.to_owned(), born: Instant::now() });
        let mut kept = self.lock();
        if kept.opened.len() == OPENED {
            kept.opened.pop_front();
        }
        kept.opened.push_back(Arc::clone(&key));
        key
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
