//! Counters in CloudWatch's embedded metric format: a JSON line on standard output.
//!
//! The tier is a dimension; the tenant is a property only, since every value of a
//! dimension is a metric that is paid for.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bulkhead_stores::StoreError;
use bulkhead_tenancy::TenantId;
use serde_json::{Map, Value, json};

use crate::config;

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
    /// A call was refused because its tenant uses all that it may have of its tier.
    CapRefused,
    /// A tenant's jobs failed so often that they are put aside for a while.
    CircuitOpened,
    /// A job was given up. Its tenant has it among its dead letters.
    JobDead,
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
            Self::CapRefused => "CapRefused",
            Self::CircuitOpened => "CircuitOpened",
            Self::JobDead => "JobDead",
            Self::Fault => "Fault",
        }
    }
}

/// A request that was answered. Holds nothing of its content.
#[derive(Debug)]
pub struct Answered<'a> {
    /// Names the request in all logs.
    pub request_id: &'a str,
    /// The tenant that asked, where that was established.
    pub tenant: Option<&'a TenantId>,
    /// The HTTP method.
    pub method: &'a str,
    /// The route, with its parameters' names in place of their values.
    pub resource: &'a str,
    /// The HTTP status.
    pub status: u16,
    /// How long it took, in this function.
    pub duration: Duration,
    /// Whether this environment answered for the first time.
    pub cold_start: bool,
    /// The X-Ray trace.
    pub trace: Option<&'a str>,
}

/// Logs `answered`, and measures by the same line: `Requests`, `Duration` (milliseconds)
/// and `ColdStart`.
pub fn answered(answered: &Answered<'_>) {
    let mut fields = Map::new();
    for (name, value) in [
        ("Requests", json!(1)),
        ("Duration", json!(answered.duration.as_micros() as f64 / 1_000.0)),
        ("ColdStart", json!(u8::from(answered.cold_start))),
        ("level", json!("INFO")),
        ("message", json!("answered")),
        ("request_id", json!(answered.request_id)),
        ("method", json!(answered.method)),
        ("resource", json!(answered.resource)),
        ("status", json!(answered.status)),
    ] {
        fields.insert(name.to_owned(), value);
    }
    fields.extend(answered.tenant.map(|tenant| ("tenant".to_owned(), tenant.as_str().into())));
    fields.extend(answered.trace.map(|trace| ("xray_trace_id".to_owned(), trace.into())));
    let metrics = json!([
        {"Name": "Requests", "Unit": "Count"},
        {"Name": "Duration", "Unit": "Milliseconds"},
        {"Name": "ColdStart", "Unit": "Count"},
    ]);
    println!("{}", line(metrics, fields, &Place::here()));
}

/// Whom and which request a count is about, as far as that is known. A tenant here was
/// admitted: what a caller merely claims is nobody's count.
#[derive(Debug, Clone, Copy, Default)]
pub struct About<'a> {
    /// The tenant.
    pub tenant: Option<&'a TenantId>,
    /// Names the request in all logs.
    pub request_id: Option<&'a str>,
}

/// Counts one `counter`, with why and what it is about.
pub fn count(counter: Counter, reason: &str, about: About<'_>) {
    println!("{}", counted(counter, reason, about, &Place::here()));
}

/// Counts why a store failed, where it is a refusal or a fault of ours. What passes by
/// itself (throttling, an outage, a conflict) is not counted here.
pub fn count_failure(error: &StoreError, about: About<'_>) {
    match error {
        StoreError::Denied { operation, .. } => count(Counter::AccessDenied, operation, about),
        StoreError::Seal { source, .. } => count(Counter::SealBroken, source.code(), about),
        StoreError::KeyUnusable { operation, .. } => count(Counter::KeyUnusable, operation, about),
        StoreError::NotOnboarded => count(Counter::Refused, "not_onboarded", about),
        error if error.is_transient() => {}
        _ => count(Counter::Fault, "store", about),
    }
}

/// Where and when something was measured.
struct Place {
    tier: String,
    function: String,
    now: u64,
}

impl Place {
    fn here() -> Self {
        Self {
            tier: config::tier(),
            function: std::env::var("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_else(|_| "none".to_owned()),
            now: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64),
        }
    }
}

fn counted(counter: Counter, reason: &str, about: About<'_>, place: &Place) -> Value {
    let mut fields = Map::new();
    fields.insert(counter.name().to_owned(), 1.into());
    fields.insert("Reason".to_owned(), reason.into());
    fields.extend(about.tenant.map(|tenant| ("tenant".to_owned(), tenant.as_str().into())));
    fields.extend(about.request_id.map(|id| ("request_id".to_owned(), id.into())));
    line(json!([{"Name": counter.name(), "Unit": "Count"}]), fields, place)
}

/// A line of the format: by tier for alarms, by tier and function for dashboards.
fn line(metrics: Value, fields: Map<String, Value>, place: &Place) -> Value {
    let mut line = json!({
        "_aws": {
            "Timestamp": place.now,
            "CloudWatchMetrics": [{
                "Namespace": "Bulkhead",
                "Dimensions": [["Tier", "Function"], ["Tier"]],
                "Metrics": metrics,
            }],
        },
        "Tier": place.tier,
        "Function": place.function,
    });
    if let Value::Object(line) = &mut line {
        line.extend(fields);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Place {
        Place { tier: "basic".to_owned(), function: "templates".to_owned(), now: 7 }
    }

    #[test]
    fn the_tenant_is_a_property_and_never_a_dimension() {
        let tenant = TenantId::parse("aaaaaaaaaaaaaaaa").expect("id");
        let about = About { tenant: Some(&tenant), request_id: Some("r1") };
        let line = counted(Counter::AccessDenied, "read template", about, &place());
        assert_eq!((&line["tenant"], &line["request_id"]), (&json!("aaaaaaaaaaaaaaaa"), &json!("r1")));
        assert_eq!(line["AccessDenied"], 1);
        let dimensions = &line["_aws"]["CloudWatchMetrics"][0]["Dimensions"];
        assert_eq!(dimensions, &json!([["Tier", "Function"], ["Tier"]]));
    }
}
