//! The fields `RateLimit-Policy` and `RateLimit`: what an answer says about the tenant's limits.
//!
//! <https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-ratelimit-headers-11>

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bulkhead_stores::{Period, Quota, Standing, Timestamp};

use super::ApiResponse;

/// The largest integer of a structured field: <https://www.rfc-editor.org/rfc/rfc9651#section-3.3.1>.
const MAX_INTEGER: u64 = 999_999_999_999_999;

/// Pico-US-dollars of one micro-US-dollar.
const MICRO_USD: u64 = 1_000_000;

/// What one request learned about its tenant's limits.
#[derive(Debug, Default)]
pub struct Limits(Mutex<Vec<Limit>>);

/// One limit, as both fields show it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Limit {
    name: &'static str,
    quota: u64,
    /// The unit; `None` is requests.
    unit: Option<&'static str>,
    window: u64,
    remaining: u64,
    reset: u64,
}

impl Limits {
    /// Notes the rate: how many calls may start now, and when the whole burst is there again.
    pub(super) fn note_rate(&self, quota: &Quota, (left, reset): (u32, Duration)) {
        let burst = u64::from(quota.burst.get());
        self.note(Limit {
            name: "rate",
            quota: burst,
            unit: None,
            window: burst.div_ceil(u64::from(quota.rate.get())).max(1),
            remaining: left.into(),
            reset: ceil_seconds(reset),
        });
    }

    /// Notes the budgets that were consulted.
    pub fn note_budgets(&self, standings: &[Standing; 2], now: Timestamp) {
        for standing in standings {
            let (tokens, money, days) = match standing.period {
                Period::Day => ("daily-tokens", "daily-money", 1),
                // The longest month.
                Period::Month => ("monthly-tokens", "monthly-money", 31),
            };
            let reset = ceil_seconds(standing.resets_at.since(now));
            let limit = |name, unit, quota, remaining| Limit {
                name,
                quota,
                unit: Some(unit),
                window: days * 86_400,
                remaining,
                reset,
            };
            if let (Some(quota), Some(left)) = (standing.allowance.tokens, standing.tokens_left()) {
                self.note(limit(tokens, "tokens", quota, left));
            }
            if let (Some(quota), Some(left)) = (standing.allowance.money, standing.money_left()) {
                self.note(limit(money, "micro-usd", quota / MICRO_USD, left / MICRO_USD));
            }
        }
    }

    fn note(&self, limit: Limit) {
        let mut limits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        limits.retain(|other| other.name != limit.name);
        limits.push(limit);
    }

    /// Adds the fields to `response`, if the request learned anything.
    pub(super) fn on(&self, response: ApiResponse) -> ApiResponse {
        let limits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if limits.is_empty() {
            return response;
        }
        let list = |item: fn(&Limit) -> String| limits.iter().map(item).collect::<Vec<_>>().join(", ");
        response
            .with_header("ratelimit-policy", list(Limit::policy))
            .with_header("ratelimit", list(Limit::state))
    }
}

impl Limit {
    fn policy(&self) -> String {
        let Self { name, quota, unit, window, .. } = self;
        let unit = unit.map_or(String::new(), |unit| format!(";qu=\"{unit}\""));
        format!("\"{name}\";q={}{unit};w={window}", quota.min(&MAX_INTEGER))
    }

    fn state(&self) -> String {
        let Self { name, remaining, reset, .. } = self;
        format!("\"{name}\";r={};t={reset}", remaining.min(&MAX_INTEGER))
    }
}

fn ceil_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use std::num::{NonZeroU16, NonZeroU32};

    use bulkhead_stores::{Allowance, Amount};

    use super::*;

    fn fields(limits: &Limits) -> (Option<String>, Option<String>) {
        let mut response = limits.on(ApiResponse::no_content()).complete("r", None).headers;
        (response.remove("ratelimit-policy"), response.remove("ratelimit"))
    }

    #[test]
    fn fields_show_each_limit_once() {
        let limits = Limits::default();
        assert_eq!(fields(&limits), (None, None));
        let number = |n: u32| NonZeroU32::new(n).expect("not 0");
        let quota = Quota {
            in_flight: NonZeroU16::MIN,
            rate: number(25),
            burst: number(20),
            slot_lifetime: Duration::ZERO,
        };
        limits.note_rate(&quota, (19, Duration::from_millis(40)));
        let standing = |period, used| Standing {
            period,
            used: Amount { tokens: used, money: 1_500_000 },
            reserved: Amount::default(),
            allowance: Allowance { tokens: Some(100), money: Some(5_000_000) },
            resets_at: Timestamp(60_000_000),
        };
        for used in [10, 30] {
            let standings = [standing(Period::Day, used), standing(Period::Month, 200)];
            limits.note_budgets(&standings, Timestamp(500_000));
        }
        let (policy, state) = fields(&limits);
        assert_eq!(
            policy.as_deref(),
            Some(
                "\"rate\";q=20;w=1, \"daily-tokens\";q=100;qu=\"tokens\";w=86400, \
                 \"daily-money\";q=5;qu=\"micro-usd\";w=86400, \"monthly-tokens\";q=100;qu=\"tokens\";w=2678400, \
                 \"monthly-money\";q=5;qu=\"micro-usd\";w=2678400"
            )
        );
        assert_eq!(
            state.as_deref(),
            Some(
                "\"rate\";r=19;t=1, \"daily-tokens\";r=70;t=60, \"daily-money\";r=3;t=60, \
                 \"monthly-tokens\";r=0;t=60, \"monthly-money\";r=3;t=60"
            )
        );
    }
}
