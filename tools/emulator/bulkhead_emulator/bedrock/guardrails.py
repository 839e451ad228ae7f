"""Guardrails that deny words: CreateGuardrail, CreateGuardrailVersion, and their use in Converse.

AWS (guardrails-use-converse-api): a guardrail that blocks the input answers with `blockedInputMessaging` and the model is
not asked, so no tokens are used; one that blocks the model's answer replaces it with `blockedOutputsMessaging`. Both have
the stop reason `guardrail_intervened`. The system prompt is not assessed. `bedrock:ApplyGuardrail` is judged on the
guardrail, and `bedrock:GuardrailIdentifier` is its ARN with the version, for DRAFT without (guardrails-permissions-id).
"""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from ministack import app
from ministack.core.responses import AccountRegionScopedDict, get_account_id, get_region

from .errors import ApiError, invalid

_SERVICE = "bedrock"
_PATH = re.compile(r"/guardrails(?:/([^/]+))?/?")
_KNOWN = {
    "name",
    "description",
    "wordPolicyConfig",
    "blockedInputMessaging",
    "blockedOutputsMessaging",
    "clientRequestToken",
}
# Identifier and version → the guardrail.
_guardrails: Any = AccountRegionScopedDict()
_handle: Any = None


@dataclass(frozen=True)
class Guardrail:
    """One version of a guardrail."""

    identifier: str
    arn: str
    version: str
    words: tuple[str, ...]
    blocked_input: str
    blocked_output: str

    @property
    def condition(self) -> str:
        """The value of `bedrock:GuardrailIdentifier`."""
        return self.arn if self.version == "DRAFT" else f"{self.arn}:{self.version}"

    def blocks(self, texts: list[str]) -> bool:
        text = "\n".join(texts)
        return any(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE) for word in self.words)


def install() -> None:
    global _handle
    _handle = app.SERVICE_HANDLERS[_SERVICE]
    app.SERVICE_HANDLERS[_SERVICE] = handle_request


async def handle_request(method: str, path: str, headers: dict, body: bytes, query_params: dict) -> tuple:
    found = _PATH.fullmatch(unquote(path))
    if method != "POST" or not found:
        return await _handle(method, path, headers, body, query_params)
    try:
        request = json.loads(body or b"{}")
        made = _new_version(found.group(1)) if found.group(1) else _create(request)
        answer = {"guardrailId": made.identifier, "version": made.version}
        if made.version == "DRAFT":
            answer |= {"guardrailArn": made.arn, "createdAt": "2026-01-01T00:00:00Z"}
        return 202, {"Content-Type": "application/json"}, json.dumps(answer).encode()
    except ApiError as error:
        headers = {"Content-Type": "application/json", "x-amzn-ErrorType": error.code}
        return error.status, headers, json.dumps({"message": error.message}).encode()


def named(config: object) -> Guardrail | None:
    """Returns the guardrail of a request's `guardrailConfig`; `None` without one."""
    if not config:
        return None
    if not isinstance(config, dict):
        raise invalid("guardrailConfig must be an object")
    identifier, version = str(config.get("guardrailIdentifier", "")), str(config.get("guardrailVersion", ""))
    found: Guardrail | None = _guardrails.get(f"{identifier.rsplit('/', 1)[-1]}/{version}")
    if found is None or identifier not in (found.identifier, found.arn):
        raise invalid("The guardrail identifier or version provided in the request does not exist.")
    return found


def _create(request: dict) -> Guardrail:
    for name in request:
        if name not in _KNOWN:
            raise invalid(f"this emulator's guardrails deny words only, without {name}")
    words = [each["text"] for each in (request.get("wordPolicyConfig") or {}).get("wordsConfig") or []]
    if not words:
        raise invalid("wordPolicyConfig.wordsConfig must have a word")
    identifier = uuid.uuid4().hex[:12]
    arn = f"arn:aws:bedrock:{get_region()}:{get_account_id()}:guardrail/{identifier}"
    made = Guardrail(
        identifier, arn, "DRAFT", tuple(words), request["blockedInputMessaging"], request["blockedOutputsMessaging"]
    )
    _guardrails[f"{identifier}/DRAFT"] = made
    return made


def _new_version(identifier: str) -> Guardrail:
    draft = _guardrails.get(f"{identifier.rsplit('/', 1)[-1]}/DRAFT")
    if draft is None:
        raise ApiError("ResourceNotFoundException", 404, f"guardrail {identifier} does not exist")
    number = 1
    while _guardrails.get(f"{draft.identifier}/{number}"):
        number += 1
    made = Guardrail(draft.identifier, draft.arn, str(number), draft.words, draft.blocked_input, draft.blocked_output)
    _guardrails[f"{draft.identifier}/{number}"] = made
    return made
