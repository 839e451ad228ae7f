//! `GET /v1/usage`.

use std::collections::{BTreeMap, BTreeSet};

use bulkhead_runtime::chain;
use bulkhead_runtime::http::documented::{BadRequest, Unprocessable};
use bulkhead_runtime::http::{ApiError, ApiRequest, ApiResponse};
use bulkhead_stores::{BudgetSettings, Day, Period, Standing, TenantSession, UsageRecord, money, now};
use serde::Serialize;
use utoipa::ToSchema;

/// Maximum days of a range.
const MAX_DAYS: i32 = 92;
/// Maximum records of a range. An answer has at most as many lines, of about 300 bytes, and Lambda limits it to 6 MB.
const MAX_RECORDS: usize = 15_000;

/// What the lines of usage are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    Day,
    Model,
    Template,
    Route,
}

impl Group {
    const ALL: [Self; 4] = [Self::Day, Self::Model, Self::Template, Self::Route];

    fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Model => "model",
            Self::Template => "template",
            Self::Route => "route",
        }
    }

    fn of(self, record: &UsageRecord) -> &str {
        match self {
            Self::Day => &record.usage_day,
            Self::Model => &record.model,
            Self::Template => &record.template,
            Self::Route => &record.route,
        }
    }
}

/// What the tenant's calls of models used.
#[derive(Debug, Serialize, ToSchema)]
pub struct UsageReport {
    /// The first day, in UTC.
    #[schema(example = "2026-01-01")]
    pub from: String,
    /// The last day, in UTC.
    #[schema(example = "2026-01-31")]
    pub to: String,
    /// One line per group that used anything, in order of the groups.
    pub usage: Vec<UsageLine>,
    /// The sum of the lines.
    pub total: UsageCounts,
    /// The budgets of the current day and month, with their use.
    pub budgets: Vec<BudgetState>,
}

/// What the calls of one group used. It has only the members that the lines are grouped by.
#[derive(Debug, Serialize, ToSchema)]
pub struct UsageLine {
    /// The day, in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-01-31")]
    pub day: Option<String>,
    /// What the provider calls the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Key of the prompt template; empty if the calls named none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// The route without `/v1/`; `documents` for the indexing of documents.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "inference")]
    pub route: Option<String>,
    /// The counts.
    #[serde(flatten)]
    pub counts: UsageCounts,
}

/// Counts of usage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct UsageCounts {
    /// Calls of models. A batch of texts to embed is one.
    pub calls: u64,
    /// Tokens that models read.
    pub input_tokens: u64,
    /// Tokens that models wrote.
    pub output_tokens: u64,
    /// Texts that were embedded.
    pub texts: u64,
    /// The price in US dollars, exact. Calls of a model without a price cost 0.
    #[schema(example = "0.0123")]
    pub usd: String,
}

/// The budgets of one period.
#[derive(Debug, Serialize, ToSchema)]
pub struct BudgetState {
    /// `day` or `month`, in UTC.
    #[schema(example = "day")]
    pub period: &'static str,
    /// When the period ends.
    #[schema(example = "2026-02-01T00:00:00.000Z")]
    pub resets_at: String,
    /// The budget in tokens.
    pub tokens: TokenBudget,
    /// The budget in money.
    pub usd: MoneyBudget,
}

/// A budget in tokens.
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenBudget {
    /// The limit; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// What calls used.
    pub used: u64,
    /// What calls in flight reserve. They give back what they do not use.
    pub reserved: u64,
    /// What is left; absent without a limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remaining: Option<u64>,
}

/// A budget in US dollars, as decimal text.
#[derive(Debug, Serialize, ToSchema)]
pub struct MoneyBudget {
    /// The limit; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "5")]
    pub limit: Option<String>,
    /// What calls used.
    #[schema(example = "1.25")]
    pub used: String,
    /// What calls in flight reserve. They give back what they do not use.
    #[schema(example = "0")]
    pub reserved: String,
    /// What is left; absent without a limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "3.75")]
    pub remaining: Option<String>,
}

/// Sums of records.
#[derive(Debug, Default, Clone, Copy)]
struct Sums {
    calls: u64,
    input_tokens: u64,
    output_tokens: u64,
    texts: u64,
    money: u64,
}

/// A day of a query.
#[derive(Debug, ToSchema)]
#[schema(as = Day, format = "date", pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$", max_length = 10, example = "2026-01-31")]
#[expect(dead_code, reason = "only its attributes are read")]
pub struct DayText(String);

/// One or more of `day`, `model`, `template` and `route`, separated by commas. Each at most once.
#[derive(Debug, ToSchema)]
#[schema(
    as = UsageGroups,
    pattern = "^(day|model|template|route)(,(day|model|template|route)){0,3}$",
    max_length = 200,
    example = "day,model"
)]
#[expect(dead_code, reason = "only its attributes are read")]
pub struct GroupsText(String);

/// Returns what the tenant's calls of models used, and its budgets.
///
/// Each day is a day in UTC. With `Accept: text/csv` the answer is the lines as CSV, without the budgets. A call counts on
/// the day on which it started. Records are kept for 400 days.
#[utoipa::path(
    get, path = "/v1/usage", operation_id = "getUsage", tag = "service",
    params(
        ("from" = Option<DayText>, Query, description = "First day. Default: the first day of this month"),
        ("to" = Option<DayText>, Query, description = "Last day, at most 92 days after `from`. Default: today"),
        ("group_by" = Option<GroupsText>, Query, description = "What each line is about. Default: `day`"),
    ),
    responses(
        (status = 200, description = "The usage", content(
            (UsageReport = "application/json"),
            (String = "text/csv"),
        )),
        (status = 400, response = BadRequest),
        (status = 422, response = Unprocessable),
    ),
)]
pub async fn get(
    request: &ApiRequest,
    session: TenantSession<'_>,
    budgets: &BudgetSettings,
) -> Result<ApiResponse, ApiError> {
    request.only_query(&["from", "to", "group_by"])?;
    let today = Day::of(now());
    let to = request.query("to", str::parse::<Day>)?.unwrap_or(today);
    let from = request.query("from", str::parse::<Day>)?.unwrap_or_else(|| to.first_of_month());
    let groups = ordered(request.query("group_by", groups)?.unwrap_or_else(|| vec![Group::Day]))?;
    if from > to {
        return Err(ApiError::Unprocessable(format!("`from` ({from}) must not be after `to` ({to})")));
    }
    if from.plus(MAX_DAYS) <= to {
        return Err(ApiError::Unprocessable(format!("`from` and `to` must span at most {MAX_DAYS} days")));
    }
    let Some(records) = session.usage_records().between(from, to, MAX_RECORDS).await? else {
        let detail = format!("the range has more than {MAX_RECORDS} records of usage: ask for fewer days");
        return Err(ApiError::Unprocessable(detail));
    };
    let lines = grouped(&records, &groups);
    if wants_csv(request.header("accept").unwrap_or_default()) {
        return Ok(ApiResponse::csv(csv(&lines, &groups)?));
    }
    let standings = session.budgets(budgets).standings().await?;
    request.limits().note_budgets(&standings, now());
    let total = records.iter().fold(Sums::default(), |sums, record| sums.plus(record)).into();
    let report = UsageReport {
        from: from.to_string(),
        to: to.to_string(),
        usage: lines,
        total,
        budgets: standings.iter().map(BudgetState::from).collect(),
    };
    Ok(ApiResponse::json(200, &report))
}

/// Reads `group_by`.
fn groups(text: &str) -> Result<Vec<Group>, &'static str> {
    let named = |name: &str| Group::ALL.into_iter().find(|group| group.as_str() == name);
    let groups: Option<Vec<_>> = text.split(',').map(named).collect();
    let is_short = |groups: &Vec<_>| groups.len() <= Group::ALL.len();
    let rule = "send one to four of `day`, `model`, `template` and `route`, separated by commas";
    groups.filter(is_short).ok_or(rule)
}

/// Puts the groups into the order of the columns.
///
/// # Errors
/// 422 if a group is repeated.
fn ordered(groups: Vec<Group>) -> Result<Vec<Group>, ApiError> {
    let count = groups.len();
    let groups: BTreeSet<_> = groups.into_iter().collect();
    match groups.len() == count {
        true => Ok(groups.into_iter().collect()),
        false => Err(ApiError::Unprocessable("`group_by` must name each group at most once".to_owned())),
    }
}

fn grouped(records: &[UsageRecord], groups: &[Group]) -> Vec<UsageLine> {
    let mut sums: BTreeMap<Vec<&str>, Sums> = BTreeMap::new();
    for record in records {
        let key = groups.iter().map(|group| group.of(record)).collect();
        let entry = sums.entry(key).or_default();
        *entry = entry.plus(record);
    }
    sums.into_iter()
        .map(|(key, sums)| {
            let value = |group: Group| {
                let at = groups.iter().position(|each| *each == group)?;
                key.get(at).map(|text| (*text).to_owned())
            };
            UsageLine {
                day: value(Group::Day),
                model: value(Group::Model),
                template: value(Group::Template),
                route: value(Group::Route),
                counts: sums.into(),
            }
        })
        .collect()
}

/// Returns whether `Accept` prefers CSV: it names `text/csv`, and no JSON before it.
fn wants_csv(accept: &str) -> bool {
    let types = accept.split(',').map(|each| each.split(';').next().unwrap_or_default().trim());
    types.into_iter().find(|name| ["text/csv", "application/json", "*/*"].contains(name)) == Some("text/csv")
}

fn csv(lines: &[UsageLine], groups: &[Group]) -> Result<String, ApiError> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(vec![]);
    let fault = |error: &dyn std::error::Error| {
        tracing::error!(error = chain(error), "usage not writable as CSV");
        ApiError::Fault
    };
    let names = groups.iter().map(|group| group.as_str());
    let counts = ["calls", "input_tokens", "output_tokens", "texts", "usd"];
    writer.write_record(names.chain(counts)).map_err(|error| fault(&error))?;
    for line in lines {
        let UsageLine { day, model, template, route, counts } = line;
        let values = [day, model, template, route].into_iter().flatten().cloned();
        let UsageCounts { calls, input_tokens, output_tokens, texts, usd } = counts;
        let numbers = [calls, input_tokens, output_tokens, texts].map(u64::to_string);
        writer.write_record(values.chain(numbers).chain([usd.clone()])).map_err(|error| fault(&error))?;
    }
    let bytes = writer.into_inner().map_err(|error| fault(&error))?;
    String::from_utf8(bytes).map_err(|error| fault(&error))
}

impl Sums {
    fn plus(self, record: &UsageRecord) -> Self {
        Self {
            calls: self.calls.saturating_add(record.calls),
            input_tokens: self.input_tokens.saturating_add(record.input_tokens),
            output_tokens: self.output_tokens.saturating_add(record.output_tokens),
            texts: self.texts.saturating_add(record.texts),
            money: self.money.saturating_add(record.money),
        }
    }
}

impl From<Sums> for UsageCounts {
    fn from(sums: Sums) -> Self {
        let Sums { calls, input_tokens, output_tokens, texts, money } = sums;
        Self { calls, input_tokens, output_tokens, texts, usd: money::usd(money) }
    }
}

impl From<&Standing> for BudgetState {
    fn from(standing: &Standing) -> Self {
        let Standing { period, used, reserved, allowance, resets_at } = standing;
        Self {
            period: match period {
                Period::Day => "day",
                Period::Month => "month",
            },
            resets_at: resets_at.to_string(),
            tokens: TokenBudget {
                limit: allowance.tokens,
                used: used.tokens,
                reserved: reserved.tokens,
                remaining: standing.tokens_left(),
            },
            usd: MoneyBudget {
                limit: allowance.money.map(money::usd),
                used: money::usd(used.money),
                reserved: money::usd(reserved.money),
                remaining: standing.money_left().map(money::usd),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(day: &str, model: &str, template: &str, calls: u64) -> UsageRecord {
        UsageRecord {
            usage_day: day.into(),
            route: "inference".into(),
            model: model.into(),
            template: template.into(),
            calls,
            input_tokens: 10 * calls,
            output_tokens: calls,
            texts: 0,
            money: 1_000_000 * calls,
        }
    }

    fn by(text: &str) -> Vec<Group> {
        ordered(groups(text).expect("groups")).expect("no repetition")
    }

    #[test]
    fn lines_are_sums_of_their_group() {
        let records = [
            record("2026-01-01", "a", "x", 1),
            record("2026-01-01", "a", "", 2),
            record("2026-01-02", "b", "x", 4),
        ];
        let calls = |text: &str| {
            let lines = grouped(&records, &by(text));
            lines.iter().map(|line| line.counts.calls).collect::<Vec<_>>()
        };
        assert_eq!(calls("day"), [3, 4]);
        assert_eq!(calls("template"), [2, 5]);
        assert_eq!(calls("route"), [7]);
        assert_eq!(calls("template,day"), [2, 1, 4]);
        assert!(ordered(groups("day,day").expect("groups")).is_err());
        for refused in ["", "tenant", "day, model", "day,day,day,day,day"] {
            assert!(groups(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn csv_has_the_columns_of_its_groups() {
        let records = [record("2026-01-01", "a,b", "x", 2)];
        let by = by("model,day");
        let text = csv(&grouped(&records, &by), &by).expect("CSV");
        assert_eq!(
            text,
            "day,model,calls,input_tokens,output_tokens,texts,usd\r\n2026-01-01,\"a,b\",2,20,2,0,0.000002\r\n"
        );
    }

    #[test]
    fn accept_chooses_the_form() {
        for (accept, csv) in [
            ("text/csv", true),
            ("text/csv;q=0.9, */*", true),
            ("application/json, text/csv", false),
            ("*/*", false),
            ("", false),
            ("text/csvx", false),
        ] {
            assert_eq!(wants_csv(accept), csv, "{accept}");
        }
    }
}
