"""Users of the user pool: which user gets a token for which tenant, and what the token can access.

Uses a separate stack, deployed without an issuer, so that it creates a pool and trusts only that pool. Reads the
outputs `UserPoolId`, `ClientId`, `Issuer`, `Audience` and `AudienceClaim`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
import struct
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import jwt
import pytest
from botocore.exceptions import ClientError

from tools.deploy.expand import expand
from tools.devstack.aws import Tenant
from tools.devstack.client import Answer, Api, send
from tools.devstack.problems import problem
from tools.devstack.process import ROOT
from tools.devstack.sign_in import cognito, sign_in
from tools.devstack.stack import LocalStack

DOCUMENTS = "/v1/documents"
PASSWORD = "Correct-horse-9-battery"
_numbers = itertools.count(1)


@dataclass
class Directory:
    """The stack's user pool, for an administrator and for an app."""

    stack: LocalStack
    pool: str
    client: str
    admin: Any = field(repr=False)
    app: Any = field(repr=False)

    @classmethod
    def of(cls, stack: LocalStack) -> Directory:
        pool = stack.outputs["UserPoolId"]
        admin = stack.account.client("cognito-idp")
        return cls(stack, pool, stack.outputs["ClientId"], admin, cognito(pool, stack.endpoint))

    def create_user(self, *, permanent: bool = True, **attributes: str | None) -> str:
        """Creates a user with these custom attributes and returns the e-mail address to sign in with."""
        email = f"user-{next(_numbers)}@example.org"
        given = [{"Name": f"custom:{name}", "Value": value} for name, value in attributes.items() if value]
        self.admin.admin_create_user(
            UserPoolId=self.pool,
            Username=email,
            MessageAction="SUPPRESS",
            TemporaryPassword=PASSWORD,
            UserAttributes=[*given, {"Name": "email_verified", "Value": "true"}],
        )
        if permanent:
            self.admin.admin_set_user_password(UserPoolId=self.pool, Username=email, Password=PASSWORD, Permanent=True)
        return email

    def create_user_of(self, tenant: Tenant, role: str | None = "admin") -> str:
        return self.create_user(tenant_id=tenant.id, tier=tenant.tier, role=role)

    def sign_in(self, email: str, **more: Any) -> dict[str, str]:
        return sign_in(self.app, self.pool, self.client, email, PASSWORD, **more)

    def refresh(self, tokens: dict[str, str]) -> dict[str, str]:
        answer = self.app.initiate_auth(
            ClientId=self.client,
            AuthFlow="REFRESH_TOKEN_AUTH",
            AuthParameters={"REFRESH_TOKEN": tokens["RefreshToken"]},
        )
        return answer["AuthenticationResult"]

    def api(self, tokens: dict[str, str], tier: str = "basic") -> Api:
        return Api(self.stack.address(tier), tokens["AccessToken"])


def claims_of(token: str) -> dict[str, Any]:
    """Returns the claims of a token without verification."""
    return jwt.decode(token, options={"verify_signature": False})


def error_code_of(call: Callable[..., Any], *arguments: Any, **options: Any) -> str:
    """Asserts that a call raises a `ClientError` and returns its error code."""
    with pytest.raises(ClientError) as refused:
        call(*arguments, **options)
    return refused.value.response["Error"]["Code"]


@pytest.fixture(scope="module")
def directory(deployed: Callable[..., AbstractContextManager[LocalStack]]) -> Iterator[Directory]:
    with deployed("identity", cognito=True, parameters={"RoleClaim": "role"}) as stack:
        if "UserPoolId" not in stack.outputs:
            pytest.skip("the stack in use has another issuer: run this without BULKHEAD_STACK")
        yield Directory.of(stack)


@pytest.fixture(scope="module")
def acme(directory: Directory) -> Tenant:
    return directory.stack.onboard("Acme")


@pytest.fixture(scope="module")
def other(directory: Directory) -> Tenant:
    return directory.stack.onboard("Other")


@pytest.fixture(scope="module")
def signed_in(directory: Directory, acme: Tenant) -> dict[str, str]:
    return directory.sign_in(directory.create_user_of(acme))


# ── what a token can access ───────────────────────────────────────────────────


def test_user_reads_only_their_tenants_data(directory: Directory, acme: Tenant, other: Tenant) -> None:
    mine, also = (directory.api(directory.sign_in(directory.create_user_of(acme))) for _ in range(2))
    theirs = directory.api(directory.sign_in(directory.create_user_of(other)))
    mine.save_template("greeting", "Hello from Acme.")
    assert also.get("/v1/templates/greeting").expect(200)["body"] == "Hello from Acme."
    problem(theirs.get("/v1/templates/greeting"), 404)


def test_access_token_names_tenant_and_tier_and_id_token_is_refused(
    directory: Directory, acme: Tenant, signed_in: dict[str, str]
) -> None:
    access, identity = claims_of(signed_in["AccessToken"]), claims_of(signed_in["IdToken"])
    assert (access["tenant_id"], access["tier"]) == (acme.id, "basic")
    assert "tenant_id" not in identity and "tier" not in identity
    assert access["iss"] == directory.stack.outputs["Issuer"]
    assert access[directory.stack.outputs["AudienceClaim"]] == directory.stack.outputs["Audience"] == directory.client
    directory.api(signed_in).get(DOCUMENTS).expect(200)
    for wrong in ("IdToken", "RefreshToken"):
        problem(Api(directory.stack.base, signed_in[wrong]).get(DOCUMENTS), 401)


def test_token_lifetime_and_refresh(directory: Directory, acme: Tenant, signed_in: dict[str, str]) -> None:
    access = claims_of(signed_in["AccessToken"])
    assert 15 * 60 <= access["exp"] - access["iat"] <= 60 * 60
    fresh = directory.refresh(signed_in)
    assert claims_of(fresh["AccessToken"])["tenant_id"] == acme.id
    directory.api(fresh).get(DOCUMENTS).expect(200)


def test_tokens_of_the_development_issuer_are_refused(directory: Directory, acme: Tenant) -> None:
    issuer = directory.stack.issuer
    problem(directory.stack.api(acme).get(DOCUMENTS), 401)
    # Not even with all claims of Cognito's token and its key id.
    known = directory.sign_in(directory.create_user_of(acme))["AccessToken"]
    claims = claims_of(known) | {"tenant_id": acme.id}
    for algorithm in ("RS256", "ES256"):
        forged = issuer.sign(claims, algorithm, kid=jwt.get_unverified_header(known)["kid"])
        problem(Api(directory.stack.base, forged).get(DOCUMENTS), 401)


def test_token_of_another_app_of_the_pool_is_refused(directory: Directory, acme: Tenant) -> None:
    other_app = directory.admin.create_user_pool_client(
        UserPoolId=directory.pool, ClientName="other", ExplicitAuthFlows=["ALLOW_USER_SRP_AUTH"]
    )["UserPoolClient"]["ClientId"]
    tokens = sign_in(directory.app, directory.pool, other_app, directory.create_user_of(acme), PASSWORD)
    assert claims_of(tokens["AccessToken"])["tenant_id"] == acme.id
    problem(directory.api(tokens).get(DOCUMENTS), 401)


def test_token_of_another_pool_is_refused(directory: Directory, acme: Tenant) -> None:
    trigger = directory.admin.describe_user_pool(UserPoolId=directory.pool)["UserPool"]["LambdaConfig"]
    schema = [{"Name": name, "AttributeDataType": "String"} for name in ("tenant_id", "tier", "role")]
    pool = directory.admin.create_user_pool(PoolName="elsewhere", UsernameAttributes=["email"], Schema=schema)
    other_pool = pool["UserPool"]["Id"]
    client = directory.admin.create_user_pool_client(
        UserPoolId=other_pool, ClientName="theirs", ExplicitAuthFlows=["ALLOW_USER_SRP_AUTH"]
    )["UserPoolClient"]["ClientId"]
    other_directory = Directory(
        directory.stack, other_pool, client, directory.admin, cognito(other_pool, directory.stack.endpoint)
    )
    email = other_directory.create_user_of(acme)
    problem(other_directory.api(other_directory.sign_in(email)).get(DOCUMENTS), 401)
    # Our trigger does not write claims for it.
    directory.admin.update_user_pool(UserPoolId=other_pool, LambdaConfig=trigger)
    assert error_code_of(other_directory.sign_in, email) == "UnexpectedLambdaException"


# ── machine clients ───────────────────────────────────────────────────────────


@dataclass
class Machine:
    """An app client without a user."""

    directory: Directory
    client: str
    secret: str = field(repr=False)

    def token(self, scope: str | None = None, **more: str) -> Answer:
        """Asks the token endpoint as RFC 6749, 4.4 says."""
        form = {"grant_type": "client_credentials", **({"scope": scope} if scope else {}), **more}
        basic = base64.b64encode(f"{self.client}:{self.secret}".encode()).decode()
        headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"}
        url = f"{self.directory.stack.endpoint}/oauth2/token"
        return send("POST", url, urllib.parse.urlencode(form).encode(), headers)

    def api(self, scope: str | None = None) -> Api:
        return Api(self.directory.stack.address("basic"), self.token(scope).expect(200)["access_token"])


def scope_of(tenant: Tenant, role: str) -> str:
    return f"bulkhead/{tenant.tier}.{tenant.id}.{role}"


@pytest.fixture(scope="module")
def new_machine(directory: Directory, acme: Tenant, other: Tenant) -> Callable[..., Machine]:
    """Creates a machine client with these scopes."""
    known = [scope_of(tenant, role) for tenant in (acme, other) for role in ("reader", "writer")]
    known.append("bulkhead/nonsense")
    names = [{"ScopeName": scope.removeprefix("bulkhead/"), "ScopeDescription": scope} for scope in known]
    server = {"UserPoolId": directory.pool, "Identifier": "bulkhead", "Name": "bulkhead", "Scopes": names}
    directory.admin.create_resource_server(**server)
    elsewhere = [{"ScopeName": "read", "ScopeDescription": "another API"}]
    directory.admin.create_resource_server(**{**server, "Identifier": "elsewhere", "Scopes": elsewhere})

    def create(*scopes: str) -> Machine:
        made = directory.admin.create_user_pool_client(
            UserPoolId=directory.pool,
            ClientName="machine",
            GenerateSecret=True,
            AllowedOAuthFlowsUserPoolClient=True,
            AllowedOAuthFlows=["client_credentials"],
            AllowedOAuthScopes=list(scopes),
        )["UserPoolClient"]
        return Machine(directory, made["ClientId"], made["ClientSecret"])

    return create


def test_machine_client_acts_for_the_tenant_of_its_scope(
    directory: Directory, acme: Tenant, other: Tenant, new_machine: Callable[..., Machine]
) -> None:
    writer = new_machine(scope_of(acme, "writer"))
    claims = claims_of(writer.token().expect(200)["access_token"])
    assert (claims["tenant_id"], claims["tier"], claims["role"]) == (acme.id, "basic", "writer")
    saved = writer.api().save_template("by-machine", "Hello.")
    assert saved["created_by"] == writer.client
    theirs = new_machine(scope_of(other, "reader"))
    problem(theirs.api().get("/v1/templates/by-machine"), 404)
    # The role is that of the scope.
    refused = problem(theirs.api().put("/v1/templates/by-machine", {"body": "x"}), 403)
    assert refused["type"] == "urn:bulkhead:problem:role-required"


def test_machine_client_of_several_tenants_asks_for_one(
    acme: Tenant, other: Tenant, new_machine: Callable[..., Machine]
) -> None:
    both = new_machine(scope_of(acme, "reader"), scope_of(other, "reader"))
    for tenant in (acme, other):
        claims = claims_of(both.token(scope_of(tenant, "reader")).expect(200)["access_token"])
        assert claims["tenant_id"] == tenant.id
    for scope in (None, f"{scope_of(acme, 'reader')} {scope_of(other, 'reader')}"):
        assert "exactly one scope" in both.token(scope).expect(400)["error_description"]


def test_machine_client_gets_only_the_scope_that_an_administrator_allowed(
    directory: Directory, acme: Tenant, other: Tenant, new_machine: Callable[..., Machine]
) -> None:
    mine = new_machine(scope_of(acme, "reader"))
    for scope in (scope_of(other, "reader"), scope_of(acme, "writer"), f"bulkhead/basic.{other.id}.admin"):
        assert mine.token(scope).status == 400
    # What the client sends beside the scope grants nothing.
    wanted = {"tenant_id": other.id, "custom:tenant_id": other.id, "scopes": [scope_of(other, "reader")]}
    token = mine.token(aws_client_metadata=json.dumps(wanted)).expect(200)["access_token"]
    assert claims_of(token)["tenant_id"] == acme.id
    for scope in ("elsewhere/read", "bulkhead/nonsense"):
        assert new_machine(scope).token().status == 400
    wrong = Machine(directory, mine.client, "wrong")
    assert wrong.token().status in (400, 401)
    # The control: the client's own scope.
    mine.api().get(DOCUMENTS).expect(200)


# ── which users get a token ───────────────────────────────────────────────────


@pytest.mark.parametrize(
    "attributes",
    [
        {"tier": "basic"},
        {"tenant_id": "0" * 32},
        {"tenant_id": "0" * 15 + "/", "tier": "basic"},
        {"tenant_id": "*" * 16, "tier": "basic"},
        {"tenant_id": "A" * 16, "tier": "basic"},
        {"tenant_id": "0" * 32, "tier": "Basic"},
    ],
)
def test_user_without_a_valid_tenant_cannot_sign_in(directory: Directory, attributes: dict[str, Any]) -> None:
    assert error_code_of(directory.sign_in, directory.create_user(**attributes)) == "UserLambdaValidationException"


def test_user_of_an_unknown_tenant_is_refused(directory: Directory) -> None:
    tokens = directory.sign_in(directory.create_user(tenant_id="0" * 32, tier="basic"))
    problem(directory.api(tokens).get(DOCUMENTS), 403)


def test_user_of_another_tier_is_refused(directory: Directory, acme: Tenant) -> None:
    premium = directory.stack.onboard("Premium", tier="premium")
    tokens = directory.sign_in(directory.create_user_of(premium))
    directory.api(tokens, "premium").get(DOCUMENTS).expect(200)
    problem(directory.api(tokens).get(DOCUMENTS), 403)
    # The registry decides the tier of a tenant, not the user's attribute.
    promoted = directory.sign_in(directory.create_user(tenant_id=acme.id, tier="premium", role="admin"))
    for tier in ("basic", "premium"):
        problem(directory.api(promoted, tier).get(DOCUMENTS), 403)


def test_users_cannot_sign_up(directory: Directory, acme: Tenant) -> None:
    chosen = [{"Name": "custom:tenant_id", "Value": acme.id}, {"Name": "custom:tier", "Value": "basic"}]
    for attributes in (chosen, []):
        refused = error_code_of(
            directory.app.sign_up,
            ClientId=directory.client,
            Username="intruder@example.org",
            Password=PASSWORD,
            UserAttributes=attributes,
        )
        assert refused == "NotAuthorizedException"


# ── roles ─────────────────────────────────────────────────────────────────────


def test_role_of_a_user_decides_what_they_may_do(directory: Directory, acme: Tenant) -> None:
    text = {"body": "Hello."}
    for role, saves in (("reader", False), ("writer", True), ("admin", True)):
        api = directory.api(directory.sign_in(directory.create_user_of(acme, role)))
        api.get("/v1/templates").expect(200)
        saved = api.put(f"/v1/templates/by-{role}", text)
        if saves:
            saved.expect(201)
        else:
            assert problem(saved, 403)["type"] == "urn:bulkhead:problem:role-required"


def test_user_without_a_role_may_do_nothing(directory: Directory, acme: Tenant) -> None:
    email = directory.create_user_of(acme, role=None)
    tokens = directory.sign_in(email)
    assert "role" not in claims_of(tokens["AccessToken"])
    assert problem(directory.api(tokens).get(DOCUMENTS), 403)["type"] == "urn:bulkhead:problem:role-required"
    # The control: an administrator assigns the role. The next token has it.
    role = [{"Name": "custom:role", "Value": "reader"}]
    directory.admin.admin_update_user_attributes(UserPoolId=directory.pool, Username=email, UserAttributes=role)
    directory.api(directory.refresh(tokens)).get(DOCUMENTS).expect(200)


def test_user_with_an_unknown_role_is_refused(directory: Directory, acme: Tenant) -> None:
    email = directory.create_user_of(acme, role="owner")
    assert error_code_of(directory.sign_in, email) == "UserLambdaValidationException"


# ── choosing another tenant ───────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["custom:tenant_id", "custom:tier", "custom:role"])
def test_user_cannot_change_their_tenant(directory: Directory, acme: Tenant, other: Tenant, name: str) -> None:
    email = directory.create_user_of(acme, role="reader")
    tokens = directory.sign_in(email)
    value = {"custom:tenant_id": other.id, "custom:tier": "premium", "custom:role": "admin"}[name]
    refused = error_code_of(
        directory.app.update_user_attributes,
        AccessToken=tokens["AccessToken"],
        UserAttributes=[{"Name": name, "Value": value}],
    )
    assert refused == "NotAuthorizedException"
    for again in (directory.refresh(tokens), directory.sign_in(email)):
        claims = claims_of(again["AccessToken"])
        assert (claims["tenant_id"], claims["tier"], claims["role"]) == (acme.id, "basic", "reader")


def test_user_cannot_set_the_tenant_with_the_first_password(directory: Directory, acme: Tenant, other: Tenant) -> None:
    def sign_in_with(name: str, value: str) -> Callable[[], dict[str, str]]:
        email = directory.create_user(permanent=False, tenant_id=acme.id, tier="basic")
        original = directory.app.respond_to_auth_challenge

        class TamperingClient:
            initiate_auth = staticmethod(directory.app.initiate_auth)

            @staticmethod
            def respond_to_auth_challenge(**call: Any) -> Any:
                if call["ChallengeName"] == "NEW_PASSWORD_REQUIRED":
                    call["ChallengeResponses"] = {**call["ChallengeResponses"], f"userAttributes.{name}": value}
                return original(**call)

        chosen = "Another-horse-9-battery"
        return lambda: sign_in(TamperingClient, directory.pool, directory.client, email, PASSWORD, lambda _: chosen)

    assert error_code_of(sign_in_with("custom:tenant_id", other.id)) == "NotAuthorizedException"
    assert error_code_of(sign_in_with("custom:tier", "premium")) == "NotAuthorizedException"
    assert error_code_of(sign_in_with("custom:role", "admin")) == "NotAuthorizedException"
    assert claims_of(sign_in_with("name", "Ines")()["AccessToken"])["tenant_id"] == acme.id


def test_client_metadata_does_not_set_the_tenant(directory: Directory, acme: Tenant, other: Tenant) -> None:
    metadata = {"custom:tenant_id": other.id, "tenant_id": other.id, "tier": "premium", "custom:tier": "premium"}
    metadata |= {"role": "admin", "custom:role": "admin"}
    tokens = directory.sign_in(directory.create_user_of(acme, role="reader"), ClientMetadata=metadata)
    claims = claims_of(tokens["AccessToken"])
    assert (claims["tenant_id"], claims["tier"], claims["role"]) == (acme.id, "basic", "reader")
    # It does not replace a missing tenant.
    assert (
        error_code_of(directory.sign_in, directory.create_user(), ClientMetadata=metadata)
        == "UserLambdaValidationException"
    )


def test_administrator_cannot_move_a_user_to_another_tenant(directory: Directory, acme: Tenant, other: Tenant) -> None:
    email = directory.create_user_of(acme)
    write = directory.admin.admin_update_user_attributes
    refused = error_code_of(
        write,
        UserPoolId=directory.pool,
        Username=email,
        UserAttributes=[{"Name": "custom:tenant_id", "Value": other.id}],
    )
    assert refused == "InvalidParameterException"
    # The tier can be changed, because a tenant's tier can change.
    write(UserPoolId=directory.pool, Username=email, UserAttributes=[{"Name": "custom:tier", "Value": "premium"}])
    assert claims_of(directory.sign_in(email)["AccessToken"])["tier"] == "premium"


# ── disabling and suspending ──────────────────────────────────────────────────


def test_disabled_user_gets_no_new_token(directory: Directory, acme: Tenant) -> None:
    email = directory.create_user_of(acme)
    tokens = directory.sign_in(email)
    directory.admin.admin_disable_user(UserPoolId=directory.pool, Username=email)
    assert error_code_of(directory.sign_in, email) == "NotAuthorizedException"
    assert error_code_of(directory.refresh, tokens) == "NotAuthorizedException"
    # Issued tokens stay valid: the authorizer does not ask Cognito (docs/identity.md).
    directory.api(tokens).get(DOCUMENTS).expect(200)


def test_users_of_a_suspended_tenant_are_refused(directory: Directory) -> None:
    tenant = directory.stack.onboard("Suspended")
    email = directory.create_user_of(tenant)
    before = directory.sign_in(email)
    directory.stack.control("suspend", tenant=tenant.id)
    # The gateway caches the authorizer's answer for one minute, so the tokens must be new to it.
    for tokens in (before, directory.refresh(before), directory.sign_in(email)):
        problem(directory.api(tokens).get(DOCUMENTS), 403)
    directory.stack.control("resume", tenant=tenant.id)
    directory.api(directory.sign_in(email)).get(DOCUMENTS).expect(200)


# ── another issuer ────────────────────────────────────────────────────────────

ISSUER = {"Issuer": "https://id.example.com/", "Audience": "bulkhead", "JwksUrl": "https://id.example.com/jwks"}


@pytest.mark.parametrize("missing", ISSUER)
def test_issuer_parameters_are_given_all_or_none(directory: Directory, missing: str) -> None:
    """With incomplete parameters the stack would refuse all users or create an unwanted pool."""
    cloudformation = directory.stack.account.client("cloudformation")
    template = expand(ROOT / "template.yaml")
    # Keeps the real rules and parameters, which CloudFormation checks before it creates resources.
    template["Resources"] = {"Nothing": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}
    template.pop("Outputs")

    def create(**given: str) -> Any:
        return cloudformation.create_stack(
            StackName=f"rules-{next(_numbers)}",
            TemplateBody=json.dumps(template),
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
        )

    with pytest.raises(ClientError, match="or none of them"):
        create(**{key: value for key, value in ISSUER.items() if key != missing})
    create(**ISSUER)
    create()


# ── the pool itself ───────────────────────────────────────────────────────────


def test_second_factor_is_required_after_setup(directory: Directory, acme: Tenant) -> None:
    email = directory.create_user_of(acme)
    token = directory.sign_in(email)["AccessToken"]
    secret = directory.app.associate_software_token(AccessToken=token)["SecretCode"]
    directory.app.verify_software_token(AccessToken=token, UserCode=_totp(secret))
    directory.app.set_user_mfa_preference(
        AccessToken=token, SoftwareTokenMfaSettings={"Enabled": True, "PreferredMfa": True}
    )
    assert error_code_of(directory.sign_in, email, ask=lambda _: "000000") == "CodeMismatchException"
    tokens = directory.sign_in(email, ask=lambda _: _totp(secret))
    directory.api(tokens).get(DOCUMENTS).expect(200)


def _totp(secret: str) -> str:
    """Returns the current code of an authenticator app (RFC 6238)."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.digest(key, struct.pack(">Q", int(time.time()) // 30), hashlib.sha1)
    at = digest[-1] & 15
    return f"{(int.from_bytes(digest[at : at + 4]) & 0x7FFFFFFF) % 10**6:06}"


def test_pool_has_the_documented_settings(directory: Directory) -> None:
    pool = directory.admin.describe_user_pool(UserPoolId=directory.pool)["UserPool"]
    assert pool["UserPoolTier"] == "ESSENTIALS" and pool["DeletionProtection"] == "ACTIVE"
    assert pool["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"] is True
    assert pool["MfaConfiguration"] == "OPTIONAL" and pool["UsernameAttributes"] == ["email"]
    assert pool["LambdaConfig"]["PreTokenGenerationConfig"]["LambdaVersion"] == "V3_0"
    assert pool["UserPoolTags"]["bulkhead:stage"] == "local"
    schema = {each["Name"]: each for each in pool["SchemaAttributes"]}
    mutable = [schema[f"custom:{name}"]["Mutable"] for name in ("tenant_id", "tier", "role")]
    assert mutable == [False, True, True]
    client = directory.admin.describe_user_pool_client(UserPoolId=directory.pool, ClientId=directory.client)[
        "UserPoolClient"
    ]
    assert "ClientSecret" not in client
    assert set(client["ExplicitAuthFlows"]) == {"ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"}
    assert set(client["WriteAttributes"]) == {"email", "name"}
    assert client["PreventUserExistenceErrors"] == "ENABLED" and client["EnableTokenRevocation"] is True
    password = {"USERNAME": "user@example.org", "PASSWORD": PASSWORD}
    for call, flow, named in (
        (directory.app.initiate_auth, "USER_PASSWORD_AUTH", {}),
        (directory.admin.admin_initiate_auth, "ADMIN_USER_PASSWORD_AUTH", {"UserPoolId": directory.pool}),
    ):
        refused = error_code_of(call, ClientId=directory.client, AuthFlow=flow, AuthParameters=password, **named)
        assert refused == "InvalidParameterException"
