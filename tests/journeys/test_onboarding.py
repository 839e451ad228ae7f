"""Onboarding that was interrupted is finished: every step finds what an earlier try has made."""

from __future__ import annotations

from tools.devstack.problems import problem
from tools.devstack.stack import LocalStack


def test_an_interrupted_onboarding_is_finished(stack: LocalStack) -> None:
    """As if it had ended before its last step: all is made, and the registry does not say so yet."""
    tenant = stack.onboard("Interrupted")
    stack.account.client("dynamodb").update_item(
        TableName=stack.outputs["RegistryTable"],
        Key={"tenant": {"S": tenant.id}},
        UpdateExpression="SET #status = :onboarding",
        ExpressionAttributeNames={"#status": "status"},
        ExpressionAttributeValues={":onboarding": {"S": "onboarding"}},
    )
    problem(stack.api(tenant).get("/v1/templates"), 403)
    finished = stack.control("onboard", tenant=tenant.id)
    assert (finished["tenant"], finished["index"], finished["key_arn"]) == (
        tenant.id,
        tenant.index,
        tenant.key_arn,
    )
    stack.api(tenant).get("/v1/templates").expect(200)
    again = stack.control("onboard", tenant=tenant.id)
    assert again["error"]["code"] == "wrong_status", again
