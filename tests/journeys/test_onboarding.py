"""An interrupted onboarding can be finished: every step finds the results of earlier attempts."""

from __future__ import annotations

from tools.devstack.problems import problem
from tools.devstack.stack import LocalStack


def test_interrupted_onboarding_can_be_finished(stack: LocalStack) -> None:
    """Simulates an interruption before the last step: all resources exist, the registry is not updated."""
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
