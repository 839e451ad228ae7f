#![doc = include_str!("../README.md")]

mod extraction;
mod gateway;
mod s3;
mod sqs;
mod worker;

pub use extraction::{ExtractionAnswer, ExtractionRequest};
pub use gateway::{GatewayRequest, GatewayResponse};
pub use s3::ObjectCreated;
pub use sqs::{BatchAnswer, SqsAttributes, SqsBatch, SqsMessage};
pub use worker::{SchedulerRequest, SealedJob, StoredObject, Work, WorkerAnswer, WorkerRequest};
