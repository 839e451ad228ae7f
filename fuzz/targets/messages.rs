//! Any event from SQS, EventBridge or `dispatch`: it names a valid tenant, or is rejected.

#![no_main]

use bulkhead_events::{ObjectCreated, SqsBatch, WorkerRequest};
use bulkhead_tenancy::{Admission, Invocation, IsolationMode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let invocation = Invocation::begin();
    let admission = Admission::new(IsolationMode::None);
    if let Ok(batch) = serde_json::from_slice::<SqsBatch>(bytes) {
        for message in &batch.records {
            let group = message.attributes.message_group_id.as_deref();
            if let Ok(scope) = admission.job(&invocation, group, None) {
                assert_eq!(Some(scope.message_group().as_str()), group);
            }
        }
    }
    if let Ok(event) = serde_json::from_slice::<ObjectCreated>(bytes) {
        let (bucket, key) = (event.bucket(), event.key());
        if let Ok((scope, document, revision)) = admission.object(&invocation, "documents", bucket, key) {
            assert_eq!(bucket, "documents");
            assert_eq!(scope.document_source(&document, revision).as_str(), key);
        }
    }
    if let Ok(request) = serde_json::from_slice::<WorkerRequest>(bytes) {
        if let Ok(scope) = admission.job(&invocation, Some(&request.tenant), None) {
            assert_eq!(scope.tenant().as_str(), request.tenant);
        }
    }
});
