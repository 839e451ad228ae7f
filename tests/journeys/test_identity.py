"""People of a user pool: who gets a token for which tenant, and what such a token opens.

On a stack of its own, deployed without an issuer, so that it makes a pool and trusts it alone. Of the
stack it needs the outputs `UserPoolId`, `ClientId`, `Issuer`, `Audience` and `AudienceClaim`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import jwt
import pytest
from botocore.exceptions import ClientError

from tools.deploy.expand import expand
from tools.devstack.aws import Tenant
from tools.devstack.client import Api
from tools.devstack.problems import problem
from tools.devstack.process import ROOT
from tools.devstack.sign_in import cognito, sign_in
from tools.devstack.stack import LocalStack

DOCUMENTS = "/v1/documents"
PASSWORD = "Correct-horse-9-battery"
_numbers = itertools.count(1)


@dataclass
class Directory:
    """The stack's user pool: an administrator's side of it, and an app's."""

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

    def person(self, *, permanent: bool = True, **attributes: str | None) -> str:
        """Somebody with these custom attributes; the address to sign in with."""
        email = f"person-{next(_numbers)}@example.org"
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

    def of_tenant(self, tenant: Tenant) -> str:
        return self.person(tenant_id=tenant.id, tier=tenant.tier)

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


def says(token: str) -> dict[str, Any]:
    """What a token says, unproven: that is the authorizer's business."""
    return jwt.decode(token, options={"verify_signature": False})


def code(call: Callable[..., Any], *arguments: Any, **options: Any) -> str:
    """The error code that a call must raise."""
    with pytest.raises(ClientError) as refused:
        call(*arguments, **options)
    return refused.value.response["Error"]["Code"]


@pytest.fixture(scope="module")
def people(deployed: Callable[..., AbstractContextManager[LocalStack]]) -> Iterator[Directory]:
    with deployed("identity", cognito=True) as stack:
        if "UserPoolId" not in stack.outputs:
            pytest.skip("the stack in use has an issuer of its own: run this without BULKHEAD_STACK")
        yield Directory.of(stack)


@pytest.fixture(scope="module")
def acme(people: Directory) -> Tenant:
    return people.stack.onboard("Acme")


@pytest.fixture(scope="module")
def other(people: Directory) -> Tenant:
    return people.stack.onboard("Other")


@pytest.fixture(scope="module")
def signed_in(people: Directory, acme: Tenant) -> dict[str, str]:
    return people.sign_in(people.of_tenant(acme))


# ── what a token opens ──────────────────────────────────────────────────────


def test_a_person_works_with_what_is_their_tenants(people: Directory, acme: Tenant, other: Tenant) -> None:
    mine, also = (people.api(people.sign_in(people.of_tenant(acme))) for _ in range(2))
    theirs = people.api(people.sign_in(people.of_tenant(other)))
    mine.save_template("greeting", "Hello from Acme.")
    assert also.get("/v1/templates/greeting").expect(200)["body"] == "Hello from Acme."
    problem(theirs.get("/v1/templates/greeting"), 404)


def test_the_access_token_names_tenant_and_tier_and_the_id_token_opens_nothing(
    people: Directory, acme: Tenant, signed_in: dict[str, str]
) -> None:
    access, identity = says(signed_in["AccessToken"]), says(signed_in["IdToken"])
    assert (access["tenant_id"], access["tier"]) == (acme.id, "basic")
    assert "tenant_id" not in identity and "tier" not in identity
    assert access["iss"] == people.stack.outputs["Issuer"]
    assert access[people.stack.outputs["AudienceClaim"]] == people.stack.outputs["Audience"] == people.client
    people.api(signed_in).get(DOCUMENTS).expect(200)
    for wrong in ("IdToken", "RefreshToken"):
        problem(Api(people.stack.base, signed_in[wrong]).get(DOCUMENTS), 401)


def test_a_token_lasts_as_long_as_it_says_and_is_refreshed(
    people: Directory, acme: Tenant, signed_in: dict[str, str]
) -> None:
    access = says(signed_in["AccessToken"])
    assert 15 * 60 <= access["exp"] - access["iat"] <= 60 * 60
    fresh = people.refresh(signed_in)
    assert says(fresh["AccessToken"])["tenant_id"] == acme.id
    people.api(fresh).get(DOCUMENTS).expect(200)


def test_tokens_of_the_development_issuer_are_not_served_here(people: Directory, acme: Tenant) -> None:
    issuer = people.stack.issuer
    problem(people.stack.api(acme).get(DOCUMENTS), 401)
    # Not even with all that Cognito says, and the key id that Cognito uses.
    known = people.sign_in(people.of_tenant(acme))["AccessToken"]
    claims = says(known) | {"tenant_id": acme.id}
    for algorithm in ("RS256", "ES256"):
        forged = issuer.sign(claims, algorithm, kid=jwt.get_unverified_header(known)["kid"])
        problem(Api(people.stack.base, forged).get(DOCUMENTS), 401)


def test_another_app_of_the_same_pool_is_not_ours(people: Directory, acme: Tenant) -> None:
    other_app = people.admin.create_user_pool_client(
        UserPoolId=people.pool, ClientName="other", ExplicitAuthFlows=["ALLOW_USER_SRP_AUTH"]
    )["UserPoolClient"]["ClientId"]
    tokens = sign_in(people.app, people.pool, other_app, people.of_tenant(acme), PASSWORD)
    assert says(tokens["AccessToken"])["tenant_id"] == acme.id
    problem(people.api(tokens).get(DOCUMENTS), 401)


def test_another_pool_of_the_account_is_not_ours(people: Directory, acme: Tenant) -> None:
    trigger = people.admin.describe_user_pool(UserPoolId=people.pool)["UserPool"]["LambdaConfig"]
    schema = [{"Name": name, "AttributeDataType": "String"} for name in ("tenant_id", "tier")]
    pool = people.admin.create_user_pool(PoolName="elsewhere", UsernameAttributes=["email"], Schema=schema)
    elsewhere = pool["UserPool"]["Id"]
    client = people.admin.create_user_pool_client(
        UserPoolId=elsewhere, ClientName="theirs", ExplicitAuthFlows=["ALLOW_USER_SRP_AUTH"]
    )["UserPoolClient"]["ClientId"]
    directory = Directory(people.stack, elsewhere, client, people.admin, cognito(elsewhere, people.stack.endpoint))
    email = directory.of_tenant(acme)
    problem(directory.api(directory.sign_in(email)).get(DOCUMENTS), 401)
    # Nor does our trigger write claims for it.
    people.admin.update_user_pool(UserPoolId=elsewhere, LambdaConfig=trigger)
    assert code(directory.sign_in, email) == "UnexpectedLambdaException"


# ── who gets one ────────────────────────────────────────────────────────────


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
def test_whoever_has_no_tenant_is_not_signed_in(people: Directory, attributes: dict[str, Any]) -> None:
    assert code(people.sign_in, people.person(**attributes)) == "UserLambdaValidationException"


def test_a_tenant_nobody_onboarded_is_not_served(people: Directory) -> None:
    tokens = people.sign_in(people.person(tenant_id="0" * 32, tier="basic"))
    problem(people.api(tokens).get(DOCUMENTS), 403)


def test_another_tiers_people_are_not_served(people: Directory, acme: Tenant) -> None:
    premium = people.stack.onboard("Premium", tier="premium")
    tokens = people.sign_in(people.of_tenant(premium))
    people.api(tokens, "premium").get(DOCUMENTS).expect(200)
    problem(people.api(tokens).get(DOCUMENTS), 403)
    # The registry decides which tier a tenant is in, whatever is written down about a person.
    promoted = people.sign_in(people.person(tenant_id=acme.id, tier="premium"))
    for tier in ("basic", "premium"):
        problem(people.api(promoted, tier).get(DOCUMENTS), 403)


def test_nobody_signs_up(people: Directory, acme: Tenant) -> None:
    chosen = [{"Name": "custom:tenant_id", "Value": acme.id}, {"Name": "custom:tier", "Value": "basic"}]
    for attributes in (chosen, []):
        refused = code(
            people.app.sign_up,
            ClientId=people.client,
            Username="intruder@example.org",
            Password=PASSWORD,
            UserAttributes=attributes,
        )
        assert refused == "NotAuthorizedException"


# ── choosing another tenant ─────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["custom:tenant_id", "custom:tier"])
def test_a_person_does_not_change_their_tenant(people: Directory, acme: Tenant, other: Tenant, name: str) -> None:
    email = people.of_tenant(acme)
    tokens = people.sign_in(email)
    value = other.id if name == "custom:tenant_id" else "premium"
    refused = code(
        people.app.update_user_attributes,
        AccessToken=tokens["AccessToken"],
        UserAttributes=[{"Name": name, "Value": value}],
    )
    assert refused == "NotAuthorizedException"
    for again in (people.refresh(tokens), people.sign_in(email)):
        claims = says(again["AccessToken"])
        assert (claims["tenant_id"], claims["tier"]) == (acme.id, "basic")


def test_a_person_does_not_choose_a_tenant_with_the_first_password(
    people: Directory, acme: Tenant, other: Tenant
) -> None:
    def first(name: str, value: str) -> Callable[[], dict[str, str]]:
        email = people.person(permanent=False, tenant_id=acme.id, tier="basic")
        original = people.app.respond_to_auth_challenge

        class Meddling:
            initiate_auth = staticmethod(people.app.initiate_auth)

            @staticmethod
            def respond_to_auth_challenge(**call: Any) -> Any:
                if call["ChallengeName"] == "NEW_PASSWORD_REQUIRED":
                    call["ChallengeResponses"] = {**call["ChallengeResponses"], f"userAttributes.{name}": value}
                return original(**call)

        chosen = "Another-horse-9-battery"
        return lambda: sign_in(Meddling, people.pool, people.client, email, PASSWORD, lambda _: chosen)

    assert code(first("custom:tenant_id", other.id)) == "NotAuthorizedException"
    assert code(first("custom:tier", "premium")) == "NotAuthorizedException"
    assert says(first("name", "Somebody")()["AccessToken"])["tenant_id"] == acme.id


def test_what_an_app_sends_along_does_not_choose_a_tenant(people: Directory, acme: Tenant, other: Tenant) -> None:
    along = {"custom:tenant_id": other.id, "tenant_id": other.id, "tier": "premium", "custom:tier": "premium"}
    tokens = people.sign_in(people.of_tenant(acme), ClientMetadata=along)
    claims = says(tokens["AccessToken"])
    assert (claims["tenant_id"], claims["tier"]) == (acme.id, "basic")
    # Nor does it make up for a tenant that is missing.
    assert code(people.sign_in, people.person(), ClientMetadata=along) == "UserLambdaValidationException"


def test_not_even_an_administrator_moves_a_person_to_another_tenant(
    people: Directory, acme: Tenant, other: Tenant
) -> None:
    email = people.of_tenant(acme)
    write = people.admin.admin_update_user_attributes
    refused = code(
        write,
        UserPoolId=people.pool,
        Username=email,
        UserAttributes=[{"Name": "custom:tenant_id", "Value": other.id}],
    )
    assert refused == "InvalidParameterException"
    # The tier may follow its tenant.
    write(UserPoolId=people.pool, Username=email, UserAttributes=[{"Name": "custom:tier", "Value": "premium"}])
    assert says(people.sign_in(email)["AccessToken"])["tier"] == "premium"


# ── ending it ───────────────────────────────────────────────────────────────


def test_a_disabled_person_gets_no_further_token(people: Directory, acme: Tenant) -> None:
    email = people.of_tenant(acme)
    tokens = people.sign_in(email)
    people.admin.admin_disable_user(UserPoolId=people.pool, Username=email)
    assert code(people.sign_in, email) == "NotAuthorizedException"
    assert code(people.refresh, tokens) == "NotAuthorizedException"
    # What was given out lasts: nobody asks Cognito about it. docs/identity.md says so.
    people.api(tokens).get(DOCUMENTS).expect(200)


def test_a_suspended_tenants_people_are_refused_with_the_tokens_they_have(people: Directory) -> None:
    tenant = people.stack.onboard("Suspended")
    email = people.of_tenant(tenant)
    before = people.sign_in(email)
    people.stack.control("suspend", tenant=tenant.id)
    # A token that the gateway has not seen yet; of one that it has, it remembers the answer for a minute.
    for tokens in (before, people.refresh(before), people.sign_in(email)):
        problem(people.api(tokens).get(DOCUMENTS), 403)
    people.stack.control("resume", tenant=tenant.id)
    people.api(people.sign_in(email)).get(DOCUMENTS).expect(200)


# ── an issuer of one's own ──────────────────────────────────────────────────

ISSUER = {"Issuer": "https://id.example.com/", "Audience": "bulkhead", "JwksUrl": "https://id.example.com/jwks"}


@pytest.mark.parametrize("missing", ISSUER)
def test_an_issuer_is_given_as_a_whole_or_not_at_all(people: Directory, missing: str) -> None:
    """A stack that trusts half an issuer would refuse everybody, or have a pool that nobody meant."""
    cloudformation = people.stack.account.client("cloudformation")
    template = expand(ROOT / "template.yaml")
    # The rules and parameters of the real one; CloudFormation looks at them before any resource.
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


# ── the pool itself ─────────────────────────────────────────────────────────


def test_a_second_factor_is_asked_for_once_it_is_set_up(people: Directory, acme: Tenant) -> None:
    email = people.of_tenant(acme)
    token = people.sign_in(email)["AccessToken"]
    secret = people.app.associate_software_token(AccessToken=token)["SecretCode"]
    people.app.verify_software_token(AccessToken=token, UserCode=_code(secret))
    people.app.set_user_mfa_preference(
        AccessToken=token, SoftwareTokenMfaSettings={"Enabled": True, "PreferredMfa": True}
    )
    assert code(people.sign_in, email, ask=lambda _: "000000") == "CodeMismatchException"
    tokens = people.sign_in(email, ask=lambda _: _code(secret))
    people.api(tokens).get(DOCUMENTS).expect(200)


def _code(secret: str) -> str:
    """The current code of an authenticator app (RFC 6238)."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.digest(key, struct.pack(">Q", int(time.time()) // 30), hashlib.sha1)
    at = digest[-1] & 15
    return f"{(int.from_bytes(digest[at : at + 4]) & 0x7FFFFFFF) % 10**6:06}"


def test_the_pool_is_made_as_documented(people: Directory) -> None:
    pool = people.admin.describe_user_pool(UserPoolId=people.pool)["UserPool"]
    assert pool["UserPoolTier"] == "ESSENTIALS" and pool["DeletionProtection"] == "ACTIVE"
    assert pool["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"] is True
    assert pool["MfaConfiguration"] == "OPTIONAL" and pool["UsernameAttributes"] == ["email"]
    assert pool["LambdaConfig"]["PreTokenGenerationConfig"]["LambdaVersion"] == "V2_0"
    assert pool["UserPoolTags"]["bulkhead:stage"] == "local"
    schema = {each["Name"]: each for each in pool["SchemaAttributes"]}
    assert (schema["custom:tenant_id"]["Mutable"], schema["custom:tier"]["Mutable"]) == (False, True)
    client = people.admin.describe_user_pool_client(UserPoolId=people.pool, ClientId=people.client)["UserPoolClient"]
    assert "ClientSecret" not in client
    assert set(client["ExplicitAuthFlows"]) == {"ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"}
    assert set(client["WriteAttributes"]) == {"email", "name"}
    assert client["PreventUserExistenceErrors"] == "ENABLED" and client["EnableTokenRevocation"] is True
    password = {"USERNAME": "somebody@example.org", "PASSWORD": PASSWORD}
    for call, flow, named in (
        (people.app.initiate_auth, "USER_PASSWORD_AUTH", {}),
        (people.admin.admin_initiate_auth, "ADMIN_USER_PASSWORD_AUTH", {"UserPoolId": people.pool}),
    ):
        refused = code(call, ClientId=people.client, AuthFlow=flow, AuthParameters=password, **named)
        assert refused == "InvalidParameterException"
