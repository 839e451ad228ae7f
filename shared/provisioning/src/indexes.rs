use aws_sdk_s3vectors::operation::create_index::CreateIndexError;
use aws_sdk_s3vectors::types::{DataType, DistanceMetric, MetadataConfiguration};
use bulkhead_stores::{Platform, platform::control};
use bulkhead_tenancy::TenantScope;
use bulkhead_tenancy::names::Corpus;

use crate::{ProvisioningError, failed};

/// Metadata that holds a passage's sealed text: carried along, never filtered on.
const SEALED: &str = "sealed";

/// The tenants' vector indexes.
pub struct Indexes {
    s3vectors: aws_sdk_s3vectors::Client,
}

impl Indexes {
    /// Returns the indexes that `platform` reaches.
    pub fn new(platform: &Platform) -> Self {
        Self { s3vectors: aws_sdk_s3vectors::Client::new(control::sdk(platform)) }
    }

    /// Makes the tenant's index for `corpus` in `bucket`; that it exists already is no
    /// error. Dimension, metric and metadata keys of an index can never be changed.
    ///
    /// # Errors
    /// [`ProvisioningError`].
    pub async fn create(
        &self,
        scope: &TenantScope<'_>,
        bucket: &str,
        corpus: &Corpus,
        dimensions: u32,
    ) -> Result<(), ProvisioningError> {
        const OPERATION: &str = "create vector index";
        let metadata = MetadataConfiguration::builder()
            .non_filterable_metadata_keys(SEALED)
            .build()
            .map_err(|error| failed(OPERATION)(Box::new(error)))?;
        let made = self
            .s3vectors
            .create_index()
            .vector_bucket_name(bucket)
            .index_name(scope.vector_index(corpus).as_str())
            .data_type(DataType::Float32)
            .dimension(i32::try_from(dimensions).unwrap_or(i32::MAX))
            .distance_metric(DistanceMetric::Cosine)
            .metadata_configuration(metadata)
            .send()
            .await;
        match made {
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
