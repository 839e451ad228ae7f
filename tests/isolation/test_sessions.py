"""The tenant role can be assumed for one tenant, by name, and in no other way."""

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


def test_the_operator_may_take_a_tenants_session(operator: Account, role: str, clinic: Tenant) -> None:
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
        ("under a free session name", "debugging", {"TenantId": "{a}"}),
        ("for a tenant too short to be one", "abcdef", {"TenantId": "abcdef"}),
    ],
)
def test_a_session_is_refused(
    what: str, name: str, tags: dict[str, str], operator: Account, role: str, clinic: Tenant, bicycles: Tenant
) -> None:
    def fill(text: str) -> str:
        return text.format(a=clinic.id, b=bicycles.id)

    refusal(
        f"a session {what}",
        lambda: operator.assume(role, fill(name), {key: fill(value) for key, value in tags.items()}),
    )


def test_a_session_tag_cannot_be_made_transitive(operator: Account, role: str, clinic: Tenant) -> None:
    """A transitive tag would follow the session into the next role."""
    try:
        session = operator.assume(role, clinic.id, {"TenantId": clinic.id}, TransitiveTagKeys=["TenantId"])
    except Exception:  # noqa: BLE001 - a refusal is the better of the two good answers
        return
    refusal("going on from it", lambda: session.assume(role, clinic.id, {"TenantId": clinic.id}))


@pytest.mark.parametrize("wanted", ["clinic", "bicycles"])
def test_a_tenants_session_opens_no_further_session(
    wanted: str, role: str, bicycles_session: Account, request: pytest.FixtureRequest
) -> None:
    tenant: Tenant = request.getfixturevalue(wanted)
    refusal(
        f"a session of {tenant.name} from within a session",
        lambda: bicycles_session.assume(role, tenant.id, {"TenantId": tenant.id}),
    )


def test_a_tenants_session_does_not_become_the_operator(stack: LocalStack, bicycles_session: Account) -> None:
    operator_role = stack.outputs["BasicOperatorRole"]
    refusal("becoming the operator", lambda: bicycles_session.assume(operator_role, "operator"))


def test_the_accounts_root_cannot_skip_the_operator(stack: LocalStack, role: str, clinic: Tenant) -> None:
    """The trust policy names functions and the operator; the account's root is neither."""
    refusal(
        "the tenant role, straight from root",
        lambda: stack.account.assume(role, clinic.id, {"TenantId": clinic.id}),
    )


def test_a_session_of_a_tenant_that_does_not_exist_finds_nothing_of_others(
    operator: Account, role: str, clinic_target: Target, bicycles_target: Target
) -> None:
    nobody = "0" * 32
    try:
        session = operator.assume(role, nobody, {"TenantId": nobody})
    except Exception:  # noqa: BLE001 - refused at the door: fine
        return
    for name in ("table-Query", "objects-GetObject", "vectors-QueryVectors", "keys-Decrypt"):
        operation(name).attack(session, clinic_target, bicycles_target)


def test_a_tenant_whose_name_begins_anothers_opens_nothing_of_it(
    operator: Account, role: str, clinic: Tenant, clinic_target: Target, bicycles_target: Target
) -> None:
    """`t/<id>/` and `t-<id>-` end in separators; a shorter id must not match a longer one."""
    shorter = clinic.id[:16]
    try:
        session = operator.assume(role, shorter, {"TenantId": shorter})
    except Exception:  # noqa: BLE001 - refused at the door: fine
        return
    for name in ("table-Query", "objects-GetObject", "objects-List-prefix", "vectors-QueryVectors"):
        operation(name).attack(session, clinic_target, bicycles_target)


def test_the_control_call_of_an_attack_is_not_taken_for_granted(
    bicycles_session: Account, clinic_target: Target
) -> None:
    """The kit itself: a control that fails must fail the test, or every attack would pass."""
    with pytest.raises(NotRefused):
        operation("table-GetItem").control(bicycles_session, clinic_target)
    with pytest.raises(NotRefused):
        refusal("a call that works", lambda: bicycles_session.client("sts").get_caller_identity())
