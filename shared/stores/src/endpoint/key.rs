use std::sync::Arc;
use std::time::Duration;

use aws_types::SdkConfig;
use tokio::sync::Mutex;
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::error::{Classify, StoreError};

/// How long a key is used without a look at its secret. A new key counts within this time, and at once if the endpoint
/// refuses the old one.
const AGE: Duration = Duration::from_secs(5 * 60);

/// The key of the endpoint, kept in Secrets Manager. The same for every tenant.
pub(super) struct EndpointKey {
    arn: String,
    secrets: aws_sdk_secretsmanager::Client,
    kept: Mutex<Option<(Instant, Arc<Zeroizing<String>>)>>,
}

impl EndpointKey {
    pub(super) fn new(arn: String, sdk: &SdkConfig) -> Self {
        Self { arn, secrets: aws_sdk_secretsmanager::Client::new(sdk), kept: Mutex::default() }
    }

    /// Returns the key, at most five minutes old.
    pub(super) async fn get(&self, operation: &'static str) -> Result<Arc<Zeroizing<String>>, StoreError> {
        let mut kept = self.kept.lock().await;
        if let Some((_, key)) = kept.as_ref().filter(|(since, _)| since.elapsed() < AGE) {
            return Ok(Arc::clone(key));
        }
        let secret = self.secrets.get_secret_value().secret_id(&self.arn).send().await;
        let secret = secret.during("read endpoint key")?.secret_string;
        let secret = secret
            .filter(|secret| !secret.trim().is_empty())
            .ok_or_else(|| StoreError::corrupt(operation, "the secret of the endpoint has no text"))?;
        let key = Arc::new(Zeroizing::new(secret.trim().to_owned()));
        *kept = Some((Instant::now(), Arc::clone(&key)));
        Ok(key)
    }

    /// Makes the next call read the secret.
    pub(super) async fn forget(&self) {
        *self.kept.lock().await = None;
    }
}
