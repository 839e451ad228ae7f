//! Starts the `scheduler` function.

use bulkhead_runtime::start_logging;
use bulkhead_stores::Platform;
use lambda_runtime::{LambdaEvent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    start_logging();
    let scheduler = scheduler::Scheduler::from_env(&Platform::from_env()?)?;
    lambda_runtime::run(service_fn(|event: LambdaEvent<scheduler::SchedulerRequest>| {
        let deadline = event.context.deadline();
        scheduler.handle(event.payload, deadline)
    }))
    .await
}
