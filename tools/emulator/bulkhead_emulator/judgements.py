"""A record of what IAM decided: every judgement with all that it was made from.

With `--judgements FILE` each decision becomes one line of JSON: who asked (principal, role, tags), for what
(action, resource), the condition keys that were known, the verdict, and which policies it was judged by. The
policies themselves stand once each in lines of their own, by a digest, since they may change while the record
grows. A second policy engine can judge every line again without asking this one.

It holds no request body, no credentials and no signature. Condition keys do hold names: a partition key, a
prefix, an encryption context. Root's calls are not in it, since no policy binds root.
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
    """What is learnt of one decision while MiniStack makes it."""

    def __init__(self) -> None:
        self.context: Any = None
        self.resource_policy: Any = None


_judging: ContextVar[_Judging | None] = ContextVar("judgement_being_made", default=None)


def install() -> None:
    """Before the extensions that split one request into several decisions, so that each is seen."""
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
    """Write every judgement from now on to a file; None writes none."""
    global _file
    # Line by line, so that whoever reads the file during a run reads whole lines.
    _file = Path(path).open("a", buffering=1, encoding="utf-8") if path else None  # noqa: SIM115


def enforce(*arguments: Any, **options: Any) -> Any:
    """MiniStack's decision about a signed call."""
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
    """The last word about AssumeRole and TagSession, after the caller's own policies agreed."""
    trusted = _trust(document, caller_arn, context)
    if context is not None:
        note(context, "Allow" if trusted else "ImplicitDeny", kind="trust", resource_policy=document)
    return trusted


def note(context: Any, verdict: str, *, kind: str = "call", resource_policy: Any = None) -> None:
    """Write one judgement down."""
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
        # A boundary or a session policy took part, which the record does not hold.
        "limited": getattr(context, "limited", False),
    }
    _write(line)


def _known(context: Any) -> dict[str, Any]:
    """Every condition key that had a value, in lower case, as the evaluator resolves it."""
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
    """A role's policies by name, as they are written."""
    from ministack.services import iam as service

    record = (service._roles.get_scoped(account, None, role) if role else None) or {}
    attached = {arn: iam._resolve_managed_policy_document(arn, account) for arn in record.get("AttachedPolicies", [])}
    return {name: _load(document) for name, document in {**(record.get("InlinePolicies") or {}), **attached}.items()}


def _load(document: Any) -> Any:
    return json.loads(document) if isinstance(document, str) else document


def _document(document: Any) -> str:
    """A document's digest; the first time, the document is written down under it."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    if digest not in _written:
        _write({"kind": "document", "digest": digest, "document": document})
        _written.add(digest)
    return digest


def _write(line: dict[str, Any]) -> None:
    assert _file is not None, "nothing is written down"
    with _lock:
        _file.write(json.dumps(line, default=str) + "\n")
