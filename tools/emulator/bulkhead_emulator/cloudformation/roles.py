"""`AWS::IAM::Role`: known policies, the permissions boundary and the size quotas.

AWS (IAM quotas, reference_iam-quotas): a trust policy has at most 2,048 characters, the inline policies
of a role 10,240 together, white space not counted; an unknown managed policy fails the stack.
"""

from __future__ import annotations

import json
from typing import Any

from ministack.services import iam

from ..patch import replace, replace_provisioner

_TYPE = "AWS::IAM::Role"
_TRUST_LIMIT, _INLINE_LIMIT = 2_048, 10_240
# SAM attaches this policy to a function with tracing (AWS Managed Policy Reference). MiniStack lacks it.
_TRACES = "AWSXrayWriteOnlyAccess"
_TRACES_POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Resource": ["*"],
            "Action": [
                "xray:PutTraceSegments",
                "xray:PutTelemetryRecords",
                "xray:GetSamplingRules",
                "xray:GetSamplingTargets",
                "xray:GetSamplingStatisticSummaries",
            ],
        }
    ],
}


def install() -> None:
    global _attach
    record = iam._make_aws_managed_record(_TRACES, json.dumps(_TRACES_POLICY))
    iam._aws_managed_policies.setdefault(record["Arn"], record)
    _attach = replace(iam, "attach_managed_policy", attach_managed_policy)
    replace_provisioner(_TYPE, "create", _creating)
    replace_provisioner(_TYPE, "update", _updating)


_attach: Any = None


def attach_managed_policy(entity: dict, arn: str) -> None:
    if not iam.policy_known(arn):
        raise ValueError(
            f"Policy {arn} does not exist or is not attachable; this emulator knows "
            "AWSLambdaBasicExecutionRole and the other common AWS-managed policies only"
        )
    _attach(entity, arn)


def _creating(create: Any) -> Any:
    def create_role(logical_id: str, props: dict, stack: str) -> tuple:
        _check_quotas(props)
        made = create(logical_id, props, stack)
        _keep_boundary(made[0], props)
        return made

    return create_role


def _updating(update: Any) -> Any:
    def update_role(physical_id: str, old: dict, new: dict, *more: Any) -> tuple:
        _check_quotas(new)
        made = update(physical_id, old, new, *more)
        _keep_boundary(made[0], new)
        return made

    return update_role


def _keep_boundary(name: str, props: dict) -> None:
    boundary = props.get("PermissionsBoundary")
    if boundary and not iam.policy_known(boundary):
        raise ValueError(f"Scope ARN: {boundary} does not exist or is not attachable.")
    iam._roles[name].pop("PermissionsBoundary", None)
    if boundary:
        iam._roles[name]["PermissionsBoundary"] = boundary


def _check_quotas(props: dict) -> None:
    trust = _size(props.get("AssumeRolePolicyDocument") or {})
    if trust > _TRUST_LIMIT:
        raise ValueError(f"Cannot exceed quota for ACLSizePerRole: {_TRUST_LIMIT} (the trust policy has {trust})")
    inline = sum(_size(policy.get("PolicyDocument") or {}) for policy in props.get("Policies") or [])
    if inline > _INLINE_LIMIT:
        raise ValueError(f"Maximum policy size of {_INLINE_LIMIT} bytes exceeded for the role (inline: {inline})")


def _size(document: Any) -> int:
    return len(json.dumps(json.loads(document) if isinstance(document, str) else document, separators=(",", ":")))
