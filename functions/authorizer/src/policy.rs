use bulkhead_tenancy::{Role, TenantId};
use serde::Serialize;

/// The authorizer's response: a policy, and the context that API Gateway passes on.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthorizerAnswer {
    principal_id: String,
    policy_document: Policy,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<Context>,
    /// The key by which the usage plan of the tier counts the tenant's calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage_identifier_key: Option<String>,
}

/// Available as `context.authorizer.*`. API Gateway sends `tenantId` as `X-Amz-Tenant-Id`.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Context {
    tenant_id: String,
    tier: String,
    /// What the caller may do within the tenant. Absent: nothing, because every route needs a role.
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    /// The subject of the token. Absent if the token has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Policy {
    version: &'static str,
    statement: [Statement; 1],
}

#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    action: &'static str,
    effect: &'static str,
    resource: String,
}

/// Who acts for the tenant.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Caller {
    /// What the caller may do; `None`: nothing.
    pub(crate) role: Option<Role>,
    /// The name of the caller, for authorship. Grants nothing.
    pub(crate) subject: Option<String>,
}

impl AuthorizerAnswer {
    pub(crate) fn allow(method_arn: &str, tenant: &TenantId, tier: &str, caller: Caller) -> Self {
        let (role, subject) = (caller.role.map(Role::as_str), caller.subject);
        Self {
            principal_id: tenant.to_string(),
            policy_document: policy("Allow", method_arn),
            context: Some(Context { tenant_id: tenant.to_string(), tier: tier.to_owned(), role, subject }),
            usage_identifier_key: Some(tenant.usage_key().as_str().to_owned()),
        }
    }

    pub(crate) fn deny(method_arn: &str) -> Self {
        Self {
            principal_id: "refused".to_owned(),
            policy_document: policy("Deny", method_arn),
            context: None,
            usage_identifier_key: None,
        }
    }
}

/// Returns a policy for every method of the stage, because API Gateway caches the policy
/// per token and applies it to other methods as well.
fn policy(effect: &'static str, method_arn: &str) -> Policy {
    let stage = method_arn.splitn(3, '/').take(2).collect::<Vec<_>>().join("/");
    let statement = Statement { action: "execute-api:Invoke", effect, resource: format!("{stage}/*") };
    Policy { version: "2012-10-17", statement: [statement] }
}

#[cfg(test)]
mod tests {
    use super::*;

    const METHOD: &str = "arn:aws:execute-api:eu-west-1:000000000000:api123/v1/GET/v1/templates";

    #[test]
    fn allow_policy_covers_stage_and_names_tenant() {
        let tenant = TenantId::parse("aaaaaaaaaaaaaaaa").expect("id");
        let allow = |caller: Caller| {
            serde_json::to_value(AuthorizerAnswer::allow(METHOD, &tenant, "basic", caller)).expect("json")
        };
        let answer = allow(Caller::default());
        assert_eq!(answer["context"], serde_json::json!({"tenantId": "aaaaaaaaaaaaaaaa", "tier": "basic"}));
        let named = allow(Caller { role: Some(Role::Writer), subject: Some("ada".to_owned()) });
        assert_eq!(named["context"]["subject"], "ada");
        assert_eq!(named["context"]["role"], "writer");
        assert_eq!(answer["policyDocument"]["Statement"][0]["Effect"], "Allow");
        assert_eq!(
            answer["policyDocument"]["Statement"][0]["Resource"],
            "arn:aws:execute-api:eu-west-1:000000000000:api123/v1/*"
        );
    }

    #[test]
    fn deny_policy_has_no_context() {
        let answer = serde_json::to_value(AuthorizerAnswer::deny(METHOD)).expect("json");
        assert_eq!(answer["policyDocument"]["Statement"][0]["Effect"], "Deny");
        assert!(answer.get("context").is_none());
    }
}
