"""Where the two engines say different things of one request."""

from __future__ import annotations

from collections.abc import Iterable

from tests.policies.record import Judgement
from tests.policies.second_engine import Case, SecondEngine

# (action, what the second engine says of it) to which one is right, with AWS's word for it. A row that
# nothing needs any more fails the test.
DIFFERENCES: dict[tuple[str, str], str] = {}


def cases(judgements: Iterable[Judgement]) -> dict[str, tuple[Case, Judgement]]:
    """Different requests with one judgement of each. Two judgements of one request must not differ."""
    found: dict[str, tuple[Case, Judgement]] = {}
    for each in judgements:
        if each.half:
            continue
        case = each.case()
        _, first = found.setdefault(case.key, (case, each))
        assert first.allowed == each.allowed, f"the emulator judged this both ways: {case}"
    return found


def disagreements(judged: Iterable[tuple[Case, bool]], engine: SecondEngine) -> list[tuple[Case, str]]:
    """Requests that one engine allows and the other denies, with what the second says."""
    pairs = list(judged)
    verdicts = engine.judge([case for case, _ in pairs])
    return [
        (case, verdict.error or f"{verdict.result}, the emulator {'allowed' if allowed else 'denied'} it")
        for (case, allowed), verdict in zip(pairs, verdicts, strict=True)
        if verdict.error or verdict.allowed != allowed
    ]
