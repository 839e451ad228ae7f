//! Starts the `release` function.

use bulkhead_runtime::start_logging;
use bulkhead_stores::Platform;
use lambda_runtime::{LambdaEvent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    start_logging();
    let release = release::Release::from_env(&Platform::from_env()?)?;
    lambda_runtime::run(service_fn(|event: LambdaEvent<release::ReleaseRequest>| {
        release.handle(event.payload)
    }))
    .await
}
