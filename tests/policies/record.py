"""The emulator's record of IAM decisions, as cases for the second engine."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.policies.second_engine import Case, Policy

_ID = re.compile(r"(?<![0-9a-z])(?:[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?![0-9a-z])")
_WORD = re.compile(r"[0-9a-z]{8,}")
_VARIABLE = re.compile(r"\$\{([^},]+)")
# No policy limits root. It is a principal here only if a role trusts it.
_ROOT = {"root": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}}
_STS_ACTIONS = ("sts:AssumeRole", "sts:TagSession")


@dataclass(frozen=True)
class Judgement:
    """One decision, and the policies in force at that time."""

    kind: str
    principal: str
    role: str
    tags: dict[str, str]
    action: str
    resource: str
    context: dict[str, Any]
    allowed: bool
    identity: dict[str, Policy]
    resource_policy: Policy | None

    @property
    def is_caller_side(self) -> bool:
        """Reports whether this is the caller's side of AssumeRole; the role's trust is recorded separately."""
        return self.kind == "call" and self.action in _STS_ACTIONS and self.allowed

    def case(self) -> Case:
        identity = _ROOT if self.principal.endswith(":root") else self.identity
        condition_keys = _condition_keys(
            [*identity.values(), *([self.resource_policy] if self.resource_policy else [])]
        )
        # A condition key that no policy names cannot change a verdict; without it more cases are equal.
        context = {key: value for key, value in self.context.items() if key in condition_keys}
        if "aws:principalarn" in context:
            context["aws:principalarn"] = self._principal_arn()
        principal = self.principal.removeprefix("service:")
        # A KMS key that does not exist yet has no policy.
        resource = "*" if self.resource.endswith(":key/*") else self.resource
        return _with_numbered_ids(Case(principal, self.action, resource, context, identity, self.resource_policy))

    def _principal_arn(self) -> str:
        """Returns the value as AWS defines it: for a session, the ARN of its role."""
        account = self.principal.split(":")[4]
        return f"arn:aws:iam::{account}:role/{self.role}" if self.role else self.principal


class Record:
    """A record that may still grow: each read continues after the last one."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._read = 0
        self.all: list[Judgement] = []
        self._documents: dict[str | None, Any] = {None: None}
        self._trusts: dict[str, Policy] = {}

    def more(self) -> Iterator[Judgement]:
        """Yields the new judgements, oldest first."""
        with self._file.open("rb") as lines:
            lines.seek(self._read)
            for line in lines:
                if not line.endswith(b"\n"):
                    return
                self._read += len(line)
                if found := self._parse(json.loads(line)):
                    self.all.append(found)
                    yield found

    def _parse(self, entry: dict[str, Any]) -> Judgement | None:
        if entry["kind"] == "document":
            self._documents[entry["digest"]] = entry["document"]
            return None
        found = _judgement(entry, self._documents)
        if found.kind == "trust":
            assert found.resource_policy is not None
            self._trusts[found.resource] = found.resource_policy
        elif found.action in _STS_ACTIONS:
            # The caller's side, judged before the trust policy.
            found = replace(found, resource_policy=self._trusts.get(found.resource))
        return found


def _judgement(entry: dict[str, Any], documents: dict[str | None, Any]) -> Judgement:
    if entry["limited"]:
        raise AssertionError(
            f"a permissions boundary or session policy took part, which this test does not support: {entry}"
        )
    return Judgement(
        kind=entry["kind"],
        principal=entry["principal"],
        role=entry["role"],
        tags=entry["tags"],
        action=entry["action"],
        resource=entry["resource"],
        context=entry["context"],
        allowed=entry["verdict"] == "Allow",
        identity=documents[entry["identity"]],
        resource_policy=documents[entry["resource_policy"]],
    )


def _condition_keys(policies: list[Policy]) -> set[str]:
    """Returns the condition keys that policies name, in lower case."""
    text = json.dumps(policies)
    found = {each.strip().lower() for each in _VARIABLE.findall(text)}
    for policy in policies:
        statements = policy["Statement"]
        for statement in statements if isinstance(statements, list) else [statements]:
            for block in statement.get("Condition", {}).values():
                found |= {key.lower() for key in block}
    return found


def _with_numbered_ids(case: Case) -> Case:
    """Returns the case with numbered ids, so that cases which differ only in ids are equal.

    Keeps ids that the policies name, such as a key's. Keeps all ids if another word is a prefix of one: such a
    case tests whether a shorter name reaches a longer one.
    """
    text = json.dumps(case.__dict__)
    kept = set(_ID.findall(json.dumps(case.identity)))
    ids = [each for each in dict.fromkeys(_ID.findall(text)) if each not in kept]
    words = set(_WORD.findall(_ID.sub(" ", text)))
    if any(each.startswith(word) for each in ids for word in words):
        return case
    for number, each in enumerate(ids, start=1):
        text = text.replace(each, f"{number:032x}" if "-" not in each else f"00000000-0000-4000-8000-{number:012x}")
    return Case(**json.loads(text))
