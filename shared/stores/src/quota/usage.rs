//! What calls of models used: one record per day, route, model and prompt template.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use bulkhead_resilience::budget::{Amount, Day};
use bulkhead_tenancy::names::{ModelName, TemplateKey};
use serde::Deserialize;

use crate::error::{Classify, StoreError};
use crate::items::{self, Item, key_attributes};
use crate::repositories::models::Prompt;
use crate::session::TenantSession;
use crate::transaction::malformed;

/// How long a record stays after its day.
const KEEP_DAYS: i32 = 400;

/// Tokens that a call has at most beside those of its texts: the model's own instructions for the use of tools, and
/// marks of the beginning and the end. Anthropic documents some hundreds for tools.
/// <https://docs.claude.com/en/docs/agents-and-tools/tool-use/overview#pricing>
const PER_CALL: u64 = 1_024;
/// Tokens that mark a message, a part of a message or a tool, at most.
const PER_PART: u64 = 32;
/// Tokens that mark a text to embed, at most.
const PER_TEXT: u64 = 8;

/// What a model costs, in pico-US-dollars per token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenPrice {
    /// Of an input token.
    pub input: u64,
    /// Of an output token.
    pub output: u64,
}

/// A call of a model that counts against the budgets.
#[derive(Debug, Clone)]
pub struct Metered {
    /// The route, without `/v1/`.
    pub route: &'static str,
    /// The model.
    pub model: ModelName,
    /// The model that answers if the first one is not available.
    pub fallback: Option<ModelName>,
    /// The prompt template, if the request names one.
    pub template: Option<TemplateKey>,
    /// The most that the call can use.
    pub bound: Tokens,
}

/// Tokens of a call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tokens {
    /// What the model reads.
    pub input: u64,
    /// What the model writes.
    pub output: u64,
    /// Texts that were embedded.
    pub texts: u64,
}

/// What a call used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// The model refused the call, or was not called.
    Nothing,
    /// What the model reported.
    Reported(Tokens),
    /// The model may have worked, and reported nothing. The most that the call can use counts.
    Unknown,
}

/// What is added to the record of usage.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counted {
    tokens: Tokens,
    money: u64,
    calls: u64,
}

/// A record of usage.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct UsageRecord {
    /// The day in UTC, for example `2026-01-31`.
    pub usage_day: String,
    /// The route, without `/v1/`.
    pub route: String,
    /// The model.
    pub model: String,
    /// The prompt template; empty if the calls named none.
    #[serde(default)]
    pub template: String,
    /// Calls.
    #[serde(default)]
    pub calls: u64,
    /// Tokens that the model read.
    #[serde(default)]
    pub input_tokens: u64,
    /// Tokens that the model wrote.
    #[serde(default)]
    pub output_tokens: u64,
    /// Texts that were embedded.
    #[serde(default)]
    pub texts: u64,
    /// Price, pico-US-dollars.
    #[serde(default)]
    pub money: u64,
}

/// A tenant's records of usage.
pub struct UsageRecords<'s> {
    session: TenantSession<'s>,
}

impl Tokens {
    /// Returns the most tokens that `prompt` and its answer can have.
    ///
    /// A tokenizer that works on bytes makes at most one token of each byte, so the bytes of a text are a bound that no
    /// model exceeds, regardless of its vocabulary: <https://arxiv.org/abs/1909.03341>.
    pub fn of_prompt(prompt: &Prompt) -> Self {
        Self {
            input: prompt.bytes() + PER_CALL + PER_PART * prompt.parts(),
            output: prompt.max_tokens.into(),
            texts: 0,
        }
    }

    /// Returns the most tokens that the texts to embed can have.
    pub fn of_texts<'t>(texts: impl IntoIterator<Item = &'t str>) -> Self {
        texts.into_iter().fold(Self::default(), |sum, text| {
            let input = sum.input + text.len() as u64 + PER_TEXT;
            Self { input, output: 0, texts: sum.texts + 1 }
        })
    }

    /// Returns the sum of both.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            input: self.input.saturating_add(other.input),
            output: self.output.saturating_add(other.output),
            texts: self.texts.saturating_add(other.texts),
        }
    }

    fn cost(self, price: TokenPrice) -> u64 {
        let of = |tokens: u64, price: u64| tokens.saturating_mul(price);
        of(self.input, price.input).saturating_add(of(self.output, price.output))
    }
}

impl Metered {
    /// Returns what counts of `used` at `price`. Without a price only tokens count.
    pub(crate) fn counted(&self, used: Use, price: Option<TokenPrice>) -> Counted {
        let tokens = match used {
            Use::Nothing => return Counted { tokens: Tokens::default(), money: 0, calls: 0 },
            Use::Reported(tokens) => tokens,
            Use::Unknown => self.bound,
        };
        Counted { tokens, money: price.map_or(0, |price| tokens.cost(price)), calls: 1 }
    }
}

impl Counted {
    pub(crate) fn amount(&self) -> Amount {
        Amount { tokens: self.tokens.input.saturating_add(self.tokens.output), money: self.money }
    }

    pub(crate) fn exceeds(&self, reserved: &Amount) -> bool {
        let amount = self.amount();
        amount.tokens > reserved.tokens || amount.money > reserved.money
    }

    pub(crate) fn is_nothing(&self) -> bool {
        self.calls == 0
    }

    /// Returns the write that adds this to the record of `day`.
    pub(crate) fn write(
        &self,
        session: &TenantSession<'_>,
        day: Day,
        call: &Metered,
    ) -> Result<TransactWriteItem, StoreError> {
        let date = day.to_string();
        let key = session.scope().usage_record_key(&date, call.route, &call.model, call.template.as_ref());
        let text = |value: &str| AttributeValue::S(value.to_owned());
        let number = |value: u64| AttributeValue::N(value.to_string());
        let expires_at = day.plus(KEEP_DAYS).start().as_seconds();
        let update = Update::builder()
            .table_name(&session.settings().table)
            .set_key(Some(key_attributes(&key)))
            .update_expression(
                "SET usage_day = :day, #route = :route, #model = :model, #template = :template, \
                 expires_at = :expires ADD #calls :calls, #input :input, #output :output, #texts :texts, \
                 #money :money",
            )
            .expression_attribute_names("#route", "route")
            .expression_attribute_names("#model", "model")
            .expression_attribute_names("#template", "template")
            .expression_attribute_names("#calls", "calls")
            .expression_attribute_names("#input", "input_tokens")
            .expression_attribute_names("#output", "output_tokens")
            .expression_attribute_names("#texts", "texts")
            .expression_attribute_names("#money", "money")
            .expression_attribute_values(":day", text(&date))
            .expression_attribute_values(":route", text(call.route))
            .expression_attribute_values(":model", text(call.model.as_str()))
            .expression_attribute_values(
                ":template",
                text(call.template.as_ref().map_or("", TemplateKey::as_str)),
            )
            .expression_attribute_values(":expires", AttributeValue::N(expires_at.to_string()))
            .expression_attribute_values(":calls", number(self.calls))
            .expression_attribute_values(":input", number(self.tokens.input))
            .expression_attribute_values(":output", number(self.tokens.output))
            .expression_attribute_values(":texts", number(self.tokens.texts))
            .expression_attribute_values(":money", number(self.money))
            .build()
            .map_err(malformed)?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}

impl<'s> TenantSession<'s> {
    /// Returns the tenant's records of usage.
    pub fn usage_records(&self) -> UsageRecords<'s> {
        UsageRecords { session: *self }
    }
}

impl UsageRecords<'_> {
    /// Returns the records from the day `from` to the day `to`, in order of the days.
    ///
    /// Returns `None` if there are more than `limit`.
    pub async fn between(
        &self,
        from: Day,
        to: Day,
        limit: usize,
    ) -> Result<Option<Vec<UsageRecord>>, StoreError> {
        const OPERATION: &str = "read usage";
        let (first, last) = self.session.scope().usage_record_range(&from.to_string(), &to.to_string());
        let (mut records, mut start): (Vec<UsageRecord>, Option<Item>) = (vec![], None);
        loop {
            let text = |value: &str| AttributeValue::S(value.to_owned());
            let page = self
                .session
                .dynamodb()
                .query()
                .table_name(&self.session.settings().table)
                .key_condition_expression("pk = :partition AND sk BETWEEN :first AND :last")
                .expression_attribute_values(":partition", text(first.partition()))
                .expression_attribute_values(":first", text(first.sort()))
                .expression_attribute_values(":last", text(last.sort()))
                .set_exclusive_start_key(start)
                .consistent_read(true)
                .send()
                .await
                .during(OPERATION)?;
            for item in page.items.unwrap_or_default() {
                records.push(items::record(OPERATION, item)?);
            }
            start = page.last_evaluated_key;
            if records.len() > limit {
                return Ok(None);
            }
            if start.is_none() {
                return Ok(Some(records));
            }
        }
    }
}
