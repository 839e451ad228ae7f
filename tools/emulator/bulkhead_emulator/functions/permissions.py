"""Permissions of services to invoke functions.

AWS (lambda/latest/dg/access-control-resource-based): API Gateway, EventBridge and S3 invoke only if the
function's resource policy allows their principal from that source ARN (`AWS::Lambda::Permission`).
"""

from __future__ import annotations

import json
from contextvars import ContextVar
from typing import Any

from ministack.core import iam_evaluator
from ministack.services import eventbridge, lambda_svc

from .. import judgements
from ..patch import replace

API_GATEWAY = "apigateway.amazonaws.com"
EVENT_BRIDGE = "events.amazonaws.com"


_rule: ContextVar[str] = ContextVar("rule_being_delivered", default="")


def install() -> None:
    global _invoke_target
    replace(eventbridge, "_dispatch_to_lambda", dispatch_to_lambda)
    _invoke_target = replace(eventbridge, "_invoke_target", invoke_target)


_invoke_target: Any = None


def service_may_invoke(config: dict, policy: Any, service: str, source_arn: str) -> bool:
    """Returns whether the function's policy allows ``service`` to invoke it from ``source_arn``."""
    arn = config.get("FunctionArn", "")
    account = arn.split(":")[4] if arn.count(":") > 4 else ""
    context = iam_evaluator.EvalContext(
        principal_arn=f"service:{service}",
        principal_type="Service",
        principal_account=account,
        action="lambda:InvokeFunction",
        resource_arn=arn,
        region=arn.split(":")[3] if arn.count(":") > 4 else "",
        service_context={"aws:sourcearn": source_arn, "aws:sourceaccount": account},
    )
    verdict = iam_evaluator.evaluate_resource_policy(policy, context, service=service).decision
    judgements.note(context, verdict, kind="service", resource_policy=policy)
    return verdict == "Allow"


def invoke_target(target: dict, event: dict, rule: dict, *more: Any) -> None:
    """Calls MiniStack's delivery and remembers the rule."""
    token = _rule.set(rule.get("Arn", ""))
    try:
        _invoke_target(target, event, rule, *more)
    finally:
        _rule.reset(token)


def dispatch_to_lambda(arn: str, payload: str) -> None:
    """Delivers an event to a function asynchronously if its policy allows EventBridge."""
    function, config, name = lambda_svc._get_func_record_for_ref(arn)
    if not function or not config:
        lambda_svc.logger.warning("EventBridge: function %s does not exist", name)
        return
    rule = _rule.get()
    if not service_may_invoke(config, function.get("policy"), EVENT_BRIDGE, rule):
        lambda_svc.logger.warning(
            "EventBridge: the policy of %s does not let %s invoke it; add an "
            "AWS::Lambda::Permission for events.amazonaws.com",
            name,
            rule,
        )
        return
    record = lambda_svc._execution_record_for_config(function, config)
    lambda_svc.invoke_async_with_retry(record, json.loads(payload))
