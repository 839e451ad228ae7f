//! A token's tenant comes from the administrator's attribute, never from the sign-in request.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use claims::{ClaimsError, SignIn, answer};
use proptest::prelude::*;
use serde_json::{Value, json};

const TENANT: &str = "0192f3c5b7a07e0e9d3a5c1b2d4e6f80";
const OTHER: &str = "ffffffffffffffffffffffffffffffff";

/// A trigger event as Cognito sends it.
fn sign_in() -> Value {
    json!({
        "version": "2",
        "triggerSource": "TokenGeneration_Authentication",
        "region": "eu-west-1",
        "userPoolId": "eu-west-1_Abc123",
        "userName": "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0",
        "callerContext": {"awsSdkVersion": "aws-sdk-unknown-unknown", "clientId": "client"},
        "request": {
            "userAttributes": {
                "sub": "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0",
                "email": "user@example.org",
                "custom:tenant_id": TENANT,
                "custom:tier": "basic",
            },
            "groupConfiguration": {"groupsToOverride": [], "iamRolesToOverride": [], "preferredRole": null},
            "scopes": ["aws.cognito.signin.user.admin"],
        },
        "response": {"claimsAndScopeOverrideDetails": null},
    })
}

fn ask(event: &Value) -> Result<Value, ClaimsError> {
    answer(serde_json::from_value::<SignIn>(event.clone()).expect("an event"))
}

/// The response for a user of `TENANT` in tier `basic`.
fn expected() -> Value {
    json!({"claimsAndScopeOverrideDetails": {"accessTokenGeneration": {
        "claimsToAddOrOverride": {"tenant_id": TENANT, "tier": "basic"},
    }}})
}

/// `event` with another value of the attribute `name`.
fn with_attribute(name: &str, value: Value) -> Value {
    let mut event = sign_in();
    event["request"]["userAttributes"][name] = value;
    event
}

#[test]
fn adds_attributes_to_access_token_only() {
    let answered = ask(&sign_in()).expect("a token");
    assert_eq!(answered["response"], expected());
    // Cognito expects its event back with only `response` changed.
    let mut back = answered;
    back["response"] = sign_in()["response"].clone();
    assert_eq!(back, sign_in());
}

#[test]
fn rejects_user_without_valid_tenant_or_tier() {
    for value in [
        json!(null),
        json!(""),
        json!("   "),
        json!("short"),
        json!(7),
        json!([TENANT]),
        json!({"S": TENANT}),
        json!(format!("{TENANT}/")),
        json!(format!(" {TENANT}")),
        json!(TENANT.to_uppercase()),
        json!("*"),
        json!("0123456789abcdef0123456789abcdef0"),
    ] {
        assert_eq!(
            ask(&with_attribute("custom:tenant_id", value.clone())),
            Err(ClaimsError::NoTenant),
            "{value}"
        );
    }
    for value in [
        json!(null),
        json!(""),
        json!("b"),
        json!("Basic"),
        json!("basic "),
        json!("1basic"),
        json!("basic-2"),
        json!("abcdefghijklm"),
        json!(["basic"]),
    ] {
        assert_eq!(ask(&with_attribute("custom:tier", value.clone())), Err(ClaimsError::NoTier), "{value}");
    }
}

#[test]
fn accepts_tier_names_of_2_to_12_characters() {
    for tier in ["ab", "a1", "basic", "premium", "abcdefghijkl"] {
        let answered = ask(&with_attribute("custom:tier", json!(tier))).expect("a token");
        let claims = &answered["response"]["claimsAndScopeOverrideDetails"]["accessTokenGeneration"];
        assert_eq!(claims["claimsToAddOrOverride"], json!({"tenant_id": TENANT, "tier": tier}));
    }
}

#[test]
fn adds_a_known_role_and_rejects_another() {
    for role in ["reader", "writer", "admin"] {
        let answered = ask(&with_attribute("custom:role", json!(role))).expect("a token");
        let claims = &answered["response"]["claimsAndScopeOverrideDetails"]["accessTokenGeneration"];
        let expected = json!({"tenant_id": TENANT, "tier": "basic", "role": role});
        assert_eq!(claims["claimsToAddOrOverride"], expected);
    }
    for role in ["Admin", "admin ", "owner", "reader,admin", "*"] {
        assert_eq!(ask(&with_attribute("custom:role", json!(role))), Err(ClaimsError::UnknownRole), "{role}");
    }
    // Without a role the token names none.
    for role in [json!(""), json!(null), json!(7), json!(["admin"])] {
        assert_eq!(ask(&with_attribute("custom:role", role)).expect("a token")["response"], expected());
    }
}

/// A trigger event for a client without a user, with these granted scopes.
fn machine(scopes: &[&str]) -> Value {
    json!({
        "version": "3",
        "triggerSource": "TokenGeneration_ClientCredentials",
        "region": "eu-west-1",
        "userPoolId": "eu-west-1_Abc123",
        "userName": "client",
        "callerContext": {"awsSdkVersion": "aws-sdk-unknown-unknown", "clientId": "client"},
        "request": {"userAttributes": {}, "groupConfiguration": {}, "scopes": scopes,
            "clientMetadata": {"scopes": [format!("bulkhead/basic.{OTHER}.admin")], "custom:tenant_id": OTHER}},
        "response": {"claimsAndScopeOverrideDetails": null},
    })
}

#[test]
fn adds_the_scope_of_a_machine_client() {
    let scope = format!("bulkhead/premium.{TENANT}.writer");
    let answered = ask(&machine(&["elsewhere/read", &scope])).expect("a token");
    let claims = &answered["response"]["claimsAndScopeOverrideDetails"]["accessTokenGeneration"];
    let expected = json!({"tenant_id": TENANT, "tier": "premium", "role": "writer"});
    assert_eq!(claims["claimsToAddOrOverride"], expected);
}

#[test]
fn rejects_machine_client_without_exactly_one_scope() {
    let (mine, theirs) =
        (format!("bulkhead/basic.{TENANT}.reader"), format!("bulkhead/basic.{OTHER}.reader"));
    let admin = format!("bulkhead/basic.{TENANT}.admin");
    for scopes in [&[][..], &["elsewhere/read"], &[&mine, &theirs], &[&mine, &admin], &[&mine, &mine]] {
        assert_eq!(ask(&machine(scopes)), Err(ClaimsError::NotOneScope), "{scopes:?}");
    }
    let mut unlisted = machine(&[&mine]);
    unlisted["request"]["scopes"] = json!(mine);
    assert_eq!(ask(&unlisted), Err(ClaimsError::NotOneScope));
    // Version 2 does not run for clients.
    let mut old = machine(&[&mine]);
    old["version"] = json!("2");
    assert_eq!(ask(&old), Err(ClaimsError::UnsupportedVersion));
}

#[test]
fn rejects_machine_client_with_another_scope() {
    for name in [
        "",
        TENANT,
        &format!("{TENANT}.reader"),
        &format!("basic.{TENANT}"),
        &format!("basic.{TENANT}.owner"),
        &format!("basic.{TENANT}.reader."),
        &format!("basic.{TENANT}.reader.admin"),
        &format!("Basic.{TENANT}.reader"),
        &format!("basic.{}.reader", TENANT.to_uppercase()),
        "basic.*.reader",
    ] {
        let refused = ask(&machine(&[&format!("bulkhead/{name}")]));
        assert_eq!(refused, Err(ClaimsError::MalformedScope), "{name}");
    }
}

#[test]
fn attributes_of_a_machine_client_grant_nothing() {
    let mut event = sign_in();
    event["version"] = json!("3");
    assert_eq!(ask(&event).expect("a token")["response"], expected());
    event["triggerSource"] = json!("TokenGeneration_ClientCredentials");
    assert_eq!(ask(&event), Err(ClaimsError::NotOneScope));
}

#[test]
fn rejects_event_without_attributes() {
    for path in ["request", "userAttributes"] {
        let mut event = sign_in();
        let holder = if path == "request" { &mut event } else { &mut event["request"] };
        holder.as_object_mut().expect("an object").remove(path);
        assert_eq!(ask(&event), Err(ClaimsError::NoTenant), "{path}");
    }
}

#[test]
fn rejects_other_trigger_versions() {
    for version in [json!("1"), json!("4"), json!(2), json!(null), json!("")] {
        let mut event = sign_in();
        event["version"] = version.clone();
        assert_eq!(ask(&event), Err(ClaimsError::UnsupportedVersion), "{version}");
    }
}

proptest! {
    /// Input of the user does not change the claims.
    #[test]
    fn user_input_never_changes_claims(
        metadata in anything(), group in anything(), scopes in anything(), attributes in attributes(),
        previous_response in anything(), source in "\\PC{0,40}", name in "\\PC{0,40}", client in anything(),
    ) {
        let mut event = sign_in();
        event["triggerSource"] = json!(source);
        event["userName"] = json!(name);
        event["callerContext"]["clientId"] = client;
        event["request"]["clientMetadata"] = metadata;
        event["request"]["groupConfiguration"] = group;
        event["request"]["scopes"] = scopes;
        event["response"] = previous_response;
        for (name, value) in attributes {
            event["request"]["userAttributes"][name] = value;
        }
        prop_assert_eq!(&ask(&event).expect("a token")["response"], &expected());
    }

    /// Input of the user does not replace a missing attribute.
    #[test]
    fn user_input_never_replaces_missing_tenant(metadata in anything(), group in anything()) {
        let mut event = with_attribute("custom:tenant_id", Value::Null);
        event["request"]["clientMetadata"] = metadata;
        event["request"]["groupConfiguration"] = group;
        event["tenant_id"] = json!(OTHER);
        event["custom:tenant_id"] = json!(OTHER);
        event["request"]["custom:tenant_id"] = json!(OTHER);
        prop_assert_eq!(ask(&event), Err(ClaimsError::NoTenant));
    }
}

/// JSON with relevant names that point to another tenant.
fn anything() -> impl Strategy<Value = Value> {
    let name = prop_oneof![
        "custom:tenant_id",
        "custom:tier",
        "custom:role",
        "role",
        "tenant_id",
        "tier",
        "claimsToAddOrOverride",
        "[a-z:_]{0,12}",
        Just("claimsAndScopeOverrideDetails".to_owned()),
        Just("accessTokenGeneration".to_owned()),
    ];
    let leaf = prop_oneof![
        Just(json!(OTHER)),
        Just(json!("premium")),
        Just(json!("admin")),
        Just(Value::Null),
        any::<i32>().prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::hash_map(name.clone(), inner, 0..4)
                .prop_map(|map| map.into_iter().collect()),
        ]
    })
}

/// Other attributes: user-writable ones and look-alikes of the two.
fn attributes() -> impl Strategy<Value = Vec<(String, Value)>> {
    let name = prop_oneof![
        Just("email".to_owned()),
        Just("name".to_owned()),
        Just("tenant_id".to_owned()),
        Just("tier".to_owned()),
        Just("role".to_owned()),
        Just("custom:Role".to_owned()),
        Just("dev:custom:tenant_id".to_owned()),
        Just("custom:Tenant_Id".to_owned()),
        Just("custom:tenant_id ".to_owned()),
        "[a-z:_]{1,10}",
    ];
    proptest::collection::vec((name, anything()), 0..6)
}
