use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use bulkhead_events::{GatewayRequest, GatewayResponse};
use bulkhead_stores::{Quota, TenantSession};
use bulkhead_tenancy::{Invocation, Role, TenantId};
use lambda_runtime::{Context, FunctionResponse, LambdaEvent, service_fn};
use tracing::Instrument;

use super::events::Streamed;
use super::idempotency::{self, Turn};
use super::{ApiError, ApiRequest, ApiResponse, Events};
use crate::metrics::{self, Answered, Subject};
use crate::{TenantFunction, chain, config};

/// A route, and the role that its callers need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// The HTTP method.
    pub method: &'static str,
    /// The resource, for example `/v1/templates/{key}`.
    pub resource: &'static str,
    /// The lowest role that may call the route.
    pub role: Role,
    /// Whether the answer comes in parts, by [`Api::stream`].
    pub streamed: bool,
    /// Whether problems have a `message`, which OpenAI's clients show.
    pub openai: bool,
    /// Whether a repeat of a request changes nothing.
    pub repeatable: bool,
}

impl Route {
    /// Returns a route. It cannot be declared without a role.
    pub const fn new(method: &'static str, resource: &'static str, role: Role) -> Self {
        Self { method, resource, role, streamed: false, openai: false, repeatable: is_get(method) }
    }

    /// Returns a route that is answered in parts. API Gateway must call the function by
    /// `response-streaming-invocations`.
    pub const fn streamed(method: &'static str, resource: &'static str, role: Role) -> Self {
        Self { streamed: true, ..Self::new(method, resource, role) }
    }

    /// Returns the route as one of OpenAI's interface.
    pub const fn openai(self) -> Self {
        Self { openai: true, ..self }
    }

    /// Returns the route as one whose requests change nothing although its method may. It ignores idempotency keys.
    pub const fn repeatable(self) -> Self {
        Self { repeatable: true, ..self }
    }

    /// Returns whether a repeated request with an idempotency key gets the answer of the first one.
    pub const fn takes_idempotency_key(&self) -> bool {
        !self.repeatable
    }

    fn is(&self, (method, resource): (&str, &str)) -> bool {
        self.method == method && self.resource == resource
    }
}

/// The routes of a function. Each call gets the session of the calling tenant.
pub trait Api: Sync {
    /// Every route. Other methods of these resources are refused with 405, and callers with a lower role with 403.
    const ROUTES: &'static [Route];

    /// Answers a request to one of [`Self::ROUTES`], whose caller has the route's role.
    fn handle(
        &self,
        request: &ApiRequest,
        session: TenantSession<'_>,
    ) -> impl Future<Output = Result<ApiResponse, ApiError>> + Send;

    /// Answers a request to a streamed one of [`Self::ROUTES`], whose caller has the route's role.
    ///
    /// # Errors
    /// Before the first event, the error is the answer. Later it is the last event.
    fn stream(
        &self,
        _request: &ApiRequest,
        _session: TenantSession<'_>,
        _events: &mut Events<'_>,
    ) -> impl Future<Output = Result<(), ApiError>> + Send {
        async { Err(ApiError::NotFound("route")) }
    }
}

/// Serves `api` until Lambda ends the process. Admits each call, takes one of its tenant's slots and
/// releases the slot.
///
/// # Errors
/// If a variable is missing or invalid, or if Lambda's runtime API fails.
pub async fn serve(function: TenantFunction, api: impl Api + 'static) -> Result<(), lambda_runtime::Error> {
    let cors_origin = config::optional("CORS_ORIGIN");
    let server = Server { function, api, quota: config::quota()?, cors_origin, cold: AtomicBool::new(true) };
    // Lives as long as the process: an answer in parts is sent after its handler returned.
    let server: &'static Server<_> = Box::leak(Box::new(server));
    // Boxed, because the compiler limits the depth of nested futures.
    let answer = |event: LambdaEvent<GatewayRequest>| Box::pin(server.answer(event));
    lambda_runtime::run(service_fn(answer)).await
}

/// One call of the function.
struct Call {
    request: ApiRequest,
    context: Context,
    started: Instant,
    cold_start: bool,
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
        &'static self,
        event: LambdaEvent<GatewayRequest>,
    ) -> Result<FunctionResponse<GatewayResponse, Streamed>, Infallible> {
        let started = Instant::now();
        let cold_start = self.cold.swap(false, Ordering::Relaxed);
        let LambdaEvent { payload, context, .. } = event;
        let call = Call { request: ApiRequest::new(payload), context, started, cold_start };
        if is_streamed(A::ROUTES, call.request.route()) {
            let streamed = Streamed::start(|parts| async move {
                let request = &call.request;
                let origin = self.cors_origin.as_deref();
                let mut events = Events::new(parts, request.request_id(), origin, request.limits());
                if let Err(response) = self.answer_call(&call, Some(&mut events)).await {
                    events.fail(response);
                }
            });
            return Ok(FunctionResponse::StreamingResponse(streamed.await));
        }
        let response = self.answer_call(&call, None).await.unwrap_or_else(|refused| refused);
        let response = call.request.limits().on(response);
        let completed = response.complete(call.request.request_id(), self.cors_origin.as_deref());
        Ok(FunctionResponse::BufferedResponse(completed))
    }

    /// Answers a call and counts it. Returns an error as its response.
    async fn answer_call(
        &self,
        call: &Call,
        events: Option<&mut Events<'_>>,
    ) -> Result<ApiResponse, ApiResponse> {
        let Call { request, context, started, cold_start } = call;
        let span = tracing::info_span!(
            "request",
            request_id = request.request_id(),
            tier = config::tier(),
            tenant = tracing::field::Empty
        );
        let (tenant, outcome) = self.admit(request, context, events).instrument(span.clone()).await;
        let subject = Subject { tenant: tenant.as_ref(), request_id: Some(request.request_id()) };
        let openai = A::ROUTES.iter().any(|route| route.openai && route.is(request.route()));
        let outcome = outcome.map_err(|error| span.in_scope(|| error.into_response(subject, openai)));
        let (method, resource) = request.route();
        metrics::answered(&Answered {
            request_id: request.request_id(),
            tenant: tenant.as_ref(),
            method,
            resource,
            status: outcome.as_ref().map_or_else(ApiResponse::status, ApiResponse::status),
            duration: started.elapsed(),
            cold_start: *cold_start,
            trace: context.xray_trace_id.as_deref(),
        });
        outcome
    }

    /// Answers the request for the tenant that it establishes. Returns that tenant, if any.
    async fn admit(
        &self,
        request: &ApiRequest,
        context: &Context,
        events: Option<&mut Events<'_>>,
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
            Ok(session) => match permit(A::ROUTES, request.route(), request.role()) {
                Ok(route) => self.answer_in_slot(route, request, session, events).await,
                Err(error) => Err(error),
            },
            Err(error) => Err(error.into()),
        };
        (Some(scope.tenant().clone()), outcome)
    }

    /// Answers the request while it occupies one of the tenant's slots.
    async fn answer_in_slot(
        &self,
        route: &Route,
        request: &ApiRequest,
        session: TenantSession<'_>,
        events: Option<&mut Events<'_>>,
    ) -> Result<ApiResponse, ApiError> {
        let taken = session.slots().take(&self.quota).await?;
        request.limits().note_rate(&self.quota, session.slots().burst_left(&self.quota));
        let slot = match taken {
            Ok(slot) => slot,
            Err(exceeded) => return Err(ApiError::QuotaExceeded { quota: self.quota, exceeded }),
        };
        let outcome = self.answer_once(route, request, session, events).await;
        if let Err(error) = session.slots().release(slot).await {
            tracing::warn!(error = chain(&error), "slot release failed, slot expires later");
        }
        outcome
    }

    /// Answers the request, or repeats the answer of an earlier one with the same idempotency key.
    async fn answer_once(
        &self,
        route: &Route,
        request: &ApiRequest,
        session: TenantSession<'_>,
        mut events: Option<&mut Events<'_>>,
    ) -> Result<ApiResponse, ApiError> {
        let Some(key) = idempotency::key_of(route, request)? else {
            return self.handle(request, session, events).await;
        };
        let claim = match idempotency::begin(request, session, &key).await? {
            Turn::Handle(claim) => claim,
            Turn::Repeat(answer) => {
                if let Some(events) = events {
                    events.whole(answer.clone());
                }
                return Ok(answer);
            }
        };
        if let Some(events) = events.as_deref_mut() {
            events.record();
        }
        let subject = Subject { tenant: Some(session.tenant()), request_id: Some(request.request_id()) };
        let outcome = self.handle(request, session, events.as_deref_mut()).await;
        let outcome = outcome.map_err(|error| error.log_and_redact(subject));
        let has_started = events.as_ref().is_some_and(|events| events.has_started());
        let answer = match (&outcome, events) {
            (Ok(_), Some(events)) => events.recorded(),
            (Ok(answer), None) => Some(answer.clone()),
            // A stream that broke off is no answer.
            (Err(_), Some(_)) if has_started => None,
            (Err(error), _) => Some(error.response(subject, route.openai)),
        };
        idempotency::settle(session, &claim, answer.as_ref()).await;
        outcome
    }

    async fn handle(
        &self,
        request: &ApiRequest,
        session: TenantSession<'_>,
        events: Option<&mut Events<'_>>,
    ) -> Result<ApiResponse, ApiError> {
        match events {
            Some(events) => {
                let sent = self.api.stream(request, session, events).await;
                sent.map(|()| ApiResponse::no_content().with_status(200))
            }
            None => self.api.handle(request, session).await,
        }
    }
}

const fn is_get(method: &str) -> bool {
    matches!(method.as_bytes(), b"GET")
}

/// Returns whether a request is answered in parts.
fn is_streamed(routes: &[Route], called: (&str, &str)) -> bool {
    routes.iter().any(|route| route.streamed && route.is(called))
}

/// Returns the route of a request, if the caller has the route's role or a higher one.
///
/// API Gateway sends all methods of a resource to its function.
///
/// # Errors
/// 404 for an unknown resource, 405 for a method that the resource does not have, 403 for a lower role or none.
fn permit<'r>(
    routes: &'r [Route],
    (method, resource): (&str, &str),
    caller: Option<Role>,
) -> Result<&'r Route, ApiError> {
    let of_resource: Vec<_> = routes.iter().filter(|route| route.resource == resource).collect();
    if of_resource.is_empty() {
        return Err(ApiError::NotFound("route"));
    }
    let Some(route) = of_resource.iter().find(|route| route.method == method) else {
        let allowed: Vec<_> = of_resource.iter().map(|route| route.method).collect();
        return Err(ApiError::MethodNotAllowed { allowed: allowed.join(", ") });
    };
    if caller < Some(route.role) {
        return Err(ApiError::RoleRequired { required: route.role, caller });
    }
    Ok(route)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTES: &[Route] = &[
        Route::new("GET", "/things", Role::Reader),
        Route::new("POST", "/things", Role::Writer),
        Route::new("DELETE", "/things", Role::Admin),
    ];

    fn permitted(method: &str, caller: Option<Role>) -> bool {
        permit(ROUTES, (method, "/things"), caller).is_ok()
    }

    #[test]
    fn a_route_needs_its_role_or_a_higher_one() {
        for (method, allowed) in [
            ("GET", &[Role::Reader, Role::Writer, Role::Admin][..]),
            ("POST", &[Role::Writer, Role::Admin]),
            ("DELETE", &[Role::Admin]),
        ] {
            for role in Role::ALL {
                assert_eq!(permitted(method, Some(role)), allowed.contains(&role), "{method} {role}");
            }
            assert!(!permitted(method, None), "{method} without a role");
        }
    }

    #[test]
    fn a_refusal_names_both_roles() {
        let refused = |caller| permit(ROUTES, ("POST", "/things"), caller).expect_err("refused").to_string();
        assert_eq!(
            refused(Some(Role::Reader)),
            "this request needs the role `writer`: the caller has `reader`; ask an administrator of your tenant for a role"
        );
        assert!(refused(None).contains("the caller has no role"));
    }

    #[test]
    fn only_a_streamed_route_is_answered_in_parts() {
        let routes =
            [Route::streamed("POST", "/asked", Role::Reader), Route::new("POST", "/things", Role::Reader)];
        assert!(is_streamed(&routes, ("POST", "/asked")));
        for other in [("GET", "/asked"), ("POST", "/things"), ("POST", "/")] {
            assert!(!is_streamed(&routes, other), "{other:?}");
        }
    }

    #[test]
    fn an_unknown_method_or_resource_is_refused_before_its_role() {
        let refused = |method, resource| permit(ROUTES, (method, resource), None);
        assert!(
            matches!(refused("PUT", "/things"), Err(ApiError::MethodNotAllowed { allowed }) if allowed == "GET, POST, DELETE")
        );
        assert!(matches!(refused("GET", "/others"), Err(ApiError::NotFound("route"))));
        assert!(matches!(refused("GET", ""), Err(ApiError::NotFound("route"))));
    }
}
