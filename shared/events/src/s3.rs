use serde::Deserialize;

/// EventBridge's "Object Created" event of S3. The key is not URL-encoded in it.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html>
#[derive(Debug, Clone, Deserialize)]
pub struct ObjectCreated {
    detail: Detail,
}

#[derive(Debug, Clone, Deserialize)]
struct Detail {
    bucket: Bucket,
    object: Object,
}

#[derive(Debug, Clone, Deserialize)]
struct Bucket {
    name: String,
}

#[derive(Debug, Clone, Deserialize)]
struct Object {
    key: String,
    #[serde(default)]
    size: u64,
}

impl ObjectCreated {
    /// Returns the name of the bucket.
    pub fn bucket(&self) -> &str {
        &self.detail.bucket.name
    }

    /// Returns the object's key.
    pub fn key(&self) -> &str {
        &self.detail.object.key
    }

    /// Returns the object's size in bytes.
    pub fn size(&self) -> u64 {
        self.detail.object.size
    }
}
