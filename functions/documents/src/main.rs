//! Starts the `documents` function.

use bulkhead_runtime::{TenantFunction, http::serve, start_logging};
use bulkhead_stores::Platform;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    start_logging();
    let platform = Platform::from_env()?;
    serve(TenantFunction::from_env(&platform)?, documents::DocumentsApi::from_env()?).await
}
