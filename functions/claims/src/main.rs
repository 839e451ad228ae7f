//! Starts the `claims` function.

use bulkhead_runtime::start_logging;
use lambda_runtime::{LambdaEvent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    start_logging();
    lambda_runtime::run(service_fn(|event: LambdaEvent<claims::SignIn>| claims::handle(event.payload))).await
}
