use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use bulkhead_events::{GatewayRequest, GatewayResponse};
use bulkhead_stores::{Quota, TenantSession};
use bulkhead_tenancy::{Invocation, TenantId};
use lambda_runtime::{Context, LambdaEvent, service_fn};
use tracing::Instrument;

use super::{ApiError, ApiRequest, ApiResponse};
use crate::metrics::{self, Answered, Subject};
use crate::{TenantFunction, chain, config};

/// The routes of a function. Each call gets the session of the calling tenant.
pub trait Api: Sync {
    /// The method and the resource of every route. Other methods of these resources are refused with 405.
    const ROUTES: &'static [(&'static str, &'static str)];

    /// Answers a request.
    fn handle(
        &self,
        request: &ApiRequest,
        session: TenantSession<'_>,
    ) -> impl Future<Output = Result<ApiResponse, ApiError>> + Send;
}

/// Serves `api` until Lambda ends the process. Admits each call, takes one of its tenant's slots and
/// releases the slot.
///
/// # Errors
/// If a variable is missing or invalid, or if Lambda's runtime API fails.
pub async fn serve(function: TenantFunction, api: impl Api) -> Result<(), lambda_runtime::Error> {
    let cors_origin = config::optional("CORS_ORIGIN");
    let server = Server { function, api, quota: config::quota()?, cors_origin, cold: AtomicBool::new(true) };
    // Boxed, because the compiler limits the depth of nested futures.
    let answer = |event: LambdaEvent<GatewayRequest>| Box::pin(server.answer(event));
    lambda_runtime::run(service_fn(answer)).await
}

struct Server<A> {
    function: TenantFunction,
    api: A,
    quota: Quota,
    cors_origin: Option<String>,
    /// Whether no request has been answered yet.
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
        let subject = Subject { tenant: tenant.as_ref(), request_id: Some(request.request_id()) };
        let response = outcome.unwrap_or_else(|error| span.in_scope(|| error.into_response(subject)));
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

    /// Answers the request for the tenant that it establishes. Returns that tenant, if any.
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
            Ok(session) => match self.refuse_other_methods(request) {
                Ok(()) => self.answer_in_slot(request, session).await,
                Err(error) => Err(error),
            },
            Err(error) => Err(error.into()),
        };
        (Some(scope.tenant().clone()), outcome)
    }

    /// Refuses a method that the resource does not have. API Gateway sends all methods of a resource to its function.
    fn refuse_other_methods(&self, request: &ApiRequest) -> Result<(), ApiError> {
        let (method, resource) = request.route();
        let of_resource = A::ROUTES.iter().filter(|route| route.1 == resource);
        let allowed: Vec<_> = of_resource.map(|route| route.0).collect();
        match allowed.is_empty() || allowed.contains(&method) {
            true => Ok(()),
            false => Err(ApiError::MethodNotAllowed { allowed: allowed.join(", ") }),
        }
    }

    /// Answers the request while it occupies one of the tenant's slots.
    async fn answer_in_slot(
        &self,
        request: &ApiRequest,
        session: TenantSession<'_>,
    ) -> Result<ApiResponse, ApiError> {
        let slot = match session.slots().take(&self.quota).await? {
            Ok(slot) => slot,
            Err(exceeded) => return Err(ApiError::QuotaExceeded { quota: self.quota, exceeded }),
        };
        let outcome = self.api.handle(request, session).await;
        if let Err(error) = session.slots().release(slot).await {
            tracing::warn!(error = chain(&error), "slot release failed, slot expires later");
        }
        outcome
    }
}
