"""Every sample event has the effect that `make events` shows."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tools.devstack.stack import LocalStack
from tools.harness.driver import Harness
from tools.harness.hosting import OUTPUTS, connected, hosted, pipeline_paused, take_jobs
from tools.sample_events import by_hand, events
from tools.sample_events.sam_local import SamLocalFailed, Unusable, reachable


def test_every_sample_event_gets_its_expected_answer(stack: LocalStack) -> None:
    with pipeline_paused(stack), hosted(stack) as functions:
        with Harness(stack.state / "tour", **connected(functions)) as harness:

            def invoke(function: str, event: Any, tenant: str | None) -> Any:
                return harness.invoke(function, event, tenant).payload

            tour = events.Tour(stack, invoke, lambda: take_jobs(stack))
            tour.run(lambda sent: None)
    assert {each.function for each in tour.sent} >= {*OUTPUTS, "claims"}, "a function has no sample event"


def test_missing_placeholder_value_fails() -> None:
    with pytest.raises(KeyError, match="tenant"):
        events.load("control-show")


@pytest.mark.parametrize("name", events.names())
def test_no_event_contains_an_account_id(name: str) -> None:
    text = (events.EVENTS / f"{name}.json").read_text()
    assert set(re.findall(r"(?<![\w-])\d{12}(?![\w-])", text)) <= {"000000000000"}


@pytest.fixture(scope="module")
def by_hand_files(stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Any]]:
    """The folder for `sam local invoke` and its events. The endpoint is unreachable without a container engine."""
    folder = tmp_path_factory.mktemp("by-hand") / "sam-local"
    with hosted(stack) as functions:
        prepared = by_hand.prepare(stack, "http://192.0.2.1:4566")
        by_hand.write(folder, prepared, functions, "http://192.0.2.1:4566")
        yield folder, prepared


def test_files_for_sam_local_hold_deployed_values(by_hand_files: tuple[Path, Any]) -> None:
    folder, prepared = by_hand_files
    resources = json.loads((folder / "template.json").read_text())["Resources"]
    assert {each.function.title() for each in prepared} <= set(resources)
    variables = {
        name: each["Properties"]["Environment"]["Variables"] for name, each in resources.items() if name != "Claims"
    }
    assert all(each["AWS_ENDPOINT_URL"] == "http://192.0.2.1:4566" for each in variables.values())
    assert all(value for each in variables.values() for value in each.values()), "SAM passes an empty text on"
    assert variables["Inference"]["TABLE"].startswith("bulkhead-local-Data-")
    for each in prepared:
        isolated = "TenancyConfig" in resources[each.function.title()]["Properties"]
        assert isolated == (each.tenant is not None), each.name


def test_events_for_sam_local_have_no_placeholder(by_hand_files: tuple[Path, Any]) -> None:
    folder, prepared = by_hand_files
    assert sorted(each.name for each in prepared) == events.names()
    for each in prepared:
        assert not re.search(r"@[A-Z_]+@", (folder / f"{each.name}.json").read_text()), each.name


def test_every_function_has_a_profile_that_only_the_owner_reads(by_hand_files: tuple[Path, Any]) -> None:
    folder, prepared = by_hand_files
    written = (folder / "credentials").read_text()
    assert set(re.findall(r"^\[(\w+)\]$", written, re.MULTILINE)) >= {each.function for each in prepared}
    assert (folder / "credentials").stat().st_mode & 0o077 == 0


def test_sam_accepts_the_template(by_hand_files: tuple[Path, Any]) -> None:
    folder, _ = by_hand_files
    done = _sam(folder, "validate", "--lint", "--template-file", "template.json", "--region", "us-east-1")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("function", ["control", "documents", "inference"])
def test_a_printed_command_works(stack: LocalStack, tmp_path: Path, function: str) -> None:
    """Runs a command of `make sam-local` in a container."""
    try:
        with reachable(stack) as endpoint, hosted(stack) as functions:
            prepared = by_hand.prepare(stack, endpoint)
            by_hand.write(tmp_path / "files", prepared, functions, endpoint)
            sent = next(each for each in prepared if each.function == function)
            done = _sam(tmp_path / "files", *sent.command.split()[1:])
    except Unusable as why:
        pytest.skip(f"no container engine: {why}")
    if done.returncode != 0:
        raise SamLocalFailed(done.stderr[-3000:])
    answer = json.loads(done.stdout.strip().splitlines()[-1])
    assert answer.get("tenant") or answer["statusCode"] < 300, answer


def _sam(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment |= {"AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials"), "SAM_CLI_TELEMETRY": "0"}
    sam = str(Path(sys.executable).with_name("sam"))
    return subprocess.run([sam, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=180)
