//! Any event from API Gateway: only the authorizer's tenant is admitted, and only if the
//! platform names the same tenant.

#![no_main]

use bulkhead_events::GatewayRequest;
use bulkhead_tenancy::{Admission, Invocation, IsolationMode};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const PLATFORM: &str = "0192f3c5b7a07e0e9d3a5c1b2d4e6f80";

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut event) = serde_json::from_slice::<GatewayRequest>(bytes) else { return };
    let _ = (event.header("content-type"), event.path("key"), event.query("limit"));
    let _ = event.take_body();
    let invocation = Invocation::begin();
    let admission = Admission::new(IsolationMode::PerTenant);
    if let Ok(scope) = admission.request(&invocation, event.tenant(), Some(PLATFORM)) {
        assert_eq!(scope.tenant().as_str(), PLATFORM);
        // Fields that `GatewayRequest` skips may not parse as a `Value`, such as huge numbers.
        let Ok(event) = serde_json::from_slice::<Value>(bytes) else { return };
        assert_eq!(event["requestContext"]["authorizer"]["tenantId"], PLATFORM);
    }
});
