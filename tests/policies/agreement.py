"""Requests that the two engines judge differently."""

from __future__ import annotations

from collections.abc import Iterable

from tests.policies.record import Judgement
from tests.policies.second_engine import Case, SecondEngine

# (action, verdict of the second engine) → which engine is right, with AWS's documentation. An unneeded row
# fails the test.
DIFFERENCES: dict[tuple[str, str], str] = {}


def cases(judgements: Iterable[Judgement]) -> dict[str, tuple[Case, Judgement]]:
    """Returns each distinct request with its first judgement; all judgements of a request must agree."""
    found: dict[str, tuple[Case, Judgement]] = {}
    for each in judgements:
        # The second engine does not know a log group with slashes in its name (`no.resource.types`). The guards and
        # tests/isolation/test_roles.py judge the rights on logs.
        if each.is_caller_side or each.action.startswith("logs:"):
            continue
        case = each.case()
        _, first = found.setdefault(case.key, (case, each))
        assert first.allowed == each.allowed, f"the emulator judged this both ways: {case}"
    return found


def disagreements(judged: Iterable[tuple[Case, bool]], engine: SecondEngine) -> list[tuple[Case, str]]:
    """Returns requests that only one engine allows, with the verdict of the second engine."""
    pairs = list(judged)
    verdicts = engine.judge([case for case, _ in pairs])
    return [
        (case, verdict.error or f"{verdict.result}, the emulator {'allowed' if allowed else 'denied'} it")
        for (case, allowed), verdict in zip(pairs, verdicts, strict=True)
        if verdict.error or verdict.allowed != allowed
    ]
