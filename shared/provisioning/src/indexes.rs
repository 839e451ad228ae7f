use aws_sdk_s3vectors::operation::create_index::CreateIndexError;
use aws_sdk_s3vectors::types::{
    DataType, DistanceMetric, EncryptionConfiguration, MetadataConfiguration, SseType,
};
use bulkhead_stores::{Platform, platform::control};
use bulkhead_tenancy::TenantScope;
use bulkhead_tenancy::names::Corpus;

use crate::{ProvisioningError, failed};

/// Metadata key of a passage's sealed text. Not filterable.
const SEALED: &str = "sealed";

/// The tenants' vector indexes.
pub struct Indexes {
    s3vectors: aws_sdk_s3vectors::Client,
}

/// The properties of a new index. S3 Vectors cannot change them later.
#[derive(Debug, Clone, Copy)]
pub struct NewIndex<'a> {
    /// Name of the vector bucket.
    pub bucket: &'a str,
    /// The corpus to index.
    pub corpus: &'a Corpus,
    /// Dimensions of the vectors.
    pub dimensions: u32,
    /// ARN of the tenant's own key, or `None` for the key of S3 Vectors. Not an alias: S3
    /// Vectors rejects aliases.
    pub key_arn: Option<&'a str>,
}

impl Indexes {
    /// Returns a client for the indexes of `platform`.
    pub fn new(platform: &Platform) -> Self {
        Self { s3vectors: aws_sdk_s3vectors::Client::new(control::sdk(platform)) }
    }

    /// Creates an index of the tenant. Succeeds if the index exists already.
    pub async fn create(&self, scope: &TenantScope<'_>, new: NewIndex<'_>) -> Result<(), ProvisioningError> {
        const OPERATION: &str = "create vector index";
        let metadata = MetadataConfiguration::builder()
            .non_filterable_metadata_keys(SEALED)
            .build()
            .map_err(|error| failed(OPERATION)(Box::new(error)))?;
        let encryption = new
            .key_arn
            .map(|arn| EncryptionConfiguration::builder().sse_type(SseType::AwsKms).kms_key_arn(arn).build());
        let created = self
            .s3vectors
            .create_index()
            .vector_bucket_name(new.bucket)
            .index_name(scope.vector_index(new.corpus).as_str())
            .data_type(DataType::Float32)
            .dimension(i32::try_from(new.dimensions).unwrap_or(i32::MAX))
            .distance_metric(DistanceMetric::Cosine)
            .metadata_configuration(metadata)
            .set_encryption_configuration(encryption)
            .send()
            .await;
        match created {
            Ok(_) => Ok(()),
            Err(error)
                if matches!(error.as_service_error(), Some(CreateIndexError::ConflictException(_))) =>
            {
                Ok(())
            }
            Err(error) => Err(failed(OPERATION)(Box::new(error))),
        }
    }
}
