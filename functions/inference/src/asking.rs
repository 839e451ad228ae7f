//! Makes a request ready for the model: instructions, passages, prompt.

use bulkhead_models::{Choice, Model, Offer};
use bulkhead_rendering::Renderer;
use bulkhead_runtime::http::{ApiError, ApiRequest};
use bulkhead_stores::{
    Answer, AnswerStream, Match, Profile, Prompt, Reserved, Search, TenantSession, Timestamp, now,
};
use bulkhead_tenancy::names::InferenceId;

use crate::choice::{self, Needs};
use crate::conversation::Conversation;
use crate::generation::Generation;
use crate::metering::Meter;
use crate::model::{ChatMessage, TemplateVersion, Usage};
use crate::prompt::{self, Contents, Mark};
use crate::records::{self, Completed};
use crate::retrieval;
use crate::template::{self, Wanted};

/// What a request asks.
pub(crate) struct Question {
    /// The model that the request names.
    pub(crate) model: Option<String>,
    /// Whether the answer comes in parts.
    pub(crate) streamed: bool,
    pub(crate) instructions: Instructions,
    /// The messages of the request.
    pub(crate) messages: Vec<ChatMessage>,
    /// The same, as a model takes them.
    pub(crate) conversation: Conversation,
    /// The passages to use; `None` if the request wants none.
    pub(crate) search: Option<Search>,
    pub(crate) generation: Generation,
    /// Whether the record keeps the messages and the answer.
    pub(crate) store: bool,
}

/// The instructions of a request: a prompt template, a text, both or neither.
pub(crate) struct Instructions {
    pub(crate) template: Option<Wanted>,
    pub(crate) text: String,
}

/// A request, ready for the model.
pub(crate) struct Asked<'r> {
    pub(crate) id: InferenceId,
    /// When the request was ready for the model.
    pub(crate) created_at: Timestamp,
    /// The version of the prompt template, if the request named a prompt template.
    pub(crate) template: Option<TemplateVersion>,
    /// SHA-256 of the instructions, hexadecimal.
    pub(crate) prompt_sha256: String,
    /// The models of the answer.
    pub(crate) choice: Choice<'r>,
    pub(crate) prompt: Prompt,
    pub(crate) generation: Generation,
    pub(crate) found: Vec<Match>,
    created_by: Option<&'r str>,
    /// The messages, if the record keeps them.
    stored: Option<Vec<ChatMessage>>,
}

impl<'r> Asked<'r> {
    /// Asks for the whole answer. Reserves the most that it can cost, and settles what it used.
    ///
    /// # Errors
    /// 429 if a budget has no room; 422 if a budget is in money and the model has no price; those of the model.
    pub(crate) async fn answer(
        &self,
        session: TenantSession<'_>,
        meter: Meter<'_>,
    ) -> Result<(Answer, &'r Model), ApiError> {
        let reserved = self.reserve(meter).await?;
        let answer = session.models().answer(&reserved, self.choice, &self.prompt).await;
        meter.settle(reserved, &answer).await;
        Ok(answer?)
    }

    /// Asks for an answer in parts, with the model that writes it. The caller settles the reservation with the stream.
    ///
    /// # Errors
    /// As those of [`Self::answer`].
    pub(crate) async fn stream(
        &self,
        session: TenantSession<'_>,
        meter: Meter<'_>,
    ) -> Result<(AnswerStream, &'r Model, Reserved), ApiError> {
        let reserved = self.reserve(meter).await?;
        match session.models().stream(&reserved, self.choice, &self.prompt).await {
            Ok((writing, model)) => Ok((writing, model, reserved)),
            Err(error) => {
                meter.settle_unanswered(reserved, &error).await;
                Err(error.into())
            }
        }
    }

    async fn reserve(&self, meter: Meter<'_>) -> Result<Reserved, ApiError> {
        let template = self.template.as_ref().map(|template| template.key.as_str());
        meter.reserve(self.choice, template, &self.prompt).await
    }

    /// Returns the record of the inference.
    pub(crate) fn record<'a>(&'a self, answered: &'a Model, answer: &'a Answer) -> Completed<'a> {
        Completed {
            created_by: self.created_by,
            template: self.template.as_ref(),
            prompt_sha256: &self.prompt_sha256,
            model: answered.id.as_str(),
            fallback_for: self.fallback_for(answered),
            usage: Usage::of(answer),
            passages: &self.found,
            answer,
            stored: self.stored.as_deref(),
        }
    }

    /// Returns the name of the chosen model, if another one answered.
    pub(crate) fn fallback_for(&self, answered: &Model) -> Option<&str> {
        let chosen = &self.choice.model.id;
        (*chosen != answered.id).then_some(chosen.as_str())
    }
}

/// Renders the prompt template of a question and finds its passages.
///
/// # Errors
/// 422 if the tenant may not use the model, if the model cannot do what the question needs, or if the conversation has
/// calls of tools and the question has no tools; those of rendering and of the search.
pub(crate) async fn ask<'r>(
    request: &'r ApiRequest,
    session: TenantSession<'_>,
    meter: Meter<'_>,
    offer: &'r Offer,
    renderer: &Renderer,
    profile: &'r Profile,
    question: Question,
) -> Result<Asked<'r>, ApiError> {
    let Question { model, streamed, instructions, messages, conversation, search, generation, store } =
        question;
    let needs = Needs { generation: &generation, streamed };
    let choice = choice::choose(offer, &profile.models, model.as_deref(), &needs)?;
    if conversation.has_calls() && (generation.tools.is_empty() || generation.wants_output()) {
        return Err(ApiError::Unprocessable(
            "`messages` with calls of tools need the same `tools`".to_owned(),
        ));
    }
    let (template, instructions, prompt_sha256, conversation) = match instructions {
        Instructions { template: None, text } => {
            let sha256 = prompt::sha256(&text);
            (None, text, sha256, conversation)
        }
        Instructions { template: Some(wanted), text } => {
            let rendered = template::render(session, renderer, wanted).await?;
            let with_text = |own: String| if text.is_empty() { own } else { format!("{own}\n\n{text}") };
            let sha256 = prompt::sha256(&with_text(rendered.text));
            let conversation = conversation.after(rendered.turns);
            (Some(rendered.template), with_text(rendered.instructions), sha256, conversation)
        }
    };
    let found = match search {
        Some(search) => Some(retrieval::passages(session, meter, &conversation.question, search).await?),
        None => None,
    };
    let mark = Mark::random().ok_or(ApiError::Fault)?;
    let pseudonym = session.pseudonym();
    let contents = Contents { tenant: &pseudonym, instructions, passages: found.as_deref(), conversation };
    Ok(Asked {
        id: records::new_id()?,
        created_at: now(),
        template,
        prompt_sha256,
        choice,
        prompt: prompt::build(contents, &generation, &mark),
        generation,
        found: found.unwrap_or_default(),
        created_by: request.subject(),
        stored: store.then_some(messages),
    })
}
