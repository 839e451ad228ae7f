//! Counts the calls of models against the tenant's budgets.

use bulkhead_models::{Choice, Model};
use bulkhead_runtime::chain;
use bulkhead_runtime::http::{ApiError, ApiRequest};
use bulkhead_stores::{
    Answer, AnswerStream, BudgetSettings, Embedded, Metered, Prompt, Reserved, StoreError, TenantSession,
    TextPurpose, Tokens, Use, now,
};
use bulkhead_tenancy::names::{ModelName, TemplateKey};

/// The meter of one request.
#[derive(Clone, Copy)]
pub(crate) struct Meter<'r> {
    request: &'r ApiRequest,
    session: TenantSession<'r>,
    settings: &'r BudgetSettings,
    /// The route, without `/v1/`.
    route: &'static str,
}

impl<'r> Meter<'r> {
    pub(crate) fn new(
        request: &'r ApiRequest,
        session: TenantSession<'r>,
        settings: &'r BudgetSettings,
        route: &'static str,
    ) -> Self {
        Self { request, session, settings, route }
    }

    /// Reserves the most that an answer to `prompt` can cost.
    ///
    /// # Errors
    /// 429 if a budget has no room; 422 if a budget is in money and the model has no price.
    pub(crate) async fn reserve(
        &self,
        choice: Choice<'_>,
        template: Option<&str>,
        prompt: &Prompt,
    ) -> Result<Reserved, ApiError> {
        let name = |error: &dyn std::fmt::Display| StoreError::corrupt("reserve budget", error.to_string());
        let model = |model: &Model| ModelName::parse(model.id.as_str()).map_err(|error| name(&error));
        let call = Metered {
            route: self.route,
            model: model(choice.model)?,
            fallback: choice.fallback.map(model).transpose()?,
            template: template.map(TemplateKey::parse).transpose().map_err(|error| name(&error))?,
            bound: Tokens::of_prompt(prompt),
        };
        let reserved = self.session.budgets(self.settings).reserve(call).await;
        self.note().await;
        Ok(reserved??)
    }

    /// Settles a whole answer.
    pub(crate) async fn settle(&self, reserved: Reserved, answer: &Result<(Answer, &Model), StoreError>) {
        match answer {
            Ok((answer, model)) => {
                let used = reported(answer.input_tokens, answer.output_tokens);
                self.settle_use(reserved.answered_by(model.id.as_str()), used).await;
            }
            Err(error) => self.settle_use(reserved, unanswered(error)).await,
        }
    }

    /// Settles an answer in parts that has no first part.
    pub(crate) async fn settle_unanswered(&self, reserved: Reserved, error: &StoreError) {
        self.settle_use(reserved, unanswered(error)).await;
    }

    /// Settles an answer in parts, complete or broken off. Without a report the most that it can cost counts: the model
    /// may have written more than arrived.
    pub(crate) async fn settle_stream(&self, reserved: Reserved, answers: &Model, stream: &AnswerStream) {
        let used = stream.tokens().map_or(Use::Unknown, |(input, output)| reported(input, output));
        self.settle_use(reserved.answered_by(answers.id.as_str()), used).await;
    }

    /// Embeds `texts`.
    ///
    /// # Errors
    /// As those of [`Self::reserve`], and those of the model.
    pub(crate) async fn embed(
        &self,
        texts: &[String],
        purpose: TextPurpose,
    ) -> Result<Vec<Embedded>, ApiError> {
        let embedded = self.session.budgets(self.settings).embed(self.route, texts, purpose).await;
        self.note().await;
        Ok(embedded??)
    }

    async fn settle_use(&self, reserved: Reserved, used: Use) {
        self.session.budgets(self.settings).settle_or_log(reserved, used).await;
        self.note().await;
    }

    /// Notes the budgets for the answer.
    async fn note(&self) {
        match self.session.budgets(self.settings).last_standings().await {
            Ok(standings) => self.request.limits().note_budgets(&standings, now()),
            Err(error) => tracing::warn!(error = chain(&error), "budgets not noted"),
        }
    }
}

fn reported(input: u64, output: u64) -> Use {
    Use::Reported(Tokens { input, output, texts: 0 })
}

fn unanswered(error: &StoreError) -> Use {
    if error.may_be_billed() { Use::Unknown } else { Use::Nothing }
}
