//! Counters in CloudWatch's embedded metric format: a JSON line on standard output.
//!
//! The tier is a dimension. The tenant is only a property, because CloudWatch bills each value of a
//! dimension as a metric.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bulkhead_stores::StoreError;
use bulkhead_tenancy::TenantId;
use serde_json::{Map, Value, json};

use crate::config;

/// A counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counter {
    /// An invocation that does not establish a tenant.
    Refused,
    /// A second tenant entered an environment. Must stay 0.
    ForeignTenant,
    /// IAM or KMS refused a call. Must stay 0.
    AccessDenied,
    /// A sealed value does not open. Must stay 0.
    SealBroken,
    /// A tenant's KMS key is disabled or scheduled for deletion, so the tenant is not served.
    KeyUnusable,
    /// A call was refused because its tenant's quota is used.
    QuotaExceeded,
    /// A call was refused because its tenant's budget has no room. Has no alarm: the tenant or its operator chose it.
    BudgetExhausted,
    /// A tenant's circuit opened.
    CircuitOpened,
    /// A job became a dead letter.
    JobDead,
    /// The service failed because of a defect. A client got a 500.
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
            Self::QuotaExceeded => "QuotaExceeded",
            Self::BudgetExhausted => "BudgetExhausted",
            Self::CircuitOpened => "CircuitOpened",
            Self::JobDead => "JobDead",
            Self::Fault => "Fault",
        }
    }
}

/// An answered request, without its content.
#[derive(Debug)]
pub struct Answered<'a> {
    /// The request id.
    pub request_id: &'a str,
    /// The tenant, if one was established.
    pub tenant: Option<&'a TenantId>,
    /// The HTTP method.
    pub method: &'a str,
    /// The route, with parameter names instead of values.
    pub resource: &'a str,
    /// The HTTP status.
    pub status: u16,
    /// The duration in this function.
    pub duration: Duration,
    /// Whether this was the first request of the environment.
    pub cold_start: bool,
    /// The X-Ray trace id.
    pub trace: Option<&'a str>,
}

/// Logs `answered` as one line that also carries the metrics `Requests`, `Duration` (milliseconds) and
/// `ColdStart`.
pub fn answered(answered: &Answered<'_>) {
    let mut fields = Map::new();
    for (name, value) in [
        ("Requests", json!(1)),
        ("Duration", json!(answered.duration.as_micros() as f64 / 1_000.0)),
        ("ColdStart", json!(u8::from(answered.cold_start))),
        ("level", json!("INFO")),
        ("message", json!("request answered")),
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
    println!("{}", line(metrics, fields, &Origin::current()));
}

/// The tenant and the request of a metric, if known. The tenant is admitted, never only claimed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Subject<'a> {
    /// The tenant.
    pub tenant: Option<&'a TenantId>,
    /// The request id.
    pub request_id: Option<&'a str>,
}

/// Counts one `counter`.
pub fn count(counter: Counter, reason: &str, subject: Subject<'_>) {
    println!("{}", counted(counter, reason, subject, &Origin::current()));
}

/// Counts the failure of a store if it is a refusal or a defect. Does not count temporary failures:
/// throttling, outages and conflicts.
pub fn count_failure(error: &StoreError, subject: Subject<'_>) {
    match error {
        StoreError::Denied { operation, .. } => count(Counter::AccessDenied, operation, subject),
        StoreError::Seal { source, .. } => count(Counter::SealBroken, source.code(), subject),
        StoreError::KeyUnusable { operation, .. } => count(Counter::KeyUnusable, operation, subject),
        // The tenant's input is the cause.
        StoreError::InputRefused { .. } => {}
        StoreError::NotOnboarded => count(Counter::Refused, "not_onboarded", subject),
        error if error.is_transient() => {}
        _ => count(Counter::Fault, "store", subject),
    }
}

/// Where and when a metric was measured.
struct Origin {
    tier: String,
    function: String,
    now: u64,
}

impl Origin {
    fn current() -> Self {
        Self {
            tier: config::tier(),
            function: std::env::var("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_else(|_| "none".to_owned()),
            now: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64),
        }
    }
}

fn counted(counter: Counter, reason: &str, subject: Subject<'_>, origin: &Origin) -> Value {
    let mut fields = Map::new();
    fields.insert(counter.name().to_owned(), 1.into());
    fields.insert("Reason".to_owned(), reason.into());
    fields.extend(subject.tenant.map(|tenant| ("tenant".to_owned(), tenant.as_str().into())));
    fields.extend(subject.request_id.map(|id| ("request_id".to_owned(), id.into())));
    line(json!([{"Name": counter.name(), "Unit": "Count"}]), fields, origin)
}

/// Returns a line of the format, with dimensions by tier (alarms) and by tier and function (dashboards).
fn line(metrics: Value, fields: Map<String, Value>, origin: &Origin) -> Value {
    let mut line = json!({
        "_aws": {
            "Timestamp": origin.now,
            "CloudWatchMetrics": [{
                "Namespace": "Bulkhead",
                "Dimensions": [["Tier", "Function"], ["Tier"]],
                "Metrics": metrics,
            }],
        },
        "Tier": origin.tier,
        "Function": origin.function,
    });
    if let Value::Object(line) = &mut line {
        line.extend(fields);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin() -> Origin {
        Origin { tier: "basic".to_owned(), function: "templates".to_owned(), now: 7 }
    }

    #[test]
    fn tenant_is_a_property_and_never_a_dimension() {
        let tenant = TenantId::parse("aaaaaaaaaaaaaaaa").expect("id");
        let subject = Subject { tenant: Some(&tenant), request_id: Some("r1") };
        let line = counted(Counter::AccessDenied, "read template", subject, &origin());
        assert_eq!((&line["tenant"], &line["request_id"]), (&json!("aaaaaaaaaaaaaaaa"), &json!("r1")));
        assert_eq!(line["AccessDenied"], 1);
        let dimensions = &line["_aws"]["CloudWatchMetrics"][0]["Dimensions"];
        assert_eq!(dimensions, &json!([["Tier", "Function"], ["Tier"]]));
    }
}
