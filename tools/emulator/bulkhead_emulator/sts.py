"""STS: session tags and role chaining as AWS checks them.

AWS (IAM User Guide, id_session-tags and id_roles_terms-and-concepts; STS API reference): passing tags
needs `sts:TagSession` in the caller's policy as well as in the trust policy; role chaining is limited to
one hour and a longer DurationSeconds fails; tag keys, tag values and session names have a fixed alphabet.

AWS (IAM User Guide, id_credentials_temp_control-access_monitor): a source identity needs `sts:SetSourceIdentity` in
the caller's policy and in the trust policy. It stays set: a session that has one can only assume roles that allow
it, and cannot change it.
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any
from urllib.parse import parse_qs

from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import get_region
from ministack.core.router import extract_access_key_id
from ministack.services import iam, sts

from . import sessions
from .patch import replace

_SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_TAG_SYMBOLS = set("_.:/=+-@")
_CHAINED_LIMIT = 3600
# The source identity of each session, by access key id.
_source_identities: dict[str, str] = {}


def install() -> None:
    global _handle_request, _request_context
    _handle_request = replace(sts, "handle_request", handle_request)
    _request_context = replace(iam_actions, "request_tag_context", request_context)


_handle_request: Any = None
_request_context: Any = None


def request_context(service: str, action: str, body: bytes, params: dict) -> dict[str, Any]:
    """Returns the request's tags and, for AssumeRole, the session name, as condition keys."""
    context = _request_context(service, action, body, params)
    if action == "sts:AssumeRole" and params.get("RoleSessionName"):
        name = params["RoleSessionName"]
        context["sts:RoleSessionName"] = name[0] if isinstance(name, list) else name
    return context


class Refused(Exception):
    """AWS does not accept the AssumeRole request."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.status = code, status


async def handle_request(method: str, path: str, headers: dict, body: bytes, query_params: dict) -> tuple:
    params = _parameters(method, headers, body, query_params)
    if params.get("Action") == "AssumeRole":
        try:
            _check(params, headers, query_params)
        except Refused as refused:
            return sts._error(refused.status, refused.code, str(refused), ns="sts")
        denied = _tag_session_denied(params, headers, body, query_params)
        denied = denied or _source_identity_denied(params, headers, query_params)
        if denied:
            return denied
        body, query_params = sessions.as_granted(headers, body, query_params)
        answer = await _handle_request(method, path, headers, body, query_params)
        _remember_source_identity(params, headers, query_params, answer)
        return answer
    return await _handle_request(method, path, headers, body, query_params)


def _source_identity(params: dict[str, str], headers: dict, query_params: dict) -> str:
    """Returns the source identity of the new session: the caller's, or the given one."""
    return _source_identities.get(extract_access_key_id(headers, query_params), "") or params.get("SourceIdentity", "")


def _source_identity_denied(params: dict[str, str], headers: dict, query_params: dict) -> tuple | None:
    """Checks sts:SetSourceIdentity in the caller's policy and in the trust policy."""
    identity = _source_identity(params, headers, query_params)
    if not identity:
        return None
    from ministack import app

    role_arn, action = params.get("RoleArn", "*"), "sts:SetSourceIdentity"
    context = {"sts:SourceIdentity": identity, "sts:RoleSessionName": params.get("RoleSessionName", "")}
    denied = app._enforce_data_plane(
        "sts", action, headers, query_params, "", resource_arn=role_arn, service_context=context
    )
    if denied:
        return denied
    caller = sts._caller_identity(headers, query_params)
    role = iam._roles.get(role_arn.rpartition("/")[2])
    if not isinstance(caller, dict) or role is None:
        return None
    trusted = iam_evaluator.evaluate_trust_policy(
        role.get("AssumeRolePolicyDocument", "{}"),
        caller["userArn"],
        iam_evaluator.EvalContext(
            principal_arn=caller["userArn"],
            principal_type=caller["principalType"],
            principal_account=caller["accountId"],
            action=action,
            resource_arn=role_arn,
            region=get_region(),
            service_context={name.lower(): value for name, value in context.items()},
            principal_keys=caller["principalKeys"],
        ),
    )
    changed = params.get("SourceIdentity", identity) != identity
    if trusted and not changed:
        return None
    message = f"User: {caller['userArn']} is not authorized to perform: {action} on resource: {role_arn}"
    return sts._error(403, "AccessDenied", message, ns="sts")


def _remember_source_identity(params: dict[str, str], headers: dict, query_params: dict, answer: tuple) -> None:
    identity = _source_identity(params, headers, query_params)
    made = re.search(rb"AccessKeyId\W+(?:gt;)?(\w+)", answer[2] if isinstance(answer[2], bytes) else answer[2].encode())
    if identity and answer[0] == 200 and made:
        _source_identities[made[1].decode()] = identity


def _check(params: dict[str, str], headers: dict, query_params: dict) -> None:
    name = params.get("RoleSessionName", "")
    if not _SESSION_NAME.fullmatch(name):
        raise _invalid(
            "roleSessionName",
            name,
            r"Member must satisfy regular expression pattern: [\w+=,.@-]* "
            "and have length between 2 and 64",
        )
    if "SourceIdentity" in params and not _SESSION_NAME.fullmatch(params["SourceIdentity"]):
        raise _invalid(
            "sourceIdentity", params["SourceIdentity"], r"Member must match [\w+=,.@-]* and have length 2 to 64"
        )
    if any(key.startswith("TransitiveTagKeys") for key in params):
        raise Refused(
            "NotImplemented",
            "this emulator does not carry transitive session tags; pass the tags at every AssumeRole",
            501,
        )
    _check_tags(_tags(params))
    _check_duration(params, headers, query_params)


def _check_tags(tags: list[tuple[str, str]]) -> None:
    if len(tags) > 50:
        raise _invalid("tags", str(len(tags)), "Member must have length less than or equal to 50")
    for key, value in tags:
        if not 1 <= len(key) <= 128 or not _tag_text(key):
            raise _invalid(
                "tags.member.key",
                key,
                r"Member must satisfy regular expression pattern: "
                r"[\p{L}\p{Z}\p{N}_.:/=+\-@]+ and have length between 1 and 128",
            )
        if len(value) > 256 or not _tag_text(value):
            raise _invalid(
                "tags.member.value",
                value,
                r"Member must satisfy regular expression pattern: "
                r"[\p{L}\p{Z}\p{N}_.:/=+\-@]* and have length up to 256",
            )


def _check_duration(params: dict[str, str], headers: dict, query_params: dict) -> None:
    text = params.get("DurationSeconds")
    if not text:
        return
    seconds = int(text) if text.isdigit() else 0
    if not 900 <= seconds <= 43200:
        raise _invalid("durationSeconds", text, "Member must have value between 900 and 43200")
    caller = sts._caller_identity(headers, query_params)
    if isinstance(caller, dict) and caller["principalType"] == "AssumedRole" and seconds > _CHAINED_LIMIT:
        raise Refused(
            "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
        )
    role = iam._roles.get(params.get("RoleArn", "").rpartition("/")[2]) or {}
    if seconds > int(role.get("MaxSessionDuration") or _CHAINED_LIMIT):
        raise Refused(
            "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        )


def _tag_session_denied(params: dict[str, str], headers: dict, body: bytes, query_params: dict) -> tuple | None:
    """Checks sts:TagSession in the caller's policy. MiniStack checks the trust policy."""
    if not _tags(params):
        return None
    from ministack import app

    context = iam_actions.request_tag_context(
        "sts", "sts:AssumeRole", body, app._routing_params("POST", "/", headers, body, query_params)
    )
    return app._enforce_data_plane(
        "sts",
        "sts:TagSession",
        headers,
        query_params,
        "",
        resource_arn=params.get("RoleArn", "*"),
        service_context=context,
    )


def _tags(params: dict[str, str]) -> list[tuple[str, str]]:
    found = []
    number = 1
    while (key := params.get(f"Tags.member.{number}.Key")) is not None:
        found.append((key, params.get(f"Tags.member.{number}.Value", "")))
        number += 1
    return found


def _tag_text(text: str) -> bool:
    return all(character in _TAG_SYMBOLS or unicodedata.category(character)[0] in "LZN" for character in text)


def _invalid(field: str, value: str, constraint: str) -> Refused:
    from xml.sax.saxutils import escape

    return Refused(
        "ValidationError",
        f"1 validation error detected: Value '{escape(value)}' at '{field}' failed to satisfy constraint: {constraint}",
    )


def _parameters(method: str, headers: dict, body: bytes, query_params: dict) -> dict[str, str]:
    """Returns the request's parameters as one flat dictionary, for the query and the JSON protocol."""
    merged = dict(query_params)
    if method == "POST" and body and "json" not in headers.get("content-type", ""):
        merged.update(parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True))
    flat = {key: value[0] if isinstance(value, list) else value for key, value in merged.items()}
    if "json" in headers.get("content-type", "") and body:
        flat.update(_flatten(json.loads(body)))
        flat["Action"] = headers.get("x-amz-target", "").rpartition(".")[2]
    return flat


def _flatten(request: dict) -> dict[str, str]:
    flat = {key: str(value) for key, value in request.items() if not isinstance(value, (list, dict))}
    for number, tag in enumerate(request.get("Tags") or [], 1):
        flat[f"Tags.member.{number}.Key"] = str(tag.get("Key"))
        flat[f"Tags.member.{number}.Value"] = str(tag.get("Value", ""))
    return flat
