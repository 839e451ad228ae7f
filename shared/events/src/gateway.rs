use lambda_http::request::RequestContext;
use lambda_http::{Request, RequestExt};

/// What API Gateway itself says about a request, apart from what the client sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caller {
    /// The tenant that the authorizer established, unchecked.
    pub tenant: Option<String>,
    /// The resource that was matched (`/v1/templates/{key}`).
    pub resource: String,
    /// The id of the request.
    pub request_id: String,
}

impl Caller {
    /// Reads the caller of `request`.
    ///
    /// The tenant comes from the authorizer's context alone; no header, path or query
    /// parameter is looked at for it.
    pub fn of(request: &Request) -> Self {
        let Some(RequestContext::ApiGatewayV1(context)) = request.request_context_ref() else {
            return Self::default();
        };
        let tenant = context.authorizer.fields.get("tenantId").and_then(|tenant| tenant.as_str());
        Self {
            tenant: tenant.map(str::to_owned),
            resource: context.resource_path.clone().unwrap_or_default(),
            request_id: context.request_id.clone().unwrap_or_default(),
        }
    }
}
