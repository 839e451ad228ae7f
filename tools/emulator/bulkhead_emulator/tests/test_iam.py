"""Policy variables, condition operators and trust policies."""

from __future__ import annotations

from typing import Any

import pytest

from bulkhead_emulator.tests.support import http
from bulkhead_emulator.tests.support.cloud import ACCOUNT, Cloud, allow, denied, deny, error, policy, unique

TABLE = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/"
NEEDS_TENANT = {"Null": {"aws:PrincipalTag/TenantId": "false"}}


@pytest.fixture(scope="module")
def bucket(cloud: Cloud) -> Any:
    name = unique("iam-bucket")
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket=name)
    for key in ("t/acme/x", "t/other/x", "t/acme*/x", "t//x", "plain"):
        s3.put_object(Bucket=name, Key=key, Body=b"1")
    return name


def reads(session: Any, bucket: str, key: Any) -> Any:
    return not denied(session.client("s3").get_object, Bucket=bucket, Key=key)


@pytest.mark.extension
def test_variable_in_resource_allows_only_the_callers_prefix(cloud: Cloud, bucket: str) -> None:
    session = cloud.tenant("acme", allow("s3:GetObject", f"arn:aws:s3:::{bucket}/t/${{aws:PrincipalTag/TenantId}}/*"))
    assert reads(session, bucket, "t/acme/x")
    assert not reads(session, bucket, "t/other/x")


@pytest.mark.extension
def test_variable_in_a_condition_value(cloud: Cloud, bucket: str) -> None:
    session = cloud.tenant(
        "acme",
        allow(
            "s3:ListBucket",
            f"arn:aws:s3:::{bucket}",
            Condition={"StringLike": {"s3:prefix": ["t/${aws:PrincipalTag/TenantId}/*"]}},
        ),
    )
    listing = session.client("s3").list_objects_v2
    assert not denied(listing, Bucket=bucket, Prefix="t/acme/")
    assert denied(listing, Bucket=bucket, Prefix="t/other/")
    assert denied(listing, Bucket=bucket)


def test_variable_without_a_value_matches_nothing(cloud: Cloud, bucket: str) -> None:
    role = cloud.role(allow("s3:GetObject", f"arn:aws:s3:::{bucket}/t/${{aws:PrincipalTag/TenantId}}/*"))
    assert not reads(cloud.assume(role), bucket, "t/acme/x")
    assert not reads(cloud.assume(role), bucket, "t//x")


@pytest.mark.extension
def test_variable_with_a_default(cloud: Cloud, bucket: str) -> None:
    role = cloud.role(allow("s3:GetObject", f"arn:aws:s3:::{bucket}/t/${{aws:PrincipalTag/TenantId, 'acme'}}/*"))
    assert reads(cloud.assume(role), bucket, "t/acme/x")
    assert not reads(cloud.assume(role, tags={"TenantId": "other"}), bucket, "t/acme/x")


@pytest.mark.extension
def test_special_variables_are_the_characters_themselves(cloud: Cloud, bucket: str) -> None:
    session = cloud.tenant("acme", allow("s3:GetObject", f"arn:aws:s3:::{bucket}/t/acme${{*}}/x"))
    assert reads(session, bucket, "t/acme*/x")
    assert not reads(session, bucket, "t/acme/x")


@pytest.mark.extension
def test_wildcards_in_variable_values_are_literal(cloud: Cloud, bucket: str) -> None:
    """A session name cannot contain `*`, but a user's path or a request value can."""
    role = cloud.role(allow("s3:GetObject", f"arn:aws:s3:::{bucket}/t/${{s3:prefix, '*'}}/x"))
    session = cloud.assume(role)
    assert not reads(session, bucket, "t/acme/x")
    role = cloud.role(allow("s3:GetObject", f"arn:aws:s3:::{bucket}/t/${{s3:prefix, 'acme*'}}/x"))
    assert reads(cloud.assume(role), bucket, "t/acme*/x")


def test_variables_need_policy_version_2012(cloud: Cloud, bucket: str) -> None:
    statement = allow("s3:GetObject", f"arn:aws:s3:::{bucket}/t/${{aws:PrincipalTag/TenantId}}/*")
    session = cloud.tenant("acme", statement, version="2008-10-17")
    assert not reads(session, bucket, "t/acme/x")


def test_deny_without_a_tenant_tag(cloud: Cloud, bucket: str) -> None:
    role = cloud.role(allow("*"), deny("*", Condition={"Null": {"aws:PrincipalTag/TenantId": "true"}}))
    assert not reads(cloud.assume(role), bucket, "plain")
    assert reads(cloud.assume(role, tags={"TenantId": "acme"}), bucket, "plain")


@pytest.mark.extension
def test_negated_operator_with_a_variable_denies_all_others(cloud: Cloud, bucket: str) -> None:
    bucket_policy = policy(
        deny(
            "s3:GetObject",
            f"arn:aws:s3:::{bucket}/t/acme/*",
            Principal="*",
            Condition={"StringNotEquals": {"aws:PrincipalTag/TenantId": "${aws:PrincipalTag/Owner}"}},
        )
    )
    cloud.client("s3").put_bucket_policy(Bucket=bucket, Policy=bucket_policy)
    try:
        role = cloud.role(allow("s3:*"))
        assert reads(cloud.assume(role, tags={"TenantId": "acme", "Owner": "acme"}), bucket, "t/acme/x")
        assert not reads(cloud.assume(role, tags={"TenantId": "acme", "Owner": "other"}), bucket, "t/acme/x")
        assert not reads(cloud.assume(role, tags={"TenantId": "acme"}), bucket, "t/acme/x")
    finally:
        cloud.client("s3").delete_bucket_policy(Bucket=bucket)


@pytest.mark.extension
def test_variable_in_a_session_policy_narrows(cloud: Cloud, bucket: str) -> None:
    role = cloud.role(allow("s3:GetObject"))
    narrowed = policy(allow("s3:GetObject", f"arn:aws:s3:::{bucket}/t/${{aws:PrincipalTag/TenantId}}/*"))
    session = cloud.assume(role, tags={"TenantId": "acme"}, Policy=narrowed)
    assert reads(session, bucket, "t/acme/x")
    assert not reads(session, bucket, "t/other/x")


def test_session_policy_cannot_widen(cloud: Cloud, bucket: str) -> None:
    role = cloud.role(allow("s3:GetObject", f"arn:aws:s3:::{bucket}/t/acme/*"))
    session = cloud.assume(role, Policy=policy(allow("s3:*")))
    assert not reads(session, bucket, "t/other/x")


@pytest.mark.extension
def test_variable_in_a_trust_policy_binds_the_session_name_to_the_tag(cloud: Cloud) -> None:
    role = cloud.role(
        trust=allow(
            ["sts:AssumeRole", "sts:TagSession"],
            None,
            Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
            Condition={
                "StringEquals": {"sts:RoleSessionName": "${aws:RequestTag/TenantId}"},
                "StringLike": {"aws:RequestTag/TenantId": "?*"},
                "ForAllValues:StringEquals": {"aws:TagKeys": ["TenantId"]},
            },
        )
    )
    assume = cloud.client("sts").assume_role
    tag = [{"Key": "TenantId", "Value": "acme"}]
    assert not denied(assume, RoleArn=role, RoleSessionName="acme", Tags=tag)
    assert denied(assume, RoleArn=role, RoleSessionName="other", Tags=tag)
    assert denied(assume, RoleArn=role, RoleSessionName="acme")
    assert denied(assume, RoleArn=role, RoleSessionName="acme", Tags=[*tag, {"Key": "Extra", "Value": "1"}])
    assert denied(assume, RoleArn=role, RoleSessionName="acme", Tags=[{"Key": "TenantId", "Value": ""}])


def test_role_tags_are_principal_tags_and_session_tags_win(cloud: Cloud, bucket: str) -> None:
    role = cloud.role(allow("s3:GetObject", Condition={"StringEquals": {"aws:PrincipalTag/TenantId": "acme"}}))
    cloud.client("iam").tag_role(RoleName=role.rpartition("/")[2], Tags=[{"Key": "TenantId", "Value": "acme"}])
    assert reads(cloud.assume(role), bucket, "plain")
    assert not reads(cloud.assume(role, tags={"TenantId": "other"}), bucket, "plain")


@pytest.mark.extension
def test_principal_arn_is_the_role_not_the_session(cloud: Cloud, bucket: str) -> None:
    role = cloud.role(allow("s3:GetObject"))
    session = cloud.assume(role)
    for arn, allowed in ((role, True), (session.client("sts").get_caller_identity()["Arn"], False)):
        cloud.client("s3").put_bucket_policy(
            Bucket=bucket,
            Policy=policy(
                deny(
                    "s3:GetObject",
                    f"arn:aws:s3:::{bucket}/*",
                    Principal="*",
                    Condition={"ArnNotEquals": {"aws:PrincipalArn": arn}},
                )
            ),
        )
        try:
            assert reads(session, bucket, "plain") == allowed, arn
        finally:
            cloud.client("s3").delete_bucket_policy(Bucket=bucket)


@pytest.mark.extension
def test_wildcards_stay_within_their_arn_segment(cloud: Cloud, bucket: str) -> None:
    session = cloud.tenant("acme", allow("s3:GetObject", f"arn:aws:s3*:{bucket}/plain"))
    assert not reads(session, bucket, "plain")


def test_refuses_anonymous_requests(cloud: Cloud, bucket: str) -> None:
    import urllib.error
    import urllib.request

    for path in (f"/{bucket}/plain", f"/{bucket}"):
        with pytest.raises(urllib.error.HTTPError) as raised:
            urllib.request.urlopen(cloud.address + path)
        assert raised.value.code == 403


def test_refuses_a_wrong_signature(cloud: Cloud) -> None:
    user = cloud.user(allow("*"))
    forged = cloud.acting_as({**user.credentials, "aws_secret_access_key": "not-it"})
    assert error(forged.client("dynamodb").list_tables)[0] == "InvalidSignatureException"


@pytest.mark.extension
def test_tagging_a_session_needs_the_callers_own_permission(cloud: Cloud) -> None:
    role = cloud.role(allow("s3:*"))
    tag = [{"Key": "TenantId", "Value": "acme"}]
    without = cloud.user(allow("sts:AssumeRole", role)).client("sts")
    assert not denied(without.assume_role, RoleArn=role, RoleSessionName="acme")
    assert denied(without.assume_role, RoleArn=role, RoleSessionName="acme", Tags=tag)
    with_right = cloud.user(allow(["sts:AssumeRole", "sts:TagSession"], role)).client("sts")
    assert not denied(with_right.assume_role, RoleArn=role, RoleSessionName="acme", Tags=tag)


def test_tagging_a_session_needs_the_trust_policy(cloud: Cloud) -> None:
    role = cloud.role(trust=allow("sts:AssumeRole", None, Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"}))
    caller = cloud.user(allow("sts:*")).client("sts")
    assert denied(caller.assume_role, RoleArn=role, RoleSessionName="acme", Tags=[{"Key": "TenantId", "Value": "a"}])


@pytest.mark.extension
def test_role_chaining_is_limited_to_an_hour(cloud: Cloud) -> None:
    role = cloud.role(allow("sts:*"))
    cloud.client("iam").update_role(RoleName=role.rpartition("/")[2], MaxSessionDuration=43200)
    cloud.assume(role, DurationSeconds=7200)
    chained = cloud.assume(role).client("sts")
    code, status, message = error(chained.assume_role, RoleArn=role, RoleSessionName="again", DurationSeconds=3601)
    assert (code, status) == ("ValidationError", 400) and "role chaining" in message
    chained.assume_role(RoleArn=role, RoleSessionName="again", DurationSeconds=3600)


@pytest.mark.extension
@pytest.mark.parametrize(
    "tags",
    [
        {"TenantId": "a*"},
        {"TenantId": "a?b"},
        {"TenantId": "${x}"},
        {"TenantId": "a" * 257},
        {"k" * 129: "a"},
        {"Ten*": "a"},
    ],
)
def test_tag_alphabet_and_length(cloud: Cloud, tags: Any) -> None:
    given = [{"Key": key, "Value": value} for key, value in tags.items()]
    sts = cloud.client("sts", parameter_validation=False)
    assert error(sts.assume_role, RoleArn=cloud.role(), RoleSessionName="acme", Tags=given)[0] == "ValidationError"


@pytest.mark.extension
def test_callers_policy_can_require_session_name_and_tag(cloud: Cloud) -> None:
    role = cloud.role()
    caller = cloud.user(
        allow(
            ["sts:AssumeRole", "sts:TagSession"],
            role,
            Condition={
                "StringEquals": {"sts:RoleSessionName": "${aws:RequestTag/TenantId}", "aws:RequestTag/TenantId": "acme"}
            },
        )
    )
    assume = caller.client("sts").assume_role

    def refused(session: Any, tenant: Any) -> Any:
        return denied(assume, RoleArn=role, RoleSessionName=session, Tags=[{"Key": "TenantId", "Value": tenant}])

    assert not refused("acme", "acme")
    assert refused("other", "acme")
    assert refused("other", "other")


def signed(cloud: Cloud, method: Any, service: str, path: str, body: bytes = b"", **headers: Any) -> Any:
    """Sends a signed HTTP call with the given headers and path."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    keys = cloud.credentials
    request = AWSRequest(
        method,
        cloud.address + path,
        data=body,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )
    signer = Credentials(keys["aws_access_key_id"], keys["aws_secret_access_key"], keys.get("aws_session_token"))
    SigV4Auth(signer, service, cloud.region).add_auth(request)
    return http.call(method, str(request.url), body, **{k.replace("-", "_"): v for k, v in request.headers.items()})


@pytest.mark.extension
def test_checks_the_performed_action(cloud: Cloud) -> None:
    """A caller that may only list tables must not read an item under another action's name."""
    caller = cloud.user(allow(["dynamodb:ListTables", "kms:ListKeys", "s3:ListAllMyBuckets", "sts:GetCallerIdentity"]))

    def target(name: str) -> Any:
        return {"Content_Type": "application/x-amz-json-1.0", "X_Amz_Target": name}

    assume = b"Action=AssumeRole&RoleArn=x&RoleSessionName=ab"
    answers = [
        signed(caller, "POST", "dynamodb", "/?Action=ListTables", b"{}", **target("DynamoDB_20120810.CreateTable")),
        signed(caller, "POST", "kms", "/?Action=ListKeys", b"{}", **target("TrentService.CreateKey")),
        signed(caller, "PUT", "s3", "/taken-over", X_Amz_Target="X.ListAllMyBuckets"),
        signed(caller, "PUT", "s3", "/taken-over?Action=ListAllMyBuckets"),
        signed(
            caller,
            "POST",
            "sts",
            "/?Action=GetCallerIdentity",
            assume,
            Content_Type="application/x-www-form-urlencoded",
        ),
        signed(caller, "POST", "sts", "/", assume, Content_Type="text/plain"),
    ]
    assert [answer.status for answer in answers if b"AccessDenied" not in answer.body] == []
    allowed = signed(caller, "POST", "dynamodb", "/", b"{}", **target("DynamoDB_20120810.ListTables"))
    assert allowed.status == 200


@pytest.mark.extension
def test_checks_every_operation(cloud: Cloud) -> None:
    """MiniStack does not check operations that it cannot name, such as a streaming invocation."""
    caller = cloud.user(allow("sts:GetCallerIdentity"))
    functions = caller.client("lambda")
    assert denied(functions.invoke_with_response_stream, FunctionName="any")
    assert denied(functions.get_account_settings)
    assert denied(functions.update_event_source_mapping, UUID="0" * 36)
    assert denied(functions.list_code_signing_configs)


@pytest.mark.extension
def test_knows_sams_policy_for_traces(cloud: Cloud) -> None:
    arn = "arn:aws:iam::aws:policy/AWSXrayWriteOnlyAccess"
    found = cloud.client("iam").get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"]
    assert {each.split(":")[0] for each in found["Statement"][0]["Action"]} == {"xray"}


@pytest.mark.extension
def test_source_identity_needs_its_own_right_and_stays(cloud: Cloud) -> None:
    root = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    plain = cloud.role(allow(["sts:AssumeRole", "sts:SetSourceIdentity"]))
    trust = allow(["sts:AssumeRole", "sts:SetSourceIdentity"], None, Principal=root)
    traced = cloud.role(allow(["sts:AssumeRole", "sts:SetSourceIdentity"]), trust=trust)

    def take(account: Cloud, role: str, **more: Any) -> Any:
        return account.client("sts").assume_role(RoleArn=role, RoleSessionName="session", **more)

    assert denied(take, cloud, plain, SourceIdentity="ada"), "the trust policy does not allow it"
    session = cloud.assume(traced, SourceIdentity="ada")
    assert denied(take, session, plain), "a session with a source identity reaches no role that does not allow it"
    assert not denied(take, session, traced)
    assert denied(take, session, traced, SourceIdentity="eve"), "it cannot be changed"
    only_assume = cloud.user(allow("sts:AssumeRole"))
    assert not denied(take, only_assume, traced)
    assert denied(take, only_assume, traced, SourceIdentity="ada")
