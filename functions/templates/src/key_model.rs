//! Request and response bodies of API keys.

use bulkhead_runtime::http::documented::{ApiKeyIdText, RoleText};
use bulkhead_runtime::http::fields::whole;
use bulkhead_stores::{ApiKey, StoredApiKey};
use bulkhead_tenancy::Role;
use bulkhead_tenancy::names::ApiKeyId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Maximum length of a name in characters.
pub const MAX_NAME: usize = 100;
/// Longest time that a replaced secret still works: a day.
pub const MAX_OVERLAP_SECONDS: u32 = 86_400;

/// An API key to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateKey {
    /// What uses the key, for people.
    #[schema(
        example = "Build server",
        min_length = 1,
        max_length = 100,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
    )]
    pub name: String,
    /// What a caller with this key may do.
    #[schema(value_type = RoleText)]
    pub role: Role,
    /// When the key stops working, RFC 3339, in the future. Default: never.
    #[schema(format = DateTime, example = "2030-01-31T09:30:00Z")]
    pub expires_at: Option<String>,
}

/// How to replace the secret of an API key.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateKey {
    /// For how long the secret before still works, in seconds, at most a day. Default: 0, it ends at once.
    #[serde(default, deserialize_with = "whole")]
    #[schema(minimum = 0, maximum = 86_400, default = 0)]
    pub overlap_seconds: u32,
}

/// An API key, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct Key {
    /// Id of the key. It is a part of the key and no secret.
    #[schema(value_type = ApiKeyIdText)]
    pub id: ApiKeyId,
    /// What uses the key, for people.
    pub name: String,
    /// What a caller with this key may do.
    #[schema(value_type = RoleText)]
    pub role: Role,
    /// Time of the creation, RFC 3339.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// Who created the key: the subject of the token, or `key:<id>`. `null` if the token named no subject.
    pub created_by: Option<String>,
    /// When the key stops working, RFC 3339; `null`: never.
    #[schema(format = DateTime)]
    pub expires_at: Option<String>,
    /// When the secret was last replaced, RFC 3339; `null`: never.
    #[schema(format = DateTime)]
    pub rotated_at: Option<String>,
    /// Until when the secret before still works, RFC 3339; `null`: it does not.
    #[schema(format = DateTime)]
    pub previous_until: Option<String>,
}

/// The API keys of the tenant, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeyList {
    /// The API keys.
    #[schema(max_items = 100)]
    pub keys: Vec<Key>,
}

/// An API key with its secret. The service cannot show the secret again.
#[derive(Serialize, ToSchema)]
pub struct KeyWithSecret {
    /// The key's other properties.
    #[serde(flatten)]
    pub about: Key,
    /// The key to send as `Authorization: Bearer <key>`.
    #[schema(
        pattern = "^bk_[a-z][a-z0-9]{1,11}_[a-z0-9]{16,32}_[0-9a-f]{16}_[0-9a-f]{72}$",
        max_length = 160
    )]
    pub key: String,
}

impl KeyWithSecret {
    /// Returns the answer that shows `key` once.
    pub fn new(stored: StoredApiKey, key: &ApiKey) -> Self {
        Self { about: Key::from(stored), key: key.expose().to_owned() }
    }
}

impl From<StoredApiKey> for Key {
    fn from(stored: StoredApiKey) -> Self {
        Self {
            id: stored.id,
            name: stored.name,
            role: stored.role,
            created_at: stored.created_at.to_string(),
            created_by: stored.created_by,
            expires_at: stored.expires_at.map(|at| at.to_string()),
            rotated_at: stored.rotated_at.map(|at| at.to_string()),
            previous_until: stored.previous_until.map(|at| at.to_string()),
        }
    }
}
