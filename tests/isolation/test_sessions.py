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
def operator(stack: LocalStack) -> Account:
    return stack.operator()


def test_operator_may_take_a_tenants_session(operator: Account, role: str, clinic: Tenant) -> None:
    session = operator.assume(role, clinic.id, {"TenantId": clinic.id})
    arn = session.client("sts").get_caller_identity()["Arn"]
    assert arn.endswith(f"/{clinic.id}"), f"the session is not named after its tenant: {arn}"


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
    what: str, name: str, tags: dict[str, str], operator: Account, role: str, clinic: Tenant, bicycles: Tenant
) -> None:
    def fill(text: str) -> str:
        return text.format(a=clinic.id, b=bicycles.id)

    refusal(
        f"a session {what}",
        lambda: operator.assume(role, fill(name), {key: fill(value) for key, value in tags.items()}),
    )


def test_session_tag_cannot_be_transitive(operator: Account, role: str, clinic: Tenant) -> None:
    """A transitive tag would follow the session into the next role."""
    try:
        session = operator.assume(role, clinic.id, {"TenantId": clinic.id}, TransitiveTagKeys=["TenantId"])
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
    """The trust policy names functions and the operator; the account's root is neither."""
    refusal(
        "the tenant role, assumed by root",
        lambda: stack.account.assume(role, clinic.id, {"TenantId": clinic.id}),
    )


def test_session_of_a_missing_tenant_reads_no_other_tenant(
    operator: Account, role: str, clinic_target: Target, bicycles_target: Target
) -> None:
    missing = "0" * 32
    try:
        session = operator.assume(role, missing, {"TenantId": missing})
    except Exception:  # noqa: BLE001 - a refusal is also correct
        return
    for name in ("table-Query", "objects-GetObject", "vectors-QueryVectors", "keys-Decrypt"):
        operation(name).attack(session, clinic_target, bicycles_target)


def test_tenant_whose_id_is_a_prefix_reads_nothing_of_the_longer_id(
    operator: Account, role: str, clinic: Tenant, clinic_target: Target, bicycles_target: Target
) -> None:
    """`t/<id>/` and `t-<id>-` end in separators, so a shorter id does not match a longer one."""
    shorter = clinic.id[:16]
    try:
        session = operator.assume(role, shorter, {"TenantId": shorter})
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
