"""Cognito: attribute permissions, challenges and the pre token generation trigger."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import pytest

from bulkhead_emulator.sign_in import Srp, cognito, sign_in
from bulkhead_emulator.tests.support import http
from bulkhead_emulator.tests.support.cloud import ACCOUNT, REGION, Cloud, allow, denied, error, unique
from bulkhead_emulator.tests.support.functions import make

PASSWORD = "Correct-horse-9-battery"
ACCESS = {
    "claimsAndScopeOverrideDetails": {
        "accessTokenGeneration": {"claimsToAddOrOverride": {"tenant_id": "written", "tier": "basic"}}
    }
}


@dataclass
class Pool:
    """A user pool for one test, with an app client and users."""

    cloud: Cloud
    id: str
    client: str

    @classmethod
    def make(cls, cloud: Cloud, *, trigger: str | None = None, version: str = "V2_0", **more: Any) -> Pool:
        idp = cloud.client("cognito-idp")
        if trigger:
            more["LambdaConfig"] = {
                "PreTokenGenerationConfig": {"LambdaArn": arn(cloud, trigger), "LambdaVersion": version}
            }
        pool = idp.create_user_pool(
            PoolName=unique("pool"),
            UsernameAttributes=["email"],
            AdminCreateUserConfig={"AllowAdminCreateUserOnly": True},
            MfaConfiguration="OPTIONAL",
            Policies={"PasswordPolicy": {"MinimumLength": 14}},
            Schema=[
                {"Name": "tenant_id", "AttributeDataType": "String", "Mutable": False},
                {"Name": "tier", "AttributeDataType": "String", "Mutable": True},
            ],
            **more,
        )["UserPool"]["Id"]
        return cls(cloud, pool, cls._client(idp, pool))

    @staticmethod
    def _client(idp: Any, pool: str, **more: Any) -> str:
        settings = {
            "ExplicitAuthFlows": ["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
            "WriteAttributes": ["email", "name"],
            "PreventUserExistenceErrors": "ENABLED",
        }
        made = idp.create_user_pool_client(UserPoolId=pool, ClientName=unique("client"), **{**settings, **more})
        return made["UserPoolClient"]["ClientId"]

    @property
    def admin(self) -> Any:
        return self.cloud.client("cognito-idp")

    @property
    def app(self) -> Any:
        return cognito(self.id, self.cloud.address)

    def other_client(self, **more: Any) -> str:
        return self._client(self.admin, self.id, **more)

    def person(self, *, permanent: bool = True, **attributes: str) -> str:
        email = f"{unique('person')}@example.org"
        given = [{"Name": f"custom:{name}", "Value": value} for name, value in attributes.items()]
        self.admin.admin_create_user(
            UserPoolId=self.id,
            Username=email,
            MessageAction="SUPPRESS",
            TemporaryPassword=PASSWORD,
            UserAttributes=given,
        )
        if permanent:
            self.admin.admin_set_user_password(UserPoolId=self.id, Username=email, Password=PASSWORD, Permanent=True)
        return email

    def sign_in(self, email: str, password: str = PASSWORD, client: str | None = None, **more: Any) -> dict[str, str]:
        return sign_in(self.app, self.id, client or self.client, email, password, **more)

    def claims(self, token: str) -> dict[str, Any]:
        """Returns a token's claims after verifying it with the pool's published keys."""
        served = http.call("GET", f"{self.cloud.address}/{self.id}/.well-known/jwks.json").json()
        keys = {each["kid"]: each for each in served["keys"]}
        head = jwt.get_unverified_header(token)
        assert head["alg"] == "RS256"
        key = jwt.PyJWK(keys[head["kid"]]).key
        return jwt.decode(token, key, algorithms=["RS256"], options={"verify_aud": False})


def arn(cloud: Cloud, function: str) -> str:
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}"


def trigger(cloud: Cloud, answer: dict, *, source: str | None = "*", **environment: str) -> str:
    """Returns a trigger with a fixed answer; `source` is the pool that may invoke it, or None."""
    function = make(cloud, environment={"TRIGGER": json.dumps(answer), **environment})
    if source is not None:
        permit(cloud, function, source)
    return function


def permit(cloud: Cloud, function: str, source: str) -> None:
    pools = f"arn:aws:cognito-idp:{REGION}:{ACCOUNT}:userpool/{source}"
    cloud.client("lambda").add_permission(
        FunctionName=function,
        StatementId="cognito",
        Action="lambda:InvokeFunction",
        Principal="cognito-idp.amazonaws.com",
        SourceArn=pools,
    )


@pytest.fixture(scope="module")
def pool(cloud: Cloud) -> Any:
    return Pool.make(cloud)


def test_sign_in_by_srp_returns_tokens_that_the_pools_keys_verify(pool: Any) -> None:
    tokens = pool.sign_in(pool.person(tenant_id="acme"))
    access, identity = pool.claims(tokens["AccessToken"]), pool.claims(tokens["IdToken"])
    issuer = f"https://cognito-idp.{REGION}.amazonaws.com/{pool.id}"
    assert (access["iss"], access["client_id"], access["token_use"]) == (issuer, pool.client, "access")
    assert (identity["iss"], identity["aud"], identity["token_use"]) == (issuer, pool.client, "id")
    assert "aud" not in access and "client_id" not in identity
    assert identity["custom:tenant_id"] == "acme"


def test_refuses_a_wrong_password(pool: Any) -> None:
    email = pool.person()
    assert error(pool.sign_in, email, "Wrong-horse-9-battery")[:2] == ("NotAuthorizedException", 400)
    assert error(pool.sign_in, "unknown@example.org")[:2] == ("NotAuthorizedException", 400)


def test_refuses_a_plain_password_if_only_srp_is_allowed(pool: Any) -> None:
    email = pool.person()
    parameters = {"USERNAME": email, "PASSWORD": PASSWORD}
    code = error(pool.app.initiate_auth, ClientId=pool.client, AuthFlow="USER_PASSWORD_AUTH", AuthParameters=parameters)
    assert code[0] == "InvalidParameterException"
    code = error(
        pool.admin.admin_initiate_auth,
        UserPoolId=pool.id,
        ClientId=pool.client,
        AuthFlow="ADMIN_USER_PASSWORD_AUTH",
        AuthParameters=parameters,
    )
    assert code[0] == "InvalidParameterException"


def test_creating_users_needs_permission(cloud: Cloud, pool: Any) -> None:
    arguments = {
        "UserPoolId": pool.id,
        "Username": "x@example.org",
        "MessageAction": "SUPPRESS",
        "TemporaryPassword": PASSWORD,
    }
    resource = f"arn:aws:cognito-idp:{REGION}:{ACCOUNT}:userpool/{pool.id}"
    stranger = cloud.user(allow("cognito-idp:AdminCreateUser", f"{resource}0"))
    assert denied(stranger.client("cognito-idp").admin_create_user, **arguments)
    assert not denied(
        cloud.user(allow("cognito-idp:AdminCreateUser", resource)).client("cognito-idp").admin_create_user, **arguments
    )


@pytest.mark.extension
def test_generated_temporary_password_follows_the_policy(pool: Any) -> None:
    made = pool.admin.admin_create_user(UserPoolId=pool.id, Username="made@example.org", MessageAction="SUPPRESS")
    assert made["User"]["UserStatus"] == "FORCE_CHANGE_PASSWORD"


# ── attributes ──────────────────────────────────────────────────────────────


@pytest.mark.extension
@pytest.mark.parametrize("name", ["custom:tenant_id", "custom:tier", "email_verified"])
def test_user_writes_only_the_clients_attributes(pool: Any, name: str) -> None:
    token = pool.sign_in(pool.person(tenant_id="acme", tier="basic"))["AccessToken"]
    change = [{"Name": name, "Value": "other"}]
    assert error(pool.app.update_user_attributes, AccessToken=token, UserAttributes=change)[:2] == (
        "NotAuthorizedException",
        400,
    )
    # One forbidden attribute makes the whole call fail.
    both = [{"Name": "name", "Value": "New"}, *change]
    assert error(pool.app.update_user_attributes, AccessToken=token, UserAttributes=both)[0] == "NotAuthorizedException"
    found = {each["Name"]: each["Value"] for each in pool.app.get_user(AccessToken=token)["UserAttributes"]}
    assert (found["custom:tenant_id"], found["custom:tier"], found.get("name")) == ("acme", "basic", None)
    pool.app.update_user_attributes(AccessToken=token, UserAttributes=[{"Name": "name", "Value": "New"}])


@pytest.mark.extension
def test_immutable_attribute_never_changes(pool: Any) -> None:
    email = pool.person(tenant_id="acme", tier="basic")
    change = {"UserPoolId": pool.id, "Username": email}
    for value in ("other", "acme"):
        code, status, message = error(
            pool.admin.admin_update_user_attributes,
            **change,
            UserAttributes=[{"Name": "custom:tenant_id", "Value": value}],
        )
        assert (code, status) == ("InvalidParameterException", 400) and "cannot be updated" in message
    # A client with the permission cannot change it either, and it cannot be set later.
    client = pool.other_client(WriteAttributes=["email", "custom:tenant_id"])
    for person in (email, pool.person()):
        token = pool.sign_in(person, client=client)["AccessToken"]
        assert (
            error(
                pool.app.update_user_attributes,
                AccessToken=token,
                UserAttributes=[{"Name": "custom:tenant_id", "Value": "other"}],
            )[0]
            == "InvalidParameterException"
        )
    pool.admin.admin_update_user_attributes(**change, UserAttributes=[{"Name": "custom:tier", "Value": "premium"}])


@pytest.mark.extension
def test_refuses_attributes_outside_the_schema(pool: Any) -> None:
    wrong = [{"Name": "custom:tenantid", "Value": "acme"}]
    code = error(
        pool.admin.admin_create_user,
        UserPoolId=pool.id,
        Username="y@example.org",
        MessageAction="SUPPRESS",
        UserAttributes=wrong,
    )
    assert code[:2] == ("InvalidParameterException", 400) and "schema" in code[2]
    assert (
        error(
            pool.admin.admin_update_user_attributes, UserPoolId=pool.id, Username=pool.person(), UserAttributes=wrong
        )[0]
        == "InvalidParameterException"
    )


@pytest.mark.extension
def test_refuses_sign_up_if_only_administrators_create_users(pool: Any) -> None:
    found = error(
        pool.app.sign_up,
        ClientId=pool.client,
        Username="z@example.org",
        Password=PASSWORD,
        UserAttributes=[{"Name": "custom:tenant_id", "Value": "acme"}],
    )
    assert found[:2] == ("NotAuthorizedException", 400)


# ── challenges ──────────────────────────────────────────────────────────────


def test_temporary_password_allows_setting_the_first_password(pool: Any) -> None:
    email = pool.person(permanent=False)
    chosen = "Another-horse-9-battery"
    pool.sign_in(email, ask=lambda _: chosen)
    assert error(pool.sign_in, email)[0] == "NotAuthorizedException"
    pool.sign_in(email, chosen)


@pytest.mark.extension
@pytest.mark.parametrize("challenge", ["NEW_PASSWORD_REQUIRED", "SOFTWARE_TOKEN_MFA", "MFA_SETUP", "SMS_MFA"])
def test_answer_needs_the_session_of_its_challenge(pool: Any, challenge: Any) -> None:
    email = pool.person(permanent=False)
    responses = {"USERNAME": email, "NEW_PASSWORD": PASSWORD, "SOFTWARE_TOKEN_MFA_CODE": "123456", "SMS_MFA_CODE": "1"}
    for session in ("A" * 40, None):
        given = {"Session": session} if session else {}
        assert error(
            pool.app.respond_to_auth_challenge,
            ClientId=pool.client,
            ChallengeName=challenge,
            ChallengeResponses=responses,
            **given,
        )[:2] == ("NotAuthorizedException", 400)
        # Also as an administrator.
        assert (
            error(
                pool.admin.admin_respond_to_auth_challenge,
                UserPoolId=pool.id,
                ClientId=pool.client,
                ChallengeName=challenge,
                ChallengeResponses=responses,
                **given,
            )[0]
            == "NotAuthorizedException"
        )


def session_of(pool: Pool, email: str) -> str:
    """Returns the session of a first sign-in."""
    srp = Srp(pool.id)
    first = pool.app.initiate_auth(
        ClientId=pool.client, AuthFlow="USER_SRP_AUTH", AuthParameters={"USERNAME": email, "SRP_A": srp.public}
    )
    answer = pool.app.respond_to_auth_challenge(
        ClientId=pool.client,
        ChallengeName="PASSWORD_VERIFIER",
        ChallengeResponses=srp.answer(first["ChallengeParameters"], PASSWORD),
    )
    assert answer["ChallengeName"] == "NEW_PASSWORD_REQUIRED"
    return answer["Session"]


@pytest.mark.extension
def test_session_is_valid_for_one_user_one_client_and_one_success(pool: Any) -> None:
    mine, other = pool.person(permanent=False), pool.person(permanent=False)
    session = session_of(pool, mine)

    def answer(username: str, client: str = pool.client, **more: str) -> Any:
        return pool.app.respond_to_auth_challenge(
            ClientId=client,
            ChallengeName="NEW_PASSWORD_REQUIRED",
            Session=session,
            ChallengeResponses={"USERNAME": username, "NEW_PASSWORD": "Another-horse-9-battery", **more},
        )

    assert error(answer, other)[0] == "NotAuthorizedException"
    assert error(answer, mine, client=pool.other_client())[0] == "NotAuthorizedException"
    assert error(answer, mine, NEW_PASSWORD="short")[0] == "InvalidPasswordException"
    assert error(answer, mine, **{"userAttributes.custom:tenant_id": "other"})[0] == "NotAuthorizedException"
    answer(mine, **{"userAttributes.name": "Sam"})
    assert error(answer, mine)[0] == "NotAuthorizedException"
    found = pool.admin.admin_get_user(UserPoolId=pool.id, Username=mine)["UserAttributes"]
    assert {"Name": "name", "Value": "Sam"} in found
    assert not [each for each in found if each["Name"] == "custom:tenant_id"]


# ── the trigger ─────────────────────────────────────────────────────────────


def test_trigger_writes_into_the_access_token(cloud: Cloud) -> None:
    pool = Pool.make(cloud, trigger=trigger(cloud, {"response": ACCESS}))
    tokens = pool.sign_in(pool.person())
    access, identity = pool.claims(tokens["AccessToken"]), pool.claims(tokens["IdToken"])
    assert (access["tenant_id"], access["tier"]) == ("written", "basic")
    assert "tenant_id" not in identity and "tier" not in identity


@pytest.mark.extension
def test_trigger_runs_once_for_both_tokens(cloud: Cloud, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    pool = Pool.make(cloud, trigger=trigger(cloud, {"response": ACCESS}, JOURNAL=str(journal)))
    email = pool.person(tenant_id="acme", tier="basic")
    tokens = pool.sign_in(email, ClientMetadata={"custom:tenant_id": "other"})
    [event] = map(json.loads, journal.read_text().splitlines())
    assert event["version"] == "2" and event["triggerSource"] == "TokenGeneration_Authentication"
    assert event["request"]["userAttributes"]["custom:tenant_id"] == "acme"
    assert event["request"]["clientMetadata"] == {"custom:tenant_id": "other"}
    pool.app.initiate_auth(
        ClientId=pool.client, AuthFlow="REFRESH_TOKEN_AUTH", AuthParameters={"REFRESH_TOKEN": tokens["RefreshToken"]}
    )
    again = [json.loads(line) for line in journal.read_text().splitlines()]
    assert [each["triggerSource"] for each in again[1:]] == ["TokenGeneration_RefreshTokens"]


@pytest.mark.extension
@pytest.mark.parametrize(
    ("answer", "code", "says"),
    [
        ({"fail": "no tenant"}, "UserLambdaValidationException", "PreTokenGeneration failed with error no tenant."),
        ({"raw": "not an event"}, "InvalidLambdaResponseException", "Unrecognizable"),
        ({"raw": {"version": "2"}}, "InvalidLambdaResponseException", "Unrecognizable"),
    ],
)
def test_failing_trigger_ends_the_sign_in(cloud: Cloud, answer: Any, code: Any, says: Any) -> None:
    pool = Pool.make(cloud, trigger=trigger(cloud, answer))
    found, status, message = error(pool.sign_in, pool.person())
    assert (found, status) == (code, 400) and says in message


@pytest.mark.extension
@pytest.mark.parametrize("source", [None, "us-east-1_other"])
def test_cognito_needs_the_functions_permission(cloud: Cloud, source: Any) -> None:
    function = trigger(cloud, {"response": ACCESS}, source=source)
    pool = Pool.make(cloud, trigger=function)
    email = pool.person()
    found, status, message = error(pool.sign_in, email)
    assert (found, status) == ("UnexpectedLambdaException", 400) and "AccessDeniedException" in message
    if source is None:
        permit(cloud, function, pool.id)
        assert pool.claims(pool.sign_in(email)["AccessToken"])["tenant_id"] == "written"


@pytest.mark.extension
def test_deleted_trigger_ends_the_sign_in(cloud: Cloud) -> None:
    function = trigger(cloud, {"response": ACCESS})
    pool = Pool.make(cloud, trigger=function)
    cloud.client("lambda").delete_function(FunctionName=function)
    assert error(pool.sign_in, pool.person())[:2] == ("UnexpectedLambdaException", 400)


RESERVED = [
    "iss",
    "sub",
    "exp",
    "iat",
    "jti",
    "token_use",
    "client_id",
    "username",
    "scope",
    "auth_time",
    "origin_jti",
    "version",
    "cognito:username",
    "dev:x",
]


@pytest.mark.extension
def test_trigger_cannot_change_issuer_and_audience(cloud: Cloud) -> None:
    wanted = {**dict.fromkeys(RESERVED, "forged"), "aud": "forged", "mine": "yes"}
    details = {"claimsToAddOrOverride": wanted, "claimsToSuppress": ["exp", "client_id", "token_use"]}
    answer = {"claimsAndScopeOverrideDetails": {"accessTokenGeneration": details, "idTokenGeneration": details}}
    pool = Pool.make(cloud, trigger=trigger(cloud, {"response": answer}))
    tokens = pool.sign_in(pool.person())
    for kind, named in (("access", "client_id"), ("id", "aud")):
        claims = pool.claims(tokens[{"access": "AccessToken", "id": "IdToken"}[kind]])
        assert claims["mine"] == "yes" and "forged" not in claims.values()
        assert (claims["token_use"], claims[named]) == (kind, pool.client)
        assert claims["exp"] > claims["iat"]


def test_suppressing_wins_over_overriding(cloud: Cloud) -> None:
    details = {"claimsToAddOrOverride": {"tenant_id": "written"}, "claimsToSuppress": ["tenant_id"]}
    pool = Pool.make(
        cloud,
        trigger=trigger(cloud, {"response": {"claimsAndScopeOverrideDetails": {"accessTokenGeneration": details}}}),
    )
    assert "tenant_id" not in pool.claims(pool.sign_in(pool.person())["AccessToken"])


@pytest.mark.extension
def test_access_tokens_are_customised_on_the_essentials_plan(cloud: Cloud) -> None:
    function = trigger(cloud, {"response": ACCESS})
    found = error(Pool.make, cloud, trigger=function, UserPoolTier="LITE")
    assert found[:2] == ("FeatureUnavailableInTierException", 400)
    Pool.make(cloud, trigger=function, version="V1_0", UserPoolTier="LITE")
