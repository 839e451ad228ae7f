"""The key of a KMS call and the condition keys of KMS.

AWS (kms/latest/developerguide, policy-conditions and alias-authorization): the resource of a call on a
key is always the *key* ARN, also if the caller uses an alias or id; `kms:RequestAlias` is the alias in the request,
`kms:ResourceAliases` every alias of the key; `kms:EncryptionContext:<k>` and `kms:EncryptionContextKeys`
come from the request. Alias management is authorised on the alias and on the key. ReEncrypt is
`kms:ReEncryptFrom` on the one key and `kms:ReEncryptTo` on the other, each with its own context. CreateKey
with tags needs `kms:TagResource` in the caller's policies, on keys that do not exist yet.

CreateKey and PutKeyPolicy check a given key policy (kms/latest/APIReference): unless the request sets
`BypassPolicyLockoutSafetyCheck`, "the key policy must allow the calling principal to make a subsequent PutKeyPolicy
request on the KMS key". A policy that only names the account delegates to the caller's own policies, so these must
then allow it.
"""

from __future__ import annotations

import json
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import error_response_json, get_account_id, get_region
from ministack.core.router import extract_access_key_id
from ministack.services import kms

from ..patch import replace

_ALIAS_ACTIONS = ("kms:CreateAlias", "kms:UpdateAlias", "kms:DeleteAlias")
_TWO_RESOURCES = ("CreateAlias", "UpdateAlias", "DeleteAlias")


def install() -> None:
    global _resource_arn, _tag_context, _handle_request, _extract_action
    _resource_arn = replace(iam_actions, "extract_resource_arn", extract_resource_arn)
    _tag_context = replace(iam_actions, "request_tag_context", request_context)
    _handle_request = replace(kms, "handle_request", handle_request)
    _extract_action = replace(iam_actions, "extract_iam_action", extract_iam_action)


_resource_arn: Any = None
_tag_context: Any = None
_handle_request: Any = None
_extract_action: Any = None


def extract_iam_action(service: str, *arguments: Any, **options: Any) -> str | None:
    action = _extract_action(service, *arguments, **options)
    return "kms:ReEncryptFrom" if action == "kms:ReEncrypt" else action


def extract_resource_arn(
    service: str, method: str, path: str, headers: dict, body: bytes, query_params: dict, region: str, account_id: str
) -> str:
    arn = _resource_arn(service, method, path, headers, body, query_params, region, account_id)
    if service != "kms":
        return arn
    request = _json(body)
    if "AliasName" in request and "KeyId" not in request:
        return f"arn:aws:kms:{region}:{account_id}:{request['AliasName']}"
    key = kms._resolve_key(str(request.get("SourceKeyId") or arn))
    return key["Arn"] if key else arn


def request_context(service: str, action: str, body: bytes, params: dict) -> dict[str, Any]:
    """Returns the request's tags and, for KMS, its condition keys."""
    context = _tag_context(service, action, body, params)
    if service == "kms":
        request = _json(body)
        named = str(
            request.get("KeyId")
            or request.get("SourceKeyId")
            or iam_actions._kms_key_id_from_ciphertext(str(request.get("CiphertextBlob") or ""))
        )
        given = request.get("SourceEncryptionContext" if action == "kms:ReEncryptFrom" else "EncryptionContext")
        context.update(key_context(kms._resolve_key(named), given))
        if action not in _ALIAS_ACTIONS and "alias/" in named:
            context["kms:RequestAlias"] = "alias/" + named.split("alias/", 1)[1]
    return context


def key_context(key: dict | None, encryption_context: Any) -> dict[str, Any]:
    """Returns the condition keys of one use of a key. S3 uses them, too."""
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
    """Checks further actions of a call, after the router checked the first one."""
    action, request = headers.get("x-amz-target", "").rpartition(".")[2], _json(body)
    for further, arn, context in _further(action, request):
        from ministack import app

        denied = app._enforce_data_plane(
            "kms", f"kms:{further}", headers, query_params, "", resource_arn=arn, service_context=context
        )
        if denied:
            return denied
    if action in ("CreateKey", "PutKeyPolicy") and _locks_out(request, headers, query_params):
        return error_response_json(
            "MalformedPolicyDocumentException",
            "The new key policy will not allow you to update the key policy in the future.",
            400,
        )
    return await _handle_request(method, path, headers, body, query_params)


def _locks_out(request: dict, headers: dict, query_params: dict) -> bool:
    """Returns whether the given key policy forbids the caller a later PutKeyPolicy."""
    if "Policy" not in request or request.get("BypassPolicyLockoutSafetyCheck") is True:
        return False
    caller = iam_evaluator.resolve_principal(extract_access_key_id(headers, query_params), get_account_id(), None)
    key = kms._resolve_key(str(request.get("KeyId") or ""))
    context = iam_evaluator.EvalContext(
        principal_arn=caller.arn,
        principal_type=caller.type,
        principal_account=caller.account,
        action="kms:PutKeyPolicy",
        resource_arn=key["Arn"] if key else f"arn:aws:kms:{get_region()}:{get_account_id()}:key/new",
        region=get_region(),
        service_context={name.lower(): value for name, value in key_context(key, None).items()},
        principal_keys=caller.keys,
    )
    if caller.policies is None:
        # The account's root has all rights, so the key policy decides alone.
        return bool(iam_evaluator.evaluate_resource_policy(request["Policy"], context).decision != "Allow")
    own = iam_evaluator.evaluate(context, caller.policies, *caller.limits)
    result = iam_evaluator.combine_resource_policy(
        own, context, request["Policy"], get_account_id(), required=True, limits=caller.limits
    )
    return bool(result.decision != "Allow")


def _further(action: str, request: dict) -> list[tuple[str, str, dict]]:
    """Returns actions with their ARNs and condition keys."""
    if action in _TWO_RESOURCES:
        named = (kms._resolve_key(str(request.get(name) or "")) for name in ("TargetKeyId", "AliasName"))
        return [(action, key["Arn"], key_context(key, None)) for key in named if key]
    if action == "ReEncrypt":
        key = kms._resolve_key(str(request.get("DestinationKeyId") or ""))
        given = request.get("DestinationEncryptionContext")
        return [("ReEncryptTo", key["Arn"], key_context(key, given))] if key else []
    if action == "CreateKey" and request.get("Tags"):
        tags = {tag.get("TagKey"): tag.get("TagValue") for tag in request["Tags"] if isinstance(tag, dict)}
        context = {f"aws:RequestTag/{key}": value for key, value in tags.items()}
        return [
            (
                "TagResource",
                f"arn:aws:kms:{get_region()}:{get_account_id()}:key/*",
                {**context, "aws:TagKeys": list(tags), "kms:CallerAccount": get_account_id()},
            )
        ]
    return []


def _json(body: Any) -> dict:
    try:
        loaded = json.loads(body or b"{}")
    except ValueError:
        return {}
    return loaded if isinstance(loaded, dict) else {}
