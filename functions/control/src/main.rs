//! Starts the `control` function.

use bulkhead_runtime::start_logging;
use bulkhead_stores::Platform;
use lambda_runtime::{LambdaEvent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    start_logging();
    let control = control::Control::from_env(&Platform::from_env()?)?;
    lambda_runtime::run(service_fn(|event: LambdaEvent<serde_json::Value>| control.handle(event.payload)))
        .await
}
