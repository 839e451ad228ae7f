//! Handlers of API keys.

use std::time::Duration;

use bulkhead_runtime::config::{self, ConfigError};
use bulkhead_runtime::http::documented::{
    ApiKeyIdText, BadRequest, Conflict, NotFound, TooLarge, Unprocessable, UnsupportedMediaType,
};
use bulkhead_runtime::http::{ApiError, ApiRequest, ApiResponse};
use bulkhead_stores::{ApiKeys, Created, MAX_API_KEYS, NewApiKey, Rotated, TenantSession, Timestamp, now};
use bulkhead_tenancy::names::ApiKeyId;

use crate::key_model::{CreateKey, Key, KeyList, KeyWithSecret, MAX_NAME, MAX_OVERLAP_SECONDS, RotateKey};

/// Maximum request body in bytes.
const MAX_BODY: usize = 4 * 1024;

/// Where the tenants' API keys are, and the stage that new keys name.
pub struct KeySettings {
    table: String,
    stage: String,
}

impl KeySettings {
    /// Returns the settings in the environment variables.
    pub fn from_env() -> Result<Self, ConfigError> {
        Ok(Self { table: config::required("API_KEYS_TABLE")?, stage: config::required("STAGE")? })
    }

    fn keys<'s>(&'s self, session: TenantSession<'s>) -> ApiKeys<'s> {
        ApiKeys::new(session, &self.table, &self.stage)
    }
}

/// Lists the tenant's API keys, without their secrets.
///
/// A tenant has at most 100 keys, so there is one page.
#[utoipa::path(
    get, path = "/v1/keys", operation_id = "listKeys", tag = "keys",
    responses((status = 200, body = KeyList, description = "The API keys"), (status = 400, response = BadRequest)),
)]
pub async fn list(
    request: &ApiRequest,
    session: TenantSession<'_>,
    settings: &KeySettings,
) -> Result<ApiResponse, ApiError> {
    request.only_query(&[])?;
    let mut keys = settings.keys(session).list().await?;
    keys.sort_by(|one, other| one.created_at.cmp(&other.created_at).then_with(|| one.id.cmp(&other.id)));
    Ok(ApiResponse::json(200, &KeyList { keys: keys.into_iter().map(Key::from).collect() }))
}

/// Creates an API key.
///
/// The answer contains the key with its secret, once: only a digest is stored. The maximum of 100 keys is exact, and
/// counts expired keys. If the answer is lost, delete the key and create another one.
#[utoipa::path(
    post, path = "/v1/keys", operation_id = "createKey", tag = "keys",
    request_body = CreateKey,
    responses(
        (status = 201, body = KeyWithSecret, description = "The key was created"),
        (status = 400, response = BadRequest),
        (status = 409, response = Conflict),
        (status = 413, response = TooLarge),
        (status = 415, response = UnsupportedMediaType),
        (status = 422, response = Unprocessable),
    ),
)]
pub async fn create(
    request: &ApiRequest,
    session: TenantSession<'_>,
    settings: &KeySettings,
) -> Result<ApiResponse, ApiError> {
    request.only_query(&[])?;
    let CreateKey { name, role, expires_at } = request.json(MAX_BODY)?;
    let new = NewApiKey {
        name: checked_name(&name)?,
        role,
        expires_at: expires_at.as_deref().map(expiry).transpose()?,
        created_by: request.subject().map(str::to_owned),
    };
    match settings.keys(session).create(new).await? {
        Created::Key(stored, key) => {
            Ok(ApiResponse::json(201, &KeyWithSecret::new(*stored, &key)).shown_once())
        }
        Created::TooMany => {
            Err(ApiError::Conflict(format!("a tenant has at most {MAX_API_KEYS} API keys: delete one first")))
        }
    }
}

/// Returns one API key, without its secret.
#[utoipa::path(
    get, path = "/v1/keys/{id}", operation_id = "getKey", tag = "keys",
    params(("id" = ApiKeyIdText, Path, description = "Id of the key")),
    responses(
        (status = 200, body = Key, description = "The API key"),
        (status = 400, response = BadRequest),
        (status = 404, response = NotFound),
    ),
)]
pub async fn get(
    request: &ApiRequest,
    session: TenantSession<'_>,
    settings: &KeySettings,
) -> Result<ApiResponse, ApiError> {
    request.only_query(&[])?;
    let id = request.path("id", ApiKeyId::parse)?;
    let found = settings.keys(session).get(&id).await?.ok_or(ApiError::NotFound("API key"))?;
    Ok(ApiResponse::json(200, &Key::from(found)))
}

/// Replaces the secret of an API key.
///
/// The answer contains the key with its new secret, once. The secret before works for `overlap_seconds` more, or ends at
/// once. An older secret ends at once. Each end takes effect within 60 seconds.
#[utoipa::path(
    post, path = "/v1/keys/{id}/rotate", operation_id = "rotateKey", tag = "keys",
    params(("id" = ApiKeyIdText, Path, description = "Id of the key")),
    request_body = RotateKey,
    responses(
        (status = 200, body = KeyWithSecret, description = "The key has a new secret"),
        (status = 400, response = BadRequest),
        (status = 404, response = NotFound),
        (status = 409, response = Conflict),
        (status = 413, response = TooLarge),
        (status = 415, response = UnsupportedMediaType),
    ),
)]
pub async fn rotate(
    request: &ApiRequest,
    session: TenantSession<'_>,
    settings: &KeySettings,
) -> Result<ApiResponse, ApiError> {
    request.only_query(&[])?;
    let id = request.path("id", ApiKeyId::parse)?;
    let RotateKey { overlap_seconds } = request.json(MAX_BODY)?;
    if overlap_seconds > MAX_OVERLAP_SECONDS {
        return Err(ApiError::BadRequest(format!(
            "`overlap_seconds` must be a whole number from 0 to {MAX_OVERLAP_SECONDS}"
        )));
    }
    match settings.keys(session).rotate(&id, Duration::from_secs(overlap_seconds.into())).await? {
        Rotated::Key(stored, key) => {
            Ok(ApiResponse::json(200, &KeyWithSecret::new(*stored, &key)).shown_once())
        }
        Rotated::Missing => Err(ApiError::NotFound("API key")),
        Rotated::Expired => Err(ApiError::Conflict("the API key has expired: create another one".to_owned())),
    }
}

/// Deletes an API key.
///
/// Its secrets are refused within 60 seconds.
#[utoipa::path(
    delete, path = "/v1/keys/{id}", operation_id = "deleteKey", tag = "keys",
    params(("id" = ApiKeyIdText, Path, description = "Id of the key")),
    responses(
        (status = 204, description = "The key was deleted"),
        (status = 400, response = BadRequest),
        (status = 404, response = NotFound),
        (status = 409, response = Conflict),
    ),
)]
pub async fn delete(
    request: &ApiRequest,
    session: TenantSession<'_>,
    settings: &KeySettings,
) -> Result<ApiResponse, ApiError> {
    request.only_query(&[])?;
    let id = request.path("id", ApiKeyId::parse)?;
    match settings.keys(session).delete(&id).await? {
        true => Ok(ApiResponse::no_content()),
        false => Err(ApiError::NotFound("API key")),
    }
}

fn checked_name(text: &str) -> Result<String, ApiError> {
    let name = text.trim();
    if name.is_empty() || text.chars().count() > MAX_NAME || text.chars().any(char::is_control) {
        return Err(ApiError::BadRequest(format!(
            "`name` must have 1 to {MAX_NAME} characters and no control characters"
        )));
    }
    Ok(name.to_owned())
}

/// Reads the time of expiry, rounded down to milliseconds.
///
/// # Errors
/// 400 for another form. 422 for the past, because a schema cannot exclude it.
fn expiry(text: &str) -> Result<Timestamp, ApiError> {
    let at: Timestamp =
        text.parse().map_err(|error| ApiError::BadRequest(format!("`expires_at`: {error}")))?;
    let at = Timestamp::from_milliseconds(at.as_milliseconds());
    if at <= now() {
        return Err(ApiError::Unprocessable("`expires_at` must be in the future".to_owned()));
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_expiry_is_in_the_future() {
        assert!(matches!(expiry("2020-01-01T00:00:00Z"), Err(ApiError::Unprocessable(_))));
        for refused in ["", "tomorrow", "2999-01-01", "2999-01-01T00:00:00", "4102444800"] {
            assert!(matches!(expiry(refused), Err(ApiError::BadRequest(_))), "{refused}");
        }
        let at = expiry("2999-01-01T01:00:00.0009+01:00").expect("a time");
        assert_eq!(at.to_string(), "2999-01-01T00:00:00.000Z");
    }

    #[test]
    fn a_name_is_short_and_visible() {
        assert_eq!(checked_name(" build server ").expect("a name"), "build server");
        for refused in ["", "  ", "a\nb", &"x".repeat(MAX_NAME + 1)] {
            assert!(checked_name(refused).is_err(), "{refused:?}");
        }
    }
}
