"""The benchmark: arrivals, set-ups and figures."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from tools.benchmark import page, table
from tools.benchmark.load import STORM, Arrival, Load, arrivals
from tools.benchmark.measure import Job, Left, Phase, Work, percentile, result
from tools.benchmark.run import document_of
from tools.benchmark.setups import QUOTA, SETUPS, WORKERS
from tools.deploy.capacity import complaints, plan, read

LOAD = Load()


def test_storm_does_not_change_healthy_arrivals() -> None:
    quiet, storm = (arrivals(LOAD, 60, 1, storm=each) for each in (False, True))
    assert [each for each in storm if each.tenant != STORM] == quiet
    assert storm == sorted(storm) and all(0 <= each.at < 60 for each in storm)
    assert arrivals(LOAD, 60, 1, storm=False) == quiet != arrivals(LOAD, 60, 2, storm=False)


def test_arrivals_have_the_requested_rates() -> None:
    found = arrivals(LOAD, 20_000, 1, storm=True)
    storm = sum(each.tenant == STORM for each in found)
    throughput = 20_000 * LOAD.workers / LOAD.service_seconds
    assert (len(found) - storm) / throughput == pytest.approx(0.45, rel=0.05)
    assert storm / throughput == pytest.approx(0.45 / LOAD.healthy * 10, rel=0.05)
    assert {each.tenant for each in found} == {STORM, *range(LOAD.healthy)}


def test_storm_of_uploads_is_a_storm_of_every_storming_tenant() -> None:
    load = SETUPS[-1].load
    found = arrivals(load, 2_000, 1, storm=True)
    assert [each for each in found if each.tenant > STORM] == arrivals(load, 2_000, 1, storm=False)
    for tenant in (-1, -2):
        assert sum(each.tenant == tenant for each in found) / 2_000 == pytest.approx(load.uploads, rel=0.05)
    assert {each.tenant for each in found} == {-2, -1, *range(load.healthy)}
    assert not load.fails and load.demand > 2


def test_storm_exceeds_the_workers_throughput() -> None:
    assert LOAD.healthy_share < 1 < LOAD.demand
    # The functions time out a call to AWS after 8 s and retry.
    assert max(LOAD.service_seconds, LOAD.failing_seconds) < 8


def test_set_ups_remove_protections_of_the_template() -> None:
    fifo, fair, quota, circuit, uploads = SETUPS
    assert [each.fair_queues for each in SETUPS] == [False, True, True, True, True]
    assert fifo.parameters == fair.parameters and fair.parameters.items() > quota.parameters.items()
    assert circuit.parameters == uploads.parameters == {}


@pytest.mark.parametrize("setup", SETUPS, ids=lambda each: each.key)
def test_set_ups_can_be_deployed(setup: Any) -> None:
    declared = read("template.yaml")["Parameters"]
    for name, value in setup.parameters.items():
        low, high = declared[name].get("MinValue", int(value)), declared[name].get("MaxValue", int(value))
        assert low <= int(value) <= high, name
    stacks = plan(read, dict(setup.parameters), 0)
    assert [complaint for stack in stacks for complaint in complaints(stack)] == []


def test_set_ups_use_the_templates_defaults() -> None:
    declared = read("template.yaml")["Parameters"]
    assert WORKERS == declared["BasicIngestionConcurrency"]["Default"] == LOAD.workers
    assert declared["BasicTenantJobs"]["Default"] == QUOTA


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([], 0.99, 0.0), ([3.0], 0.5, 3.0), ([1.0, 2.0], 0.5, 1.0), (range(1, 101), 0.99, 99), (range(1, 11), 0.99, 10)],
)
def test_percentiles(values: Any, share: float, expected: float) -> None:
    assert percentile(values, share) == expected


def phase(storm: bool, waits: list[float], work: list[Work] | None = None, left: Left | None = None) -> Phase:
    """Returns a phase of 10 s whose healthy workers start after the given waits and take a second."""
    jobs = [Job(0, str(number), 0.0, wait, wait + 1.0) for number, wait in enumerate(waits)]
    jobs += [Job(STORM, "s", 0.0, None, None)] if storm else []
    return Phase(storm, 0.0, 10.0, jobs, work or [], left or Left(0, 0, 0))


def test_ratios_compare_all_storms_with_all_quiet_phases() -> None:
    phases = [phase(False, [1.0]), phase(True, [3.0]), phase(False, [1.0]), phase(True, [5.0])]
    found = result(phases, service_seconds=2.0, storm_seconds=1.0)
    assert (found.healthy_jobs, found.unfinished, found.storm_jobs) == (4, 0, 2)
    assert (found.wait.p50, found.wait.p99) == (4 / 2, 6 / 2)
    assert (found.queued.p50, found.queued.p99) == (3.0, 5.0)
    assert found.later == (5.0 - 1.0) / 2.0
    assert found.phases == [2.0, 4.0, 2.0, 6.0]


def test_counts_documents_that_never_became_ready() -> None:
    lost = Phase(True, 0.0, 10.0, [Job(0, "a", 1.0, None, None)], [], Left(0, 0, 0))
    assert result([phase(False, [1.0]), lost], 1.0, 1.0).unfinished == 1


def test_wasted_is_the_share_of_failed_attempts_in_the_storm() -> None:
    work = [
        Work("ingestion", 0.0, 4.0, STORM),
        # Starts in the storm and ends after it.
        Work("ingestion", 8.0, 14.0, STORM),
        # Too short for an attempt: only set its job to waiting.
        Work("ingestion", 1.0, 1.5, STORM),
        Work("ingestion", 0.0, 5.5, 0),
        Work("dispatch", 0.0, 10.0, None, None, (0, STORM)),
    ]
    found = result([phase(False, [1.0], work), phase(True, [1.0], work, Left(1, 2, 3))], 1.0, 4.0)
    assert found.attempts == 2
    assert found.wasted == pytest.approx(6 / 12)
    assert found.wasted_late == pytest.approx(2 / 2.5)
    assert found.left == Left(1, 2, 3)


@pytest.mark.parametrize(
    ("event", "document"),
    [
        ({"tenant": "t1", "work": {"bucket": "b", "key": "t/t1/documents/d1/source.00000001", "bytes": 1}}, "d1"),
        ({"tenant": "t1", "work": {"document": "d2", "sealed": "x"}}, "d2"),
        ({"action": "sweep"}, None),
    ],
)
def test_document_of_a_workers_event(event: dict[str, Any], document: str | None) -> None:
    assert document_of(event) == document


class _Tags(HTMLParser):
    """Collects the tags and links of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]


def test_table_and_page_show_every_set_up() -> None:
    measured = {"plain & simple": [phase(False, [1.0]), phase(True, [3.0, 4.0])], "fair": [phase(True, [1.0])]}
    results = {title: result(phases, 2.0, 1.0) for title, phases in measured.items()}
    lines = table.text(results)
    assert len({len(line) for line in lines}) == 1 and len(lines) == 3
    markdown = table.markdown(results)
    assert len({line.count("|") for line in markdown}) == 1 and "2.50×" in markdown[2]
    written = page.html(measured, results, LOAD)
    tags = _Tags()
    tags.feed(written)
    assert tags.seen.count("svg") == 2 and tags.seen.count("circle") == 4 and not tags.links
    assert "plain &amp; simple" in written and "prefers-color-scheme: dark" in written
    assert len(re.findall("<rect class=shade", written)) == 2


def test_page_without_jobs() -> None:
    assert "<svg" in page.html({"none": [phase(False, [])]}, {"none": result([phase(False, [])], 1.0, 1.0)}, LOAD)


def test_arrivals_sort_by_time() -> None:
    assert Arrival(1.0, 3) < Arrival(2.0, STORM)
