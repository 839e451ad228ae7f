use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use bulkhead_events::{GatewayRequest, GatewayResponse};
use bulkhead_stores::{Cap, TenantSession};
use bulkhead_tenancy::{Invocation, TenantId};
use lambda_runtime::{Context, LambdaEvent, service_fn};
use tracing::Instrument;

use super::{ApiError, ApiRequest, ApiResponse};
use crate::metrics::{self, About, Answered};
use crate::{TenantFunction, chain, config};

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

/// Serves `api` until Lambda ends the process. Every call is admitted, takes one of its
/// tenant's places, and gives it back.
///
/// # Errors
/// Where the environment is not as it should be, or the runtime's own interface fails.
pub async fn serve(function: TenantFunction, api: impl Api) -> Result<(), lambda_runtime::Error> {
    let cors_origin = config::optional("CORS_ORIGIN");
    let server = Server { function, api, cap: config::cap()?, cors_origin, cold: AtomicBool::new(true) };
    // Boxed: the compiler gives up on the layout of futures that lie so deep in each other.
    let answer = |event: LambdaEvent<GatewayRequest>| Box::pin(server.answer(event));
    lambda_runtime::run(service_fn(answer)).await
}

struct Server<A> {
    function: TenantFunction,
    api: A,
    cap: Cap,
    cors_origin: Option<String>,
    /// Nothing has been answered yet.
    cold: AtomicBool,
}

impl<A: Api> Server<A> {
    async fn answer(
        &self,
        event: LambdaEvent<GatewayRequest>,
    ) -> Result<GatewayResponse, std::convert::Infallible> {
        let started = Instant::now();
        let cold_start = self.cold.swap(false, Ordering::Relaxed);
        let LambdaEvent { payload, context, .. } = event;
        let request = ApiRequest::new(payload);
        let span = tracing::info_span!(
            "request",
            request_id = request.request_id(),
            tier = config::tier(),
            tenant = tracing::field::Empty
        );
        let (tenant, outcome) = self.admit(&request, &context).instrument(span.clone()).await;
        let about = About { tenant: tenant.as_ref(), request_id: Some(request.request_id()) };
        let response = outcome.unwrap_or_else(|error| span.in_scope(|| error.into_response(about)));
        let (method, resource) = request.route();
        metrics::answered(&Answered {
            request_id: request.request_id(),
            tenant: tenant.as_ref(),
            method,
            resource,
            status: response.status(),
            duration: started.elapsed(),
            cold_start,
            trace: context.xray_trace_id.as_deref(),
        });
        Ok(response.complete(request.request_id(), self.cors_origin.as_deref()))
    }

    /// Answers for the tenant that the request establishes, which is named where it does.
    async fn admit(
        &self,
        request: &ApiRequest,
        context: &Context,
    ) -> (Option<TenantId>, Result<ApiResponse, ApiError>) {
        let invocation = Invocation::begin();
        let platform = context.tenant_id.as_deref();
        let admission = self.function.admission();
        let scope = match admission.request(&invocation, request.authorizer_tenant(), platform) {
            Ok(scope) => scope,
            Err(refusal) => return (None, Err(refusal.into())),
        };
        tracing::Span::current().record("tenant", scope.tenant().as_str());
        let clients = self.function.clients(&scope);
        let outcome = match clients.session(&scope) {
            Ok(session) => self.hold(request, session).await,
            Err(error) => Err(error.into()),
        };
        (Some(scope.tenant().clone()), outcome)
    }

    /// Answers while a place among the tenant's calls in flight is held.
    async fn hold(&self, request: &ApiRequest, session: TenantSession<'_>) -> Result<ApiResponse, ApiError> {
        let hold = match session.capacity().enter(&self.cap).await? {
            Ok(hold) => hold,
            Err(refusal) => return Err(ApiError::OverCap { cap: self.cap, refusal }),
        };
        let outcome = self.api.handle(request, session).await;
        if let Err(error) = session.capacity().leave(hold).await {
            tracing::warn!(error = chain(&error), "a hold comes back when its time is over");
        }
        outcome
    }
}
