"""The chaos run's own parts: its plan is its seed's, and its reconciliation can see red."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest

from tools.chaos import page, plan
from tools.chaos import settle as settling
from tools.chaos.reconcile import Accepted, Document, Overheard, Tenancy, Verdict, judge
from tools.chaos.settle import State
from tools.chaos.watch import seconds_of
from tools.faultproxy.rules import Match, Rule

# ── the plan ────────────────────────────────────────────────────────────────


def test_a_seed_is_a_plan() -> None:
    assert plan.make(7, 300) == plan.make(7, 300)
    assert plan.make(7, 300) != plan.make(8, 300)


@pytest.mark.parametrize("minutes", [None, 1.3])
def test_a_plan_names_the_options_that_make_it_again(minutes: float | None) -> None:
    made = plan.make(7, 300, minutes)
    options = re.findall(r"--(\w+) (\S+)", made.again)
    given = {name: float(value) if name == "minutes" else int(value) for name, value in options}
    assert plan.make(given["seed"], given["jobs"], given.get("minutes")) == made  # type: ignore[arg-type]


def test_the_storming_tenant_hands_in_ten_times_as_much() -> None:
    made = plan.make(1, 1500)
    counts = Counter(each.tenant for each in made.hand_ins)
    assert len(made.hand_ins) == 1500
    assert [counts[number] for number in range(plan.HEALTHY)] == [100] * plan.HEALTHY
    assert counts[plan.STORM] == 1000
    numbers = [each.number for each in made.of(plan.STORM)]
    assert sorted(numbers) == list(range(1000)), "a document is handed in once"


@pytest.mark.parametrize("seed", range(30))
def test_all_of_a_plan_happens_within_its_time(seed: int) -> None:
    made = plan.make(seed, 600)
    acts: list[Any] = [*made.hand_ins, *made.troubles, *made.kills, *made.repeats, *made.key_outages]
    assert all(0 <= each.at < made.seconds for each in acts)
    assert list(made.hand_ins) == sorted(made.hand_ins, key=lambda each: each.at)
    assert {each.function for each in made.kills} <= set(plan.FUNCTIONS)
    assert len(made.troubles) > 10 and len(made.kills) > 20 and len(made.repeats) > 40
    # The proxy's admin takes every rule as it is written.
    for each in made.troubles:
        rule = Rule(each.effect, Match(each.service, each.action), each.probability, each.seed)
        assert Rule.from_json(json.loads(json.dumps(rule.to_json()))) == rule


def test_seeds_differ_in_what_matters() -> None:
    made = [plan.make(seed, 600) for seed in range(60)]
    assert {each.storm.repaired for each in made} == {True, False}
    assert {len(each.key_outages) for each in made} == {0, 1, 2}
    kinds = {type(trouble.effect).__name__ for each in made for trouble in each.troubles}
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
        "c": Document("parked"),
        "d": Document("failed", 0, "no text"),
    },
    parked=("c",),
    dead=(("d", "no text"),),
    vectors=_OF_ONE,
    texts=_texts(WORDS["one"], *_OF_ONE),
)
TWO = Tenancy(
    "two", {"e": Document("ready", 1)}, vectors=("e.00000001.00000",), texts=_texts(WORDS["two"], "e.00000001.00000")
)


def _judge(one: Tenancy = ONE, two: Tenancy = TWO, *heard: Overheard, own: tuple[str, ...] = ("one", "two")) -> Verdict:
    return judge(JOBS, [one, two], WORDS, heard, own)


def _with(tenancy: Tenancy, *keys: str, word: str = "") -> Tenancy:
    """More in the index."""
    more = _texts(word or WORDS[tenancy.tenant], *keys)
    return replace(tenancy, vectors=tenancy.vectors + keys, texts={**tenancy.texts, **more})


def _without(tenancy: Tenancy, key: str) -> Tenancy:
    return replace(
        tenancy,
        vectors=tuple(each for each in tenancy.vectors if each != key),
        texts={each: text for each, text in tenancy.texts.items() if each != key},
    )


def test_a_good_run_is_green() -> None:
    verdict = _judge()
    assert verdict.good, verdict
    assert verdict.places == {"one": {"indexed": 2, "parked": 1, "dead": 1}, "two": {"indexed": 1}}
    assert verdict.accepted == 5 and verdict.total("indexed") == 3


@pytest.mark.parametrize(
    "one",
    [
        pytest.param(
            replace(ONE, documents={**ONE.documents, "c": Document("queued")}, parked=()), id="queued, and nobody knows"
        ),
        pytest.param(
            replace(ONE, documents={k: v for k, v in ONE.documents.items() if k != "c"}, parked=()), id="no record"
        ),
        pytest.param(replace(ONE, dead=()), id="failed, without a dead letter"),
        pytest.param(_without(ONE, "b.00000001.00001"), id="ready, and a passage is missing"),
    ],
)
def test_a_lost_job_is_seen(one: Tenancy) -> None:
    verdict = _judge(one)
    assert len(verdict.lost) == 1 and not verdict.good, verdict


@pytest.mark.parametrize(
    "one",
    [
        pytest.param(_with(ONE, "a.00000001.00001"), id="a passage too many"),
        pytest.param(replace(ONE, vectors=(*ONE.vectors, "a.00000001.00000")), id="a passage twice"),
        pytest.param(_with(ONE, "z.00000001.00000"), id="a passage of no document"),
        pytest.param(replace(ONE, parked=("c", "a")), id="ready and parked"),
        pytest.param(replace(ONE, parked=("c", "c")), id="parked twice"),
        pytest.param(replace(ONE, dead=(*ONE.dead, ("a", "a fault"))), id="ready and dead"),
        pytest.param(replace(ONE, dead=(*ONE.dead, ("c", "a fault"))), id="parked and dead"),
        pytest.param(
            replace(ONE, documents={**ONE.documents, "a": Document("failed", 1, "x")}, dead=(*ONE.dead, ("a", "x"))),
            id="given up, and all of it in the index",
        ),
    ],
)
def test_a_doubled_job_is_seen(one: Tenancy) -> None:
    verdict = _judge(one)
    assert len(verdict.duplicates) == 1 and not verdict.lost and not verdict.good, verdict


def test_a_job_that_was_taken_without_an_answer_may_be_done_once() -> None:
    documents = {**ONE.documents, "u": Document("ready", 1)}
    assert _judge(replace(_with(ONE, "u.00000001.00000"), documents=documents)).good
    assert len(_judge(replace(_with(ONE, "u.00000001.00000", "u.00000001.00001"), documents=documents)).duplicates) == 1


@pytest.mark.parametrize(
    ("one", "heard"),
    [
        pytest.param(
            replace(ONE, texts={**ONE.texts, "a.00000001.00000": f"{WORDS['one']} {WORDS['two']}"}),
            (),
            id="in a passage",
        ),
        pytest.param(replace(ONE, dead=(("d", f"no text: {WORDS['one']}"),)), (), id="in a reason"),
        pytest.param(ONE, (Overheard("GET /v1/documents", "one", f"… {WORDS['two'].upper()} …"),), id="in an answer"),
        pytest.param(ONE, (Overheard("a log", None, WORDS["one"]),), id="in a log"),
    ],
)
def test_a_crossed_word_is_seen(one: Tenancy, heard: tuple[Overheard, ...]) -> None:
    verdict = _judge(one, TWO, *heard)
    assert len(verdict.crossed) == 1 and not verdict.good, verdict


def test_a_document_in_anothers_index_is_crossed() -> None:
    verdict = _judge(_with(ONE, "e.00000001.00000"))
    assert any("holds e of two" in line for line in verdict.crossed) and not verdict.good


def test_an_own_word_is_no_crossing() -> None:
    assert _judge(ONE, TWO, Overheard("GET /v1/documents", "one", WORDS["one"])).good


def test_a_job_that_nobody_would_have_looked_for_is_wrong_even_if_it_is_done() -> None:
    assert not judge(JOBS, [ONE, TWO], WORDS, (), ("one", "two"), ["one JOB#a of 15:00"]).good


def test_a_job_that_is_done_and_still_open_is_unsettled_not_doubled() -> None:
    verdict = _judge(replace(ONE, open=("a",)))
    assert verdict.unsettled == ("one a",) and not verdict.duplicates and not verdict.good


def test_a_job_still_open_is_unsettled() -> None:
    verdict = _judge(replace(ONE, open=("c",), parked=()))
    assert verdict.unsettled == ("one c",) and not verdict.good and not verdict.lost


@pytest.mark.parametrize(
    ("one", "own"),
    [
        pytest.param(replace(ONE, texts={}), ("one", "two"), id="no passage was opened"),
        pytest.param(ONE, ("two",), id="it does not find its own word"),
        pytest.param(replace(ONE, texts=dict.fromkeys(ONE.texts, "?")), ("one", "two"), id="passages without its word"),
    ],
)
def test_what_could_not_have_failed_proves_nothing(one: Tenancy, own: tuple[str, ...]) -> None:
    verdict = _judge(one, own=own)
    assert verdict.unproven and not verdict.good


# ── settling ────────────────────────────────────────────────────────────────


class Clock:
    """Time that passes where somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


class Nobody:
    def look(self) -> None:
        pass


def _settled(monkeypatch: pytest.MonkeyPatch, states: list[set[str]]) -> tuple[State, float]:
    """What settling ends with, and when, where it sees these open jobs and then always the last of them."""
    clock, left = Clock(), iter(states)
    monkeypatch.setattr(settling, "time", clock)
    last = states[-1]

    def look() -> State:
        jobs = frozenset((0, name) for name in next(left, last))
        return State(len(jobs), 0, 0, 0, jobs)

    return settling.settle(look, Nobody(), 10.0, lambda state: None), clock.seconds  # type: ignore[arg-type]


def test_settling_ends_when_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    state, seconds = _settled(monkeypatch, [{"a"}, set(), {"b"}, set(), set()])
    assert state.left == 0 and seconds == pytest.approx(4 * 1.5)


def test_settling_goes_on_while_jobs_come_as_fast_as_they_are_done(monkeypatch: pytest.MonkeyPatch) -> None:
    states = [{f"{number}", f"{number + 1}"} for number in range(40)]
    state, _ = _settled(monkeypatch, [*states, set()])
    assert state.left == 0


def test_settling_goes_on_while_more_jobs_come_than_are_done(monkeypatch: pytest.MonkeyPatch) -> None:
    states = [{f"{each}" for each in range(number + 1)} for number in range(40)]
    state, _ = _settled(monkeypatch, [*states, set()])
    assert state.left == 0


def test_settling_gives_up_where_nothing_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    state, seconds = _settled(monkeypatch, [{"a", "b"}, {"a"}])
    assert state.left == 1 and 10 < seconds < 15


# ── the page ────────────────────────────────────────────────────────────────


def _report() -> dict[str, object]:
    look = {"open": 1, "parked": 2, "dead": 0, "oldest": 3.5, "circuit": "closed"}
    storm = {**look, "circuit": "open"}
    sample = {"waiting": 1, "in_flight": 2, "buried": 0, "accepted": 9, "looks": [look, storm]}
    figures = {"count": 4, "p50": 1.0, "p99": 2.5}
    return {
        "seed": 1,
        "jobs": 9,
        "seconds": 20.0,
        "over": 21.0,
        "settled_at": 40.0,
        "settled": {},
        "tenants": ["<healthy>", "storming"],
        "storm": {"at": 2.0, "milliseconds": 400, "repaired": True},
        "key_outages": [],
        "troubles": [
            {"at": 1.0, "seconds": 5.0, "name": "Delay s3", "probability": 0.5},
            {"at": 2.0, "seconds": 5.0, "name": "SlowDown s3", "probability": 1.0},
        ],
        "kills": [(3.0, "intake")],
        "verdict": {
            "good": False,
            "accepted": 9,
            "places": {"<healthy>": {"indexed": 4}, "storming": {"lost": 1}},
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


def test_the_page_is_whole_and_stands_alone() -> None:
    text = page.render(_report())
    assert "lost 1, crossed 0, duplicates 0" in text and "storming x: queued" in text
    drawn = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert len(drawn) == 6
    for svg in drawn:
        ElementTree.fromstring(svg)
        assert "nan" not in svg and "None" not in svg
    assert "<healthy>" not in text, "names are text, not markup"
    addresses = set(re.findall(r"https?://[^\"' <]+", text))
    assert addresses <= {"http://www.w3.org/2000/svg"} and "<script" not in text, "nothing is fetched"
    assert "prefers-color-scheme: dark" in text


def test_a_page_of_a_run_without_a_sample_is_drawn_too() -> None:
    assert "<svg" in page.render({**_report(), "samples": [], "kills": [], "troubles": []})


def test_a_moment_is_read_as_the_product_writes_it() -> None:
    assert seconds_of("1970-01-01T00:00:01.500Z") == 1.5
