"""The tenant role can only be assumed for one tenant, by session name and tag."""

from __future__ import annotations

import pytest

from tools.attacks import NotRefused, Target, operation, refusal
from tools.devstack.aws import Account, Tenant
from tools.devstack.stack import LocalStack


@pytest.fixture(scope="module")
def role(stack: LocalStack) -> str:
    return stack.outputs["BasicTenantRole"]


@pytest.fixture(scope="module")
def control(stack: LocalStack) -> Account:
    """The role of the control function, which serves all tenants and gives operators their sessions."""
    return stack.role_of("ControlFunction")


@pytest.mark.parametrize(
    "function", ["ControlFunction", "TemplatesFunction", "DocumentsFunction", "InferenceFunction", "IngestionFunction"]
)
def test_function_may_take_a_tenants_session(stack: LocalStack, function: str, role: str, clinic: Tenant) -> None:
    session = stack.role_of(function).assume(role, clinic.id, {"TenantId": clinic.id})
    arn = session.client("sts").get_caller_identity()["Arn"]
    assert arn.endswith(f"/{clinic.id}"), f"the session is not named after its tenant: {arn}"


@pytest.mark.parametrize("function", ["AuthorizerFunction", "DispatchFunction", "ExtractionFunction"])
def test_function_without_a_session_may_not_take_one(
    stack: LocalStack, function: str, role: str, clinic: Tenant
) -> None:
    account = stack.role_of(function)
    refusal(f"a session for {function}", lambda: account.assume(role, clinic.id, {"TenantId": clinic.id}))


def test_operator_gets_a_session_only_with_a_recorded_run(stack: LocalStack, role: str, clinic: Tenant) -> None:
    """If the operator's role could assume the tenant role, no command would need a record."""
    operator = stack.operator()
    refusal("a session without a run", lambda: operator.assume(role, clinic.id, {"TenantId": clinic.id}))
    operator.invoke(stack.outputs["BasicControlFunction"], {"action": "show", "tenant": clinic.id})
    session = stack.session(clinic)
    assert session.client("sts").get_caller_identity()["Arn"].endswith(f"/{clinic.id}")
    latest = stack.control("runs", tenant=clinic.id)["runs"][0]
    assert latest["access_key_id"] == session.credentials.key, "the record does not name the session"


def test_source_identity_reaches_the_operator_role_and_no_further(
    stack: LocalStack, control: Account, role: str, clinic: Tenant
) -> None:
    stack.operator(SourceIdentity="ada")
    refusal(
        "a session with a source identity",
        lambda: control.assume(role, clinic.id, {"TenantId": clinic.id}, SourceIdentity="ada"),
    )


@pytest.mark.parametrize(
    ("what", "name", "tags"),
    [
        ("without a tag", "{a}", {}),
        ("with an empty tag", "{a}", {"TenantId": ""}),
        ("with a second tag", "{a}", {"TenantId": "{a}", "Tier": "gold"}),
        ("with another tag only", "{a}", {"Tenant": "{a}"}),
        ("with the tag in another case", "{a}", {"tenantid": "{a}"}),
        ("under another session name", "{b}", {"TenantId": "{a}"}),
        ("under an arbitrary session name", "debugging", {"TenantId": "{a}"}),
        ("with a tenant id that is too short", "abcdef", {"TenantId": "abcdef"}),
    ],
)
def test_session_is_refused(
    what: str, name: str, tags: dict[str, str], control: Account, role: str, clinic: Tenant, bicycles: Tenant
) -> None:
    def fill(text: str) -> str:
        return text.format(a=clinic.id, b=bicycles.id)

    refusal(
        f"a session {what}",
        lambda: control.assume(role, fill(name), {key: fill(value) for key, value in tags.items()}),
    )


def test_session_tag_cannot_be_transitive(control: Account, role: str, clinic: Tenant) -> None:
    """A transitive tag would follow the session into the next role."""
    try:
        session = control.assume(role, clinic.id, {"TenantId": clinic.id}, TransitiveTagKeys=["TenantId"])
    except Exception:  # noqa: BLE001 - a refusal is also correct
        return
    refusal("another session with a transitive tag", lambda: session.assume(role, clinic.id, {"TenantId": clinic.id}))


@pytest.mark.parametrize("wanted", ["clinic", "bicycles"])
def test_tenant_session_cannot_open_another_session(
    wanted: str, role: str, bicycles_session: Account, request: pytest.FixtureRequest
) -> None:
    tenant: Tenant = request.getfixturevalue(wanted)
    refusal(
        f"a session of {tenant.name} from within a session",
        lambda: bicycles_session.assume(role, tenant.id, {"TenantId": tenant.id}),
    )


def test_tenant_session_cannot_become_the_operator(stack: LocalStack, bicycles_session: Account) -> None:
    operator_role = stack.outputs["BasicOperatorRole"]
    refusal("becoming the operator", lambda: bicycles_session.assume(operator_role, "operator"))


def test_root_cannot_assume_the_tenant_role(stack: LocalStack, role: str, clinic: Tenant) -> None:
    """The trust policy names functions; the account's root is none."""
    refusal(
        "the tenant role, assumed by root",
        lambda: stack.account.assume(role, clinic.id, {"TenantId": clinic.id}),
    )


def test_session_of_a_missing_tenant_reads_no_other_tenant(
    control: Account, role: str, clinic_target: Target, bicycles_target: Target
) -> None:
    missing = "0" * 32
    try:
        session = control.assume(role, missing, {"TenantId": missing})
    except Exception:  # noqa: BLE001 - a refusal is also correct
        return
    for name in ("table-Query", "objects-GetObject", "vectors-QueryVectors", "keys-Decrypt"):
        operation(name).attack(session, clinic_target, bicycles_target)


def test_tenant_whose_id_is_a_prefix_reads_nothing_of_the_longer_id(
    control: Account, role: str, clinic: Tenant, clinic_target: Target, bicycles_target: Target
) -> None:
    """`t/<id>/` and `t-<id>-` end in separators, so a shorter id does not match a longer one."""
    shorter = clinic.id[:16]
    try:
        session = control.assume(role, shorter, {"TenantId": shorter})
    except Exception:  # noqa: BLE001 - a refusal is also correct
        return
    for name in ("table-Query", "objects-GetObject", "objects-List-prefix", "vectors-QueryVectors"):
        operation(name).attack(session, clinic_target, bicycles_target)


def test_failing_control_fails_the_attack(bicycles_session: Account, clinic_target: Target) -> None:
    """If a failing control did not fail the test, every attack would pass."""
    with pytest.raises(NotRefused):
        operation("table-GetItem").control(bicycles_session, clinic_target)
    with pytest.raises(NotRefused):
        refusal("a call that works", lambda: bicycles_session.client("sts").get_caller_identity())
