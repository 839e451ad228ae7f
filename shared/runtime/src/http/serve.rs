use bulkhead_events::{GatewayRequest, GatewayResponse};
use bulkhead_stores::TenantSession;
use bulkhead_tenancy::Invocation;
use lambda_runtime::{LambdaEvent, service_fn};
use tracing::Instrument;

use super::{ApiError, ApiRequest, ApiResponse};
use crate::TenantFunction;

/// The routes of a function. Called with the session of the tenant that asks, and never
/// without one.
pub trait Api: Sync {
    /// Answers a request.
    fn handle(
        &self,
        request: &ApiRequest,
        session: TenantSession<'_>,
    ) -> impl Future<Output = Result<ApiResponse, ApiError>> + Send;
}

/// Serves `api` until Lambda ends the process.
///
/// # Errors
/// Where the runtime's own interface fails.
pub async fn serve(function: TenantFunction, api: impl Api) -> Result<(), lambda_runtime::Error> {
    // Boxed: the compiler gives up on the layout of futures that lie so deep in each other.
    let answer = |event: LambdaEvent<GatewayRequest>| Box::pin(answer(&function, &api, event));
    lambda_runtime::run(service_fn(answer)).await
}

async fn answer(
    function: &TenantFunction,
    api: &impl Api,
    event: LambdaEvent<GatewayRequest>,
) -> Result<GatewayResponse, std::convert::Infallible> {
    let platform_tenant = event.context.tenant_id;
    let request = ApiRequest::new(event.payload);
    let span =
        tracing::info_span!("request", request_id = request.request_id(), tenant = tracing::field::Empty);
    let response = admit(function, api, &request, platform_tenant.as_deref())
        .instrument(span.clone())
        .await
        .unwrap_or_else(|error| error.into_response(request.request_id()));
    let (method, resource) = request.route();
    span.in_scope(|| tracing::info!(method, resource, status = response.status(), "answered"));
    Ok(response.complete(request.request_id()))
}

async fn admit(
    function: &TenantFunction,
    api: &impl Api,
    request: &ApiRequest,
    platform_tenant: Option<&str>,
) -> Result<ApiResponse, ApiError> {
    let invocation = Invocation::begin();
    let scope = function.admission().request(&invocation, request.authorizer_tenant(), platform_tenant)?;
    tracing::Span::current().record("tenant", scope.tenant().as_str());
    let clients = function.clients(&scope);
    api.handle(request, clients.session(&scope)?).await
}
