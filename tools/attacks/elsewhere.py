"""Services that no tenant's session may use."""

from __future__ import annotations

from typing import Any

from .target import DENIED, Operation


def _other(name: str, action: str, call: Any) -> Operation:
    return Operation("elsewhere", name, action, call, owner_may=False, codes=DENIED)


ELSEWHERE = (
    _other(
        "SendMessage",
        "sqs:SendMessage",
        lambda s, v, o: s.client("sqs").send_message(
            QueueUrl=v.queue_url, MessageBody="{}", MessageGroupId=v.tenant.id
        ),
    ),
    _other(
        "ReceiveMessage",
        "sqs:ReceiveMessage",
        lambda s, v, o: s.client("sqs").receive_message(QueueUrl=v.queue_url),
    ),
    _other("ListRoles", "iam:ListRoles", lambda s, v, o: s.client("iam").list_roles()),
    _other("ListFunctions", "lambda:ListFunctions", lambda s, v, o: s.client("lambda").list_functions()),
)
