//! Counters in CloudWatch's embedded metric format: a JSON line on standard output.
//!
//! The tier is a dimension; the tenant is a property only, since every value of a
//! dimension is a metric that is paid for.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::time::{SystemTime, UNIX_EPOCH};

use bulkhead_stores::StoreError;
use serde_json::{Value, json};

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counter {
    /// An invocation whose tenant could not be established.
    Refused,
    /// A second tenant in an environment bound to a first. Must stay 0.
    ForeignTenant,
    /// IAM or KMS refused a call of ours. Must stay 0.
    AccessDenied,
    /// A sealed value did not open. Must stay 0.
    SealBroken,
    /// A tenant's KMS key is disabled or being deleted: the tenant is not served.
    KeyUnusable,
    /// A fault of ours reached a client as a 5xx.
    Fault,
}

impl Counter {
    fn name(self) -> &'static str {
        match self {
            Self::Refused => "Refused",
            Self::ForeignTenant => "ForeignTenant",
            Self::AccessDenied => "AccessDenied",
            Self::SealBroken => "SealBroken",
            Self::KeyUnusable => "KeyUnusable",
            Self::Fault => "Fault",
        }
    }
}

/// Counts one `counter`, with why and for whom where that is known.
pub fn count(counter: Counter, reason: &str, tenant: Option<&str>) {
    let tier = std::env::var("TIER").unwrap_or_else(|_| "none".to_owned());
    let function = std::env::var("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_else(|_| "none".to_owned());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
    println!("{}", line(counter, reason, tenant, &tier, &function, now));
}

/// Counts why a store failed, where it is a refusal or a fault of ours. What passes by
/// itself (throttling, an outage, a conflict) is not counted here.
pub fn count_failure(error: &StoreError, tenant: Option<&str>) {
    match error {
        StoreError::Denied { operation, .. } => count(Counter::AccessDenied, operation, tenant),
        StoreError::Seal { source, .. } => count(Counter::SealBroken, source.code(), tenant),
        StoreError::KeyUnusable { operation, .. } => count(Counter::KeyUnusable, operation, tenant),
        StoreError::NotOnboarded => count(Counter::Refused, "not_onboarded", tenant),
        error if error.is_transient() => {}
        _ => count(Counter::Fault, "store", tenant),
    }
}

fn line(counter: Counter, reason: &str, tenant: Option<&str>, tier: &str, function: &str, now: u64) -> Value {
    let mut line = json!({
        "_aws": {
            "Timestamp": now,
            "CloudWatchMetrics": [{
                "Namespace": "Bulkhead",
                "Dimensions": [["Tier", "Function"]],
                "Metrics": [{"Name": counter.name(), "Unit": "Count"}],
            }],
        },
        "Tier": tier,
        "Function": function,
        "Reason": reason,
    });
    if let Value::Object(fields) = &mut line {
        fields.insert(counter.name().to_owned(), 1.into());
        fields.extend(tenant.map(|tenant| ("tenant".to_owned(), tenant.into())));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tenant_is_a_property_and_never_a_dimension() {
        let line = line(Counter::AccessDenied, "read template", Some("t1"), "basic", "templates", 7);
        assert_eq!(line["tenant"], "t1");
        assert_eq!(line["AccessDenied"], 1);
        assert_eq!(line["_aws"]["CloudWatchMetrics"][0]["Dimensions"], json!([["Tier", "Function"]]));
    }
}
