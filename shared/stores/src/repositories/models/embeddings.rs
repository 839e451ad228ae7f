//! Embeddings by the model of the tenant's corpus.
//!
//! Titan: <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html>.
//! Cohere: <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed.html>.

use aws_sdk_bedrockruntime::primitives::Blob;
use bulkhead_models::Provider;
use futures::StreamExt;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{ANSWER_WITHIN, Models, refused};
use crate::error::StoreError;
use crate::session::Profile;

const OPERATION: &str = "embed text";
/// Calls at the same time.
const CONCURRENT_EMBEDDINGS: usize = 8;
/// Texts of one call of an endpoint outside Bedrock, at most: those of one batch of passages.
const ENDPOINT_TEXTS: usize = 64;
/// Texts of one call of Cohere, at most.
const COHERE_TEXTS: usize = 96;
/// Characters of a text that Cohere Embed v3 takes, at most.
const COHERE_V3_CHARACTERS: usize = 2_048;

/// The embedding of a text: a vector of floats.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding(pub(crate) Vec<f32>);

impl Embedding {
    /// Returns the numbers.
    pub fn into_floats(self) -> Vec<f32> {
        self.0
    }
}

/// The embedding of a text, and what it cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedded {
    /// The embedding.
    pub vector: Embedding,
    /// Tokens of the text.
    pub tokens: u64,
}

/// What a text is in a search. Some models embed a question in another way than a passage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextPurpose {
    /// A passage to find.
    Passage,
    /// A question.
    Question,
}

/// The form of a model's requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Titan,
    CohereV3,
    CohereV4,
    Openai,
}

impl Form {
    /// Returns the form of the corpus's model. A Bedrock id may have the prefix of an inference profile.
    fn of(profile: &Profile) -> Self {
        let name = profile.embedding_name();
        match profile.embedding_provider {
            Provider::Openai => Self::Openai,
            Provider::Bedrock if name.contains("cohere.embed-v4") => Self::CohereV4,
            Provider::Bedrock if name.contains("cohere.embed-") => Self::CohereV3,
            Provider::Bedrock => Self::Titan,
        }
    }
}

impl Form {
    /// Returns how many texts one call embeds at most.
    fn texts(self) -> usize {
        match self {
            Self::Titan => 1,
            Self::CohereV3 | Self::CohereV4 => COHERE_TEXTS,
            Self::Openai => ENDPOINT_TEXTS,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TitanResponse {
    embedding: Vec<f32>,
    input_text_token_count: u64,
}

#[derive(Deserialize)]
struct CohereResponse {
    embeddings: CohereEmbeddings,
}

#[derive(Deserialize)]
struct CohereEmbeddings {
    float: Vec<Vec<f32>>,
}

#[derive(Deserialize)]
struct OpenaiResponse {
    data: Vec<OpenaiEmbedding>,
    usage: Option<OpenaiUsage>,
}

#[derive(Deserialize)]
struct OpenaiEmbedding {
    index: usize,
    embedding: Vec<f32>,
}

#[derive(Deserialize)]
struct OpenaiUsage {
    prompt_tokens: u64,
}

impl Models<'_> {
    /// Returns the id of the embedding model of the tenant's corpus.
    pub async fn embedding_model(&self) -> Result<String, StoreError> {
        Ok(self.session.profile().await?.embedding_model.clone())
    }

    /// Embeds `texts` with the model of the tenant's corpus, in order. Returns the result of each call with the number
    /// of its texts, because each call is billed.
    pub(crate) async fn embed_calls(
        &self,
        texts: &[String],
        purpose: TextPurpose,
    ) -> Result<Vec<(usize, Result<Vec<Embedded>, StoreError>)>, StoreError> {
        let profile = self.session.profile().await?;
        let form = Form::of(&profile);
        let mut calls = Vec::new();
        // Not a closure: the compiler cannot tell that its future is `Send`.
        for texts in texts.chunks(form.texts()) {
            calls.push(self.embed_call(&profile, form, texts, purpose));
        }
        Ok(futures::stream::iter(calls).buffered(CONCURRENT_EMBEDDINGS).collect().await)
    }

    async fn embed_call(
        &self,
        profile: &Profile,
        form: Form,
        texts: &[String],
        purpose: TextPurpose,
    ) -> (usize, Result<Vec<Embedded>, StoreError>) {
        let embedded = match form {
            Form::Titan => self.embed_with_titan(profile, texts).await,
            Form::CohereV3 | Form::CohereV4 => self.embed_with_cohere(profile, form, texts, purpose).await,
            Form::Openai => self.embed_at_endpoint(profile, texts).await,
        };
        let checked = embedded.and_then(|embedded| {
            if embedded.len() != texts.len() {
                return Err(StoreError::corrupt(
                    OPERATION,
                    "the number of embeddings differs from the texts",
                ));
            }
            let length = profile.dimensions as usize;
            if embedded.iter().any(|each| each.vector.0.len() != length) {
                let what = "the length of the embedding differs from the index";
                return Err(StoreError::corrupt(OPERATION, what));
            }
            Ok(embedded)
        });
        (texts.len(), checked)
    }

    async fn embed_with_titan(
        &self,
        profile: &Profile,
        texts: &[String],
    ) -> Result<Vec<Embedded>, StoreError> {
        let text = texts.first().ok_or_else(|| StoreError::corrupt(OPERATION, "no text"))?;
        let body = json!({"inputText": text, "dimensions": profile.dimensions, "normalize": true});
        let answer = self.invoke(profile, &body).await?;
        let answer: TitanResponse = read(answer.as_ref())?;
        Ok(vec![Embedded { vector: Embedding(answer.embedding), tokens: answer.input_text_token_count }])
    }

    async fn embed_with_cohere(
        &self,
        profile: &Profile,
        form: Form,
        texts: &[String],
        purpose: TextPurpose,
    ) -> Result<Vec<Embedded>, StoreError> {
        let answer = self.invoke(profile, &cohere(form, texts, purpose, profile.dimensions)).await?;
        let answer: CohereResponse = read(answer.as_ref())?;
        let vectors = answer.embeddings.float.into_iter().map(normalised);
        // The body of the answer has no count.
        let tokens = texts.iter().map(|text| estimated_tokens(text));
        Ok(vectors.zip(tokens).map(|(vector, tokens)| Embedded { vector, tokens }).collect())
    }

    async fn embed_at_endpoint(
        &self,
        profile: &Profile,
        texts: &[String],
    ) -> Result<Vec<Embedded>, StoreError> {
        let body = json!({
            "model": profile.embedding_name(),
            "input": texts,
            "encoding_format": "float",
            "user": self.session.pseudonym().as_str(),
        });
        let endpoint = self.endpoint(OPERATION)?;
        let answer: OpenaiResponse = endpoint.ask(OPERATION, "embeddings", &body, ANSWER_WITHIN).await?;
        let count = answer.data.len() as u64;
        let tokens = answer.usage.map_or(0, |usage| usage.prompt_tokens);
        let mut data = answer.data;
        data.sort_by_key(|each| each.index);
        let share = |n: u64| tokens / count + u64::from(n < tokens % count);
        let embedded = (0..)
            .zip(data)
            .map(|(n, each)| Embedded { vector: normalised(each.embedding), tokens: share(n) });
        Ok(embedded.collect())
    }

    async fn invoke(&self, profile: &Profile, body: &Value) -> Result<Blob, StoreError> {
        let answer = self
            .session
            .bedrock()
            .invoke_model()
            .model_id(profile.embedding_name())
            .content_type("application/json")
            .accept("application/json")
            .body(Blob::new(body.to_string()))
            .send()
            .await
            .or_else(|error| refused(OPERATION, error))?;
        Ok(answer.body)
    }
}

/// Returns the body of a request to Cohere's models. Version 4 has a length of the vectors, version 3 a maximum length
/// of the texts.
fn cohere(form: Form, texts: &[String], purpose: TextPurpose, dimensions: u32) -> Value {
    let input_type = match purpose {
        TextPurpose::Passage => "search_document",
        TextPurpose::Question => "search_query",
    };
    match form {
        Form::CohereV3 => {
            let cut = |text: &String| text.chars().take(COHERE_V3_CHARACTERS).collect::<String>();
            let texts: Vec<_> = texts.iter().map(cut).collect();
            json!({"texts": texts, "input_type": input_type, "truncate": "END", "embedding_types": ["float"]})
        }
        _ => json!({
            "texts": texts, "input_type": input_type, "embedding_types": ["float"],
            "output_dimension": dimensions,
        }),
    }
}

/// Returns about the tokens of a text: one for four characters.
fn estimated_tokens(text: &str) -> u64 {
    (text.chars().count() as u64).div_ceil(4)
}

/// Returns the vector with the length 1.
fn normalised(vector: Vec<f32>) -> Embedding {
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    if length > 0.0 {
        Embedding(vector.iter().map(|value| value / length).collect())
    } else {
        Embedding(vector)
    }
}

fn read<'b, T: Deserialize<'b>>(body: &'b [u8]) -> Result<T, StoreError> {
    serde_json::from_slice(body).map_err(|error| StoreError::corrupt(OPERATION, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cohere_embeds_questions_and_passages_in_different_ways() {
        let texts = ["x".repeat(3_000)];
        let passage = cohere(Form::CohereV3, &texts, TextPurpose::Passage, 1_024);
        assert_eq!(
            (&passage["input_type"], &passage["truncate"]),
            (&json!("search_document"), &json!("END"))
        );
        assert_eq!(passage["texts"][0].as_str().map(str::len), Some(2_048));
        assert!(passage.get("output_dimension").is_none());
        let question = cohere(Form::CohereV4, &texts, TextPurpose::Question, 512);
        assert_eq!(
            (&question["input_type"], &question["output_dimension"]),
            (&json!("search_query"), &json!(512))
        );
        assert_eq!(question["texts"][0].as_str().map(str::len), Some(3_000));
    }

    #[test]
    fn vectors_have_the_length_1() {
        assert_eq!(normalised(vec![3.0, 4.0]), Embedding(vec![0.6, 0.8]));
        assert_eq!(normalised(vec![0.0, 0.0]), Embedding(vec![0.0, 0.0]));
    }
}
