//! Starts the `inference` function.

use bulkhead_runtime::{TenantFunction, config, http::serve, start_logging};
use bulkhead_stores::Platform;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    start_logging();
    let platform = Platform::from_env()?;
    let api = inference::InferenceApi::new(config::required("MODEL")?);
    serve(TenantFunction::from_env(&platform)?, api).await
}
