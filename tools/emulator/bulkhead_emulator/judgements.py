"""Records every IAM decision with its inputs.

With `--judgements FILE` each decision becomes one line of JSON: principal, role and tags, action and resource, the
condition keys with values, the verdict, and the digests of the policies. Each policy is a separate line, once per
digest, because policies may change during a run. A second policy engine can evaluate every line again.

The record contains no request body, credentials or signature. Condition keys contain names: a partition key, a
prefix, an encryption context. Calls of root are not recorded, because no policy applies to root.
"""

from __future__ import annotations

import hashlib
import json
import threading
from contextvars import ContextVar
from pathlib import Path
from typing import Any, TextIO

from ministack.core import iam_evaluator as iam

from .patch import replace

_file: TextIO | None = None
_written: set[str] = set()
_lock = threading.Lock()


class _Judging:
    """The inputs of one decision, collected while MiniStack makes it."""

    def __init__(self) -> None:
        self.context: Any = None
        self.resource_policy: Any = None


_judging: ContextVar[_Judging | None] = ContextVar("judgement_being_made", default=None)


def install() -> None:
    """Installs the record. Must run before extensions that split a request into several decisions."""
    global _enforce, _evaluate, _combine, _trust
    _enforce = replace(iam, "enforce", enforce)
    _evaluate = replace(iam, "evaluate", evaluate)
    _combine = replace(iam, "combine_resource_policy", combine_resource_policy)
    _trust = replace(iam, "evaluate_trust_policy", evaluate_trust_policy)


_enforce: Any = None
_evaluate: Any = None
_combine: Any = None
_trust: Any = None


def to(path: str | None) -> None:
    """Starts to write decisions to a file; None stops it."""
    global _file
    # Line buffered, so that a reader sees whole lines during a run.
    _file = Path(path).open("a", buffering=1, encoding="utf-8") if path else None  # noqa: SIM115


def enforce(*arguments: Any, **options: Any) -> Any:
    """Calls MiniStack's check of a signed call and records the decision."""
    if _file is None:
        return _enforce(*arguments, **options)
    judging = _Judging()
    token = _judging.set(judging)
    try:
        denied = _enforce(*arguments, **options)
    finally:
        _judging.reset(token)
    if judging.context is not None:
        verdict = "Allow" if denied is None else denied.decision
        note(judging.context, verdict, resource_policy=judging.resource_policy)
    return denied


def evaluate(context: Any, policies: list, *limits: Any) -> Any:
    if (judging := _judging.get()) is not None:
        judging.context = context
        if limits:
            context.limited = True
    return _evaluate(context, policies, *limits)


def combine_resource_policy(identity: Any, context: Any, policy: Any, *arguments: Any, **options: Any) -> Any:
    if (judging := _judging.get()) is not None:
        judging.resource_policy = policy
    return _combine(identity, context, policy, *arguments, **options)


def evaluate_trust_policy(document: Any, caller_arn: str, context: Any = None) -> bool:
    """Records the trust policy's decision about AssumeRole and TagSession."""
    trusted = _trust(document, caller_arn, context)
    if context is not None:
        note(context, "Allow" if trusted else "ImplicitDeny", kind="trust", resource_policy=document)
    return trusted


def note(context: Any, verdict: str, *, kind: str = "call", resource_policy: Any = None) -> None:
    """Writes one decision."""
    if _file is None:
        return
    role = iam._role_name_from_assumed_arn(context.principal_arn) if ":assumed-role/" in context.principal_arn else ""
    known = _known(context)
    line = {
        "kind": kind,
        "principal": context.principal_arn,
        "role": role,
        "tags": {key.partition("/")[2]: value for key, value in known.items() if key.startswith("aws:principaltag/")},
        "service": context.action.partition(":")[0],
        "action": context.action,
        "resource": str(context.resource_arn),
        "context": known,
        "verdict": verdict,
        "identity": _document(_identity_policies(role, context.principal_account)),
        "resource_policy": _document(_load(resource_policy)) if resource_policy else None,
        # A boundary or a session policy took part, which the record does not contain.
        "limited": getattr(context, "limited", False),
    }
    _write(line)


def _known(context: Any) -> dict[str, Any]:
    """Returns every condition key with a value, in lower case, as the evaluator resolves it."""
    names = {*context.principal_keys, *context.service_context}
    names |= {f"aws:requesttag/{name.lower()}" for name in context.request_tags}
    names |= {
        "aws:principalarn",
        "aws:principalaccount",
        "aws:principaltype",
        "aws:requestedregion",
        "aws:securetransport",
        "aws:sourceip",
        "aws:tagkeys",
        "aws:resourceaccount",
    }
    found = {name.lower(): iam._resolve_condition_key(name, context) for name in sorted(names)}
    return {name: value for name, value in found.items() if value is not None and value != []}


def _identity_policies(role: str, account: str) -> dict[str, Any]:
    """Returns a role's policies by name."""
    from ministack.services import iam as service

    record = (service._roles.get_scoped(account, None, role) if role else None) or {}
    attached = {arn: iam._resolve_managed_policy_document(arn, account) for arn in record.get("AttachedPolicies", [])}
    return {name: _load(document) for name, document in {**(record.get("InlinePolicies") or {}), **attached}.items()}


def _load(document: Any) -> Any:
    return json.loads(document) if isinstance(document, str) else document


def _document(document: Any) -> str:
    """Returns a document's digest and writes the document the first time."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    if digest not in _written:
        _write({"kind": "document", "digest": digest, "document": document})
        _written.add(digest)
    return digest


def _write(line: dict[str, Any]) -> None:
    assert _file is not None, "no file is open"
    with _lock:
        _file.write(json.dumps(line, default=str) + "\n")
