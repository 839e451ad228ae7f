"""Recognises the AWS call of a request: service, action and session."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from .services import Service, signed_as

_FORM = "application/x-www-form-urlencoded"
_CREDENTIAL = re.compile(r"Credential=([^,\s]+)")


@dataclass(frozen=True)
class Call:
    """One AWS call. All fields are empty if the request is not an AWS call, such as a call of the public API."""

    service: str = ""
    action: str = ""
    # Access key id of the signature.
    key: str = ""
    # Name of the role session that makes the call; for AssumeRole the requested session. The product
    # names a session after its tenant.
    session: str = ""


@dataclass(frozen=True)
class Head:
    """The head of a request; header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(self.target.partition("?")[2], keep_blank_values=True))

    @property
    def signature(self) -> tuple[str, Service | None, str]:
        """The access key id, the service and the service's name of the signature."""
        found = _CREDENTIAL.search(self.headers.get("authorization", ""))
        scope = (found[1] if found else self.query.get("X-Amz-Credential", "")).split("/")
        if len(scope) < 5:
            return "", None, ""
        service = signed_as(scope[-2])
        return scope[0], service, service.name if service else scope[-2]

    @property
    def action_in_body(self) -> bool:
        """Whether the body is a form that contains the action."""
        service = self.signature[1]
        form = self.headers.get("content-type", "").startswith(_FORM)
        return form and service is not None and not service.rest


def recognise(head: Head, form: bytes, sessions: Mapping[str, str]) -> tuple[Call, Service | None]:
    """Returns the call of a request. `sessions` maps access key ids to session names."""
    key, service, name = head.signature
    if not key:
        return Call(), None
    parameters = {**head.query, **dict(parse_qsl(form.decode("utf-8", "replace")))}
    if target := head.headers.get("x-amz-target"):
        action = target.rpartition(".")[2]
    elif service and service.rest:
        action = service.operation(head.method, head.path, head.query, head.headers)
    else:
        action = parameters.get("Action", "")
    session = parameters.get("RoleSessionName", "") if action == "AssumeRole" else sessions.get(key, "")
    return Call(name, action, key, session), service
