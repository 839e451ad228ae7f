"""Which key a KMS call is about, and the condition keys KMS puts beside it.

AWS (kms/latest/developerguide, policy-conditions and alias-authorization): the resource of a call on a
key is always the *key* ARN, however the caller names it; `kms:RequestAlias` is the alias in the request,
`kms:ResourceAliases` every alias of the key; `kms:EncryptionContext:<k>` and `kms:EncryptionContextKeys`
come from the request. Alias management is authorised on the alias and on the key.
"""

from __future__ import annotations

import json
from typing import Any

from ministack.core import iam_actions
from ministack.core.responses import get_account_id
from ministack.services import kms

from ..patch import replace

_ALIAS_ACTIONS = ("kms:CreateAlias", "kms:UpdateAlias", "kms:DeleteAlias")
_TWO_RESOURCES = ("CreateAlias", "UpdateAlias", "DeleteAlias")


def install() -> None:
    global _resource_arn, _tag_context, _handle_request
    _resource_arn = replace(iam_actions, "extract_resource_arn", extract_resource_arn)
    _tag_context = replace(iam_actions, "request_tag_context", request_context)
    _handle_request = replace(kms, "handle_request", handle_request)


_resource_arn: Any = None
_tag_context: Any = None
_handle_request: Any = None


def extract_resource_arn(service: str, method: str, path: str, headers: dict, body: bytes,
                         query_params: dict, region: str, account_id: str) -> str:
    arn = _resource_arn(service, method, path, headers, body, query_params, region, account_id)
    if service != "kms":
        return arn
    request = _json(body)
    if "AliasName" in request and "KeyId" not in request:
        return f"arn:aws:kms:{region}:{account_id}:{request['AliasName']}"
    key = kms._resolve_key(arn)
    return key["Arn"] if key else arn


def request_context(service: str, action: str, body: bytes, params: dict) -> dict[str, Any]:
    """The request's tags, and for KMS its own condition keys."""
    context = _tag_context(service, action, body, params)
    if service == "kms":
        request = _json(body)
        named = str(request.get("KeyId") or iam_actions._kms_key_id_from_ciphertext(
            str(request.get("CiphertextBlob") or "")))
        context.update(key_context(kms._resolve_key(named), request.get("EncryptionContext")))
        if action not in _ALIAS_ACTIONS and "alias/" in named:
            context["kms:RequestAlias"] = "alias/" + named.split("alias/", 1)[1]
    return context


def key_context(key: dict | None, encryption_context: Any) -> dict[str, Any]:
    """The condition keys of one use of a key. S3 asks for them too, in its caller's name."""
    context: dict[str, Any] = {"kms:CallerAccount": get_account_id()}
    if isinstance(encryption_context, dict) and encryption_context:
        context["kms:EncryptionContextKeys"] = list(encryption_context)
        context.update({f"kms:EncryptionContext:{k}": str(v) for k, v in encryption_context.items()})
    if key:
        aliases = [arn.split(":", 5)[5] for arn, target in kms._aliases.items() if target == key["KeyId"]]
        if aliases:
            context["kms:ResourceAliases"] = aliases
    return context


async def handle_request(method: str, path: str, headers: dict, body: bytes, query_params: dict) -> tuple:
    """Alias calls are authorised on the alias by the router and here on the key they point at."""
    action = headers.get("x-amz-target", "").rpartition(".")[2]
    if action in _TWO_RESOURCES:
        request = _json(body)
        for name in (request.get("TargetKeyId"), request.get("AliasName")):
            key = kms._resolve_key(str(name or ""))
            denied = _denied_on_key(action, key, headers, query_params) if key else None
            if denied:
                return denied
    return await _handle_request(method, path, headers, body, query_params)


def _denied_on_key(action: str, key: dict, headers: dict, query_params: dict) -> tuple | None:
    from ministack import app

    return app._enforce_data_plane("kms", f"kms:{action}", headers, query_params, "",
                                   resource_arn=key["Arn"], service_context=key_context(key, None))


def _json(body: Any) -> dict:
    try:
        loaded = json.loads(body or b"{}")
    except ValueError:
        return {}
    return loaded if isinstance(loaded, dict) else {}
