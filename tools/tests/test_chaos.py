"""The parts of the chaos run: plan, reconciliation, drain and page."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest

from tools.chaos import drain, page, plan
from tools.chaos.drain import State
from tools.chaos.reconcile import Accepted, Document, Observation, Tenancy, Verdict, judge
from tools.chaos.watch import seconds_of
from tools.faultproxy.rules import Match, Rule

# ── the plan ────────────────────────────────────────────────────────────────


def test_plan_depends_on_the_seed_only() -> None:
    assert plan.make(7, 300) == plan.make(7, 300)
    assert plan.make(7, 300) != plan.make(8, 300)


@pytest.mark.parametrize("minutes", [None, 1.3])
def test_plan_names_the_options_that_repeat_it(minutes: float | None) -> None:
    made = plan.make(7, 300, minutes)
    found = re.findall(r"--(\w+) (\S+)", made.options)
    given = {name: float(value) if name == "minutes" else int(value) for name, value in found}
    assert plan.make(given["seed"], given["jobs"], given.get("minutes")) == made  # type: ignore[arg-type]


def test_storming_tenant_uploads_ten_times_as_many() -> None:
    made = plan.make(1, 1500)
    counts = Counter(each.tenant for each in made.submissions)
    assert len(made.submissions) == 1500
    assert [counts[number] for number in range(plan.HEALTHY)] == [100] * plan.HEALTHY
    assert counts[plan.STORM] == 1000
    numbers = [each.number for each in made.of(plan.STORM)]
    assert sorted(numbers) == list(range(1000)), "each document is uploaded once"


@pytest.mark.parametrize("seed", range(30))
def test_everything_happens_within_the_plans_time(seed: int) -> None:
    made = plan.make(seed, 600)
    acts: list[Any] = [*made.submissions, *made.fault_windows, *made.kills, *made.repeats, *made.key_outages]
    assert all(0 <= each.at < made.seconds for each in acts)
    assert list(made.submissions) == sorted(made.submissions, key=lambda each: each.at)
    assert {each.function for each in made.kills} <= set(plan.FUNCTIONS)
    assert len(made.fault_windows) > 10 and len(made.kills) > 20 and len(made.repeats) > 40
    # The fault proxy accepts every rule.
    for each in made.fault_windows:
        rule = Rule(each.effect, Match(each.service, each.action), each.probability, each.seed)
        assert Rule.from_json(json.loads(json.dumps(rule.to_json()))) == rule


def test_seeds_cover_all_kinds_of_faults() -> None:
    made = [plan.make(seed, 600) for seed in range(60)]
    assert {each.storm.repaired for each in made} == {True, False}
    assert {len(each.key_outages) for each in made} == {0, 1, 2}
    kinds = {type(window.effect).__name__ for each in made for window in each.fault_windows}
    assert kinds == {"Fail", "Delay", "DropAfter", "DropBefore", "Duplicate"}


def test_no_word_is_part_of_another() -> None:
    words = plan.make(3, 100).words
    assert len(words) == plan.HEALTHY + 1
    assert not [(a, b) for a in words for b in words if a is not b and a in b]


# ── reconciliation ──────────────────────────────────────────────────────────

WORDS = {"one": "barfenhovlor", "two": "dulgimjaskel"}
JOBS = [
    Accepted("one", "a", 1),
    Accepted("one", "b", 3),
    Accepted("one", "c", 1),
    Accepted("one", "d", 0),
    Accepted("two", "e", 1),
]


def _texts(word: str, *keys: str) -> dict[str, str]:
    return dict.fromkeys(keys, f"page of {word}")


_OF_ONE = ("a.00000001.00000", "b.00000001.00000", "b.00000001.00001", "b.00000001.00002")
ONE = Tenancy(
    "one",
    {
        "a": Document("ready", 1),
        "b": Document("ready", 3),
        "c": Document("waiting"),
        "d": Document("dead", 0, "no text"),
    },
    waiting=("c",),
    dead=(("d", "no text"),),
    vectors=_OF_ONE,
    texts=_texts(WORDS["one"], *_OF_ONE),
)
TWO = Tenancy(
    "two", {"e": Document("ready", 1)}, vectors=("e.00000001.00000",), texts=_texts(WORDS["two"], "e.00000001.00000")
)


def _judge(
    one: Tenancy = ONE, two: Tenancy = TWO, *observed: Observation, own: tuple[str, ...] = ("one", "two")
) -> Verdict:
    return judge(JOBS, [one, two], WORDS, observed, own)


def _with(tenancy: Tenancy, *keys: str, word: str = "") -> Tenancy:
    """Adds passages to the index."""
    more = _texts(word or WORDS[tenancy.tenant], *keys)
    return replace(tenancy, vectors=tenancy.vectors + keys, texts={**tenancy.texts, **more})


def _without(tenancy: Tenancy, key: str) -> Tenancy:
    return replace(
        tenancy,
        vectors=tuple(each for each in tenancy.vectors if each != key),
        texts={each: text for each, text in tenancy.texts.items() if each != key},
    )


def test_accepts_a_good_run() -> None:
    verdict = _judge()
    assert verdict.good, verdict
    assert verdict.locations == {"one": {"indexed": 2, "waiting": 1, "dead": 1}, "two": {"indexed": 1}}
    assert verdict.accepted == 5 and verdict.total("indexed") == 3


@pytest.mark.parametrize(
    "one",
    [
        pytest.param(
            replace(ONE, documents={**ONE.documents, "c": Document("queued")}, waiting=()),
            id="queued without a job",
        ),
        pytest.param(
            replace(ONE, documents={k: v for k, v in ONE.documents.items() if k != "c"}, waiting=()), id="no record"
        ),
        pytest.param(replace(ONE, dead=()), id="dead without a dead job"),
        pytest.param(_without(ONE, "b.00000001.00001"), id="ready with a missing passage"),
    ],
)
def test_finds_a_lost_job(one: Tenancy) -> None:
    verdict = _judge(one)
    assert len(verdict.lost) == 1 and not verdict.good, verdict


@pytest.mark.parametrize(
    "one",
    [
        pytest.param(_with(ONE, "a.00000001.00001"), id="an extra passage"),
        pytest.param(replace(ONE, vectors=(*ONE.vectors, "a.00000001.00000")), id="a passage twice"),
        pytest.param(_with(ONE, "z.00000001.00000"), id="a passage of an unknown document"),
        pytest.param(replace(ONE, waiting=("c", "a")), id="ready and waiting"),
        pytest.param(replace(ONE, waiting=("c", "c")), id="waiting twice"),
        pytest.param(replace(ONE, dead=(*ONE.dead, ("a", "a fault"))), id="ready and dead"),
        pytest.param(replace(ONE, dead=(*ONE.dead, ("c", "a fault"))), id="waiting and dead"),
        pytest.param(
            replace(ONE, documents={**ONE.documents, "a": Document("dead", 1, "x")}, dead=(*ONE.dead, ("a", "x"))),
            id="dead and completely indexed",
        ),
    ],
)
def test_finds_a_duplicate_job(one: Tenancy) -> None:
    verdict = _judge(one)
    assert len(verdict.duplicates) == 1 and not verdict.lost and not verdict.good, verdict


def test_job_whose_answer_was_lost_may_complete_once() -> None:
    documents = {**ONE.documents, "u": Document("ready", 1)}
    assert _judge(replace(_with(ONE, "u.00000001.00000"), documents=documents)).good
    assert len(_judge(replace(_with(ONE, "u.00000001.00000", "u.00000001.00001"), documents=documents)).duplicates) == 1


@pytest.mark.parametrize(
    ("one", "observed"),
    [
        pytest.param(
            replace(ONE, texts={**ONE.texts, "a.00000001.00000": f"{WORDS['one']} {WORDS['two']}"}),
            (),
            id="in a passage",
        ),
        pytest.param(replace(ONE, dead=(("d", f"no text: {WORDS['one']}"),)), (), id="in a reason"),
        pytest.param(ONE, (Observation("GET /v1/documents", "one", f"… {WORDS['two'].upper()} …"),), id="in an answer"),
        pytest.param(ONE, (Observation("a log", None, WORDS["one"]),), id="in a log"),
    ],
)
def test_finds_a_crossed_word(one: Tenancy, observed: tuple[Observation, ...]) -> None:
    verdict = _judge(one, TWO, *observed)
    assert len(verdict.crossed) == 1 and not verdict.good, verdict


def test_document_in_another_tenants_index_is_crossed() -> None:
    verdict = _judge(_with(ONE, "e.00000001.00000"))
    assert any("holds e of two" in line for line in verdict.crossed) and not verdict.good


def test_tenants_own_word_is_not_crossed() -> None:
    assert _judge(ONE, TWO, Observation("GET /v1/documents", "one", WORDS["one"])).good


def test_completed_job_without_backlog_entry_fails_the_run() -> None:
    assert not judge(JOBS, [ONE, TWO], WORDS, (), ("one", "two"), ["one JOB#a of 15:00"]).good


def test_ready_document_with_open_job_is_unsettled_not_duplicate() -> None:
    verdict = _judge(replace(ONE, open=("a",)))
    assert verdict.unsettled == ("one a",) and not verdict.duplicates and not verdict.good


def test_open_job_is_unsettled() -> None:
    verdict = _judge(replace(ONE, open=("c",), waiting=()))
    assert verdict.unsettled == ("one c",) and not verdict.good and not verdict.lost


@pytest.mark.parametrize(
    ("one", "own"),
    [
        pytest.param(replace(ONE, texts={}), ("one", "two"), id="no passage was opened"),
        pytest.param(ONE, ("two",), id="does not find its own word"),
        pytest.param(replace(ONE, texts=dict.fromkeys(ONE.texts, "?")), ("one", "two"), id="passages without its word"),
    ],
)
def test_check_that_could_not_fail_fails_the_run(one: Tenancy, own: tuple[str, ...]) -> None:
    verdict = _judge(one, own=own)
    assert verdict.unproven and not verdict.good


# ── drain ───────────────────────────────────────────────────────────────────


class Clock:
    """A clock that only `sleep` advances."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


class NoOperator:
    def resend_events(self) -> None:
        pass


def _drained(monkeypatch: pytest.MonkeyPatch, states: list[set[str]]) -> tuple[State, float]:
    """Returns the final state and the seconds waited, for a sequence of open jobs whose last element repeats."""
    clock, left = Clock(), iter(states)
    monkeypatch.setattr(drain, "time", clock)
    last = states[-1]

    def read() -> State:
        jobs = frozenset((0, name) for name in next(left, last))
        return State(len(jobs), 0, 0, 0, jobs)

    return drain.wait_until_idle(read, NoOperator(), 10.0, lambda state: None), clock.seconds  # type: ignore[arg-type]


def test_drain_ends_when_no_job_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    state, seconds = _drained(monkeypatch, [{"a"}, set(), {"b"}, set(), set()])
    assert state.left == 0 and seconds == pytest.approx(4 * 1.5)


def test_drain_continues_while_jobs_arrive_as_fast_as_they_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    states = [{f"{number}", f"{number + 1}"} for number in range(40)]
    state, _ = _drained(monkeypatch, [*states, set()])
    assert state.left == 0


def test_drain_continues_while_more_jobs_arrive_than_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    states = [{f"{each}" for each in range(number + 1)} for number in range(40)]
    state, _ = _drained(monkeypatch, [*states, set()])
    assert state.left == 0


def test_drain_gives_up_without_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    state, seconds = _drained(monkeypatch, [{"a", "b"}, {"a"}])
    assert state.left == 1 and 10 < seconds < 15


# ── the page ────────────────────────────────────────────────────────────────


def _report() -> dict[str, object]:
    tenant = {"open": 1, "waiting": 2, "dead": 0, "oldest": 3.5, "circuit": "closed"}
    storm = {**tenant, "circuit": "open"}
    sample = {"visible": 1, "in_flight": 2, "dead_letters": 0, "accepted": 9, "tenants": [tenant, storm]}
    figures = {"count": 4, "p50": 1.0, "p99": 2.5}
    return {
        "seed": 1,
        "jobs": 9,
        "seconds": 20.0,
        "over": 21.0,
        "drained_at": 40.0,
        "final": {},
        "tenants": ["<healthy>", "storming"],
        "storm": {"at": 2.0, "milliseconds": 400, "repaired": True},
        "key_outages": [],
        "fault_windows": [
            {"at": 1.0, "seconds": 5.0, "name": "Delay s3", "probability": 0.5},
            {"at": 2.0, "seconds": 5.0, "name": "SlowDown s3", "probability": 1.0},
        ],
        "kills": [(3.0, "intake")],
        "verdict": {
            "good": False,
            "accepted": 9,
            "locations": {"<healthy>": {"indexed": 4}, "storming": {"lost": 1}},
            "lost": ["storming x: queued"],
            "duplicates": [],
            "crossed": [],
            "unsettled": [],
            "unproven": [],
            "forgotten": ["<healthy> JOB#y"],
        },
        "waits": [
            {"tenant": "<healthy>", "calm": figures, "storm": figures},
            {"tenant": "storming", "calm": figures, "storm": {"count": 0, "p50": None, "p99": None}},
        ],
        "figures": {"faults": {"failed": 3}, "killed": {}},
        "samples": [{**sample, "at": at, "faults": {"failed": int(at)}} for at in (1.0, 2.0, 3.0)],
    }


def test_page_is_well_formed_and_self_contained() -> None:
    text = page.render(_report())
    assert "lost 1, crossed 0, duplicates 0" in text and "storming x: queued" in text
    drawn = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert len(drawn) == 6
    for svg in drawn:
        ElementTree.fromstring(svg)
        assert "nan" not in svg and "None" not in svg
    assert "<healthy>" not in text, "names are not escaped"
    addresses = set(re.findall(r"https?://[^\"' <]+", text))
    assert addresses <= {"http://www.w3.org/2000/svg"} and "<script" not in text, "the page must fetch nothing"
    assert "prefers-color-scheme: dark" in text


def test_page_of_a_run_without_samples() -> None:
    assert "<svg" in page.render({**_report(), "samples": [], "kills": [], "fault_windows": []})


def test_parses_a_stored_timestamp() -> None:
    assert seconds_of("1970-01-01T00:00:01.500Z") == 1.5
