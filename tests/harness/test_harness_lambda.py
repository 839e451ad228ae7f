"""The harness keeps Lambda's promises: without this, what it shows of the product means nothing."""

from __future__ import annotations

import http.client
import json
import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tools.devstack.poll import until
from tools.devstack.process import Known
from tools.harness import bootstraps
from tools.harness.driver import Harness, Invoked

A, B, C = "a" * 16, "b" * 16, "c" * 16
Small = Callable[..., Harness]


def _began(gate: Path, how_many: int) -> None:
    until(lambda: len(list(gate.glob("began-*"))), lambda n: n >= how_many, f"{how_many} began")


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """Functions that were told of this folder wait until `open` lies in it."""
    made = tmp_path / "gate"
    made.mkdir()
    return made


# ── what a process sees ─────────────────────────────────────────────────────


def test_a_process_sees_its_invocation_and_lambdas_variables_alone(
    small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOT_FOR_FUNCTIONS", "1")
    harness = small(bootstraps.ECHO, environment={"OWN": "yes", "AWS_REGION": "elsewhere"}, memory=320)
    seen = harness.invoke("f", {"a": 1}, A).payload
    assert seen["event"] == {"a": 1} and seen["tenant"] == A
    headers = seen["headers"]
    assert headers["lambda-runtime-invoked-function-arn"].endswith(":function:f")
    assert headers["lambda-runtime-trace-id"].startswith("Root=1-")
    assert len(headers["lambda-runtime-aws-request-id"]) == 36
    variables = seen["variables"]
    assert variables["OWN"] == "yes", "the function's own variable"
    assert variables["AWS_REGION"] == "us-east-1", "Lambda's variable is not the function's to set"
    assert variables["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "320"
    assert variables["AWS_LAMBDA_FUNCTION_NAME"] == "f"
    assert variables["AWS_ACCESS_KEY_ID"] and variables["AWS_SESSION_TOKEN"]
    assert "NOT_FOR_FUNCTIONS" not in variables and "HOME" not in variables


def test_without_isolation_a_process_sees_no_tenant(small: Small) -> None:
    seen = small(bootstraps.ECHO, isolation="NONE").invoke("f", {}).payload
    assert seen["tenant"] is None


# ── tenants and environments ────────────────────────────────────────────────


def test_a_tenant_is_demanded_where_there_is_isolation(small: Small) -> None:
    harness = small(bootstraps.ECHO)
    for tenant in (None, "", "é", "a" * 257, "a*"):
        refused = harness.invoke("f", {}, tenant)
        assert (refused.status, refused.error) == (400, "InvalidParameterValueException"), tenant
    assert harness.function("f")["starts"] == 0


def test_a_tenant_is_refused_where_there_is_none(small: Small) -> None:
    refused = small(bootstraps.ECHO, isolation="NONE").invoke("f", {}, A)
    assert (refused.status, refused.error) == (400, "InvalidParameterValueException")


def test_each_tenant_has_a_process_of_its_own_and_keeps_it(small: Small) -> None:
    harness = small(bootstraps.ECHO)
    pids = [harness.invoke("f", {}, tenant).payload["pid"] for tenant in (A, B, A, B, A)]
    assert pids[0] == pids[2] == pids[4] and pids[1] == pids[3] and pids[0] != pids[1]
    assert harness.status()["crossings"] == 0


def test_without_isolation_one_process_serves_all(small: Small) -> None:
    harness = small(bootstraps.ECHO, isolation="NONE")
    assert len({harness.invoke("f", {"of": n}).pid for n in range(5)}) == 1


def test_invocations_at_once_of_one_tenant_have_processes_of_their_own(small: Small, gate: Path) -> None:
    harness = small(bootstraps.OBEDIENT, reserved=3)
    with ThreadPoolExecutor(3) as pool:
        calls = [pool.submit(harness.invoke, "f", {"gate": str(gate)}, A) for _ in range(3)]
        _began(gate, 3)
        (gate / "open").touch()
        pids = {call.result().payload["pid"] for call in calls}
    assert len(pids) == 3
    assert harness.invoke("f", {}, A).pid in pids, "an idle one is used again"


def test_more_at_once_than_reserved_are_throttled(small: Small, gate: Path) -> None:
    harness = small(bootstraps.OBEDIENT, reserved=2)
    with ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(harness.invoke, "f", {"gate": str(gate)}, each) for each in (A, B)]
        _began(gate, 2)
        refused = harness.invoke("f", {}, A)
        (gate / "open").touch()
        assert [call.result().status for call in calls] == [200, 200]
    assert (refused.status, refused.error) == (429, "TooManyRequestsException")
    assert json.loads(refused.text)["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert harness.invoke("f", {}, A).status == 200, "afterwards it is served"


def test_idle_environments_count_towards_two_and_a_half_times_the_reserved(small: Small) -> None:
    harness = small(bootstraps.OBEDIENT, reserved=2)
    tenants = [f"{n:016d}" for n in range(6)]
    answers = [harness.invoke("f", {}, tenant) for tenant in tenants]
    assert [each.status for each in answers] == [200] * 5 + [429]
    assert json.loads(answers[5].text)["message"] == "Rate exceeded"
    assert harness.invoke("f", {}, tenants[0]).status == 200, "whoever has one is still served"
    harness.kill(pid=answers[1].pid)
    until(lambda: harness.invoke("f", {}, tenants[5]).status, lambda status: status == 200, "room for one")


# ── freezing, killing, failing ──────────────────────────────────────────────


def _state(pid: int) -> str:
    """A process's state letter; T is stopped."""
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]


def test_an_idle_environment_is_frozen(small: Small) -> None:
    """Its background thread counts a hundred in half a second, unless it stands still."""
    harness = small(bootstraps.TICKS)
    first = harness.invoke("f", {}, A)
    until(lambda: _state(first.pid), lambda state: state == "T", "it is stopped")
    frozen = time.monotonic()
    until(time.monotonic, lambda now: now > frozen + 0.5, "half a second passes")
    again = harness.invoke("f", {}, A)
    assert again.pid == first.pid
    assert again.payload - first.payload < 50


def test_a_killed_environment_answers_with_lambdas_error_and_is_replaced(small: Small, gate: Path) -> None:
    harness = small(bootstraps.OBEDIENT)
    idle = harness.invoke("f", {}, B)
    with ThreadPoolExecutor(1) as pool:
        call: Future[Invoked] = pool.submit(harness.invoke, "f", {"gate": str(gate)}, A)
        _began(gate, 1)
        pid = int(next(gate.glob("began-*")).name.removeprefix("began-"))
        assert harness.kill(pid=pid) == [pid]
        killed = call.result()
    assert killed.function_error and killed.error == "Runtime.ExitError", killed
    assert "signal: killed" in killed.text and killed.pid == pid
    replaced = harness.invoke("f", {}, A)
    assert replaced.status == 200 and not replaced.function_error and replaced.pid != pid
    assert harness.invoke("f", {}, B).pid == idle.pid, "it ended alone"
    status = harness.function("f")
    assert (status["kills_working"], status["kills_idle"]) == (1, 0)


def test_a_frozen_environment_can_be_killed(small: Small) -> None:
    harness = small(bootstraps.OBEDIENT)
    pid = harness.invoke("f", {}, A).pid
    until(lambda: _state(pid), lambda state: state == "T", "it is stopped")
    harness.kill(pid=pid)
    until(lambda: harness.environment("f", pid)["state"], lambda state: state == "ended", "it ended")
    assert harness.invoke("f", {}, A).pid != pid


def test_every_invocation_can_be_doomed(small: Small) -> None:
    harness = small(bootstraps.OBEDIENT, timeout=2)
    harness.chaos(1.0, 1)
    # Some answer before the kill comes; then the next one of the tenant meets it, or a new one.
    for n in range(20):
        harness.invoke("f", {}, f"{n:016d}")
    harness.chaos(0.0, 0)
    until(
        lambda: harness.function("f"),
        lambda seen: seen["kills_working"] + seen["kills_idle"] == 20,
        "each was killed once",
    )


@pytest.mark.parametrize(
    ("how", "words"),
    [({"exit": 7}, "exit status 7"), ({"exit": 0}, "without"), ({"abort": True}, "signal: aborted")],
)
def test_a_process_that_ends_by_itself_is_told_apart(small: Small, how: dict, words: str) -> None:
    harness = small(bootstraps.OBEDIENT)
    failed = harness.invoke("f", how, A)
    assert failed.error == "Runtime.ExitError" and words in failed.text, failed
    assert harness.invoke("f", {}, A).status == 200


def test_a_process_that_does_not_start_is_the_functions_error(small: Small) -> None:
    failed = small(bootstraps.FAILS_TO_START).invoke("f", {}, A)
    assert failed.function_error and "exit status 3" in failed.text, failed


def test_too_long_ends_the_environment(small: Small, gate: Path) -> None:
    harness = small(bootstraps.OBEDIENT, timeout=1)
    late = harness.invoke("f", {"gate": str(gate)}, A)
    assert late.function_error and late.error == "Sandbox.Timedout", late
    assert "1.00 seconds" in late.text
    assert harness.invoke("f", {}, A).pid != late.pid
    assert harness.function("f")["time_outs"] == 1


def test_an_answer_too_large_is_an_error(small: Small) -> None:
    harness = small(bootstraps.OBEDIENT)
    assert harness.invoke("f", {"large": 6 * 1024 * 1024}, A).status == 200
    large = harness.invoke("f", {"large": 6 * 1024 * 1024 + 200}, A)
    assert large.error == "Function.ResponseSizeTooLarge", large.text[:200]


def test_malformed_calls_are_refused(small: Small) -> None:
    harness = small(bootstraps.ECHO)
    assert harness.invoke("f", None, A, raw=b"{").error == "InvalidRequestContentException"
    assert harness.invoke("g", {}, A).error == "ResourceNotFoundException"
    arn = "arn:aws:lambda:us-east-1:000000000000:function:f"
    assert harness.invoke(arn, {}, A).status == 200


def test_its_processes_end_with_the_harness_even_by_sigkill(small: Small) -> None:
    harness = small(bootstraps.ECHO)
    frozen = Known.of(harness.invoke("f", {}, A).pid)
    assert frozen.alive()
    os.kill(harness.pid, signal.SIGKILL)
    until(frozen.alive, lambda alive: not alive, "its frozen process is gone")


def test_each_environment_has_a_log_named_after_its_tenant(small: Small) -> None:
    harness = small("def handle(event, headers):\n    print(event, flush=True)\n")
    pids = {tenant: harness.invoke("f", f"word of {tenant}", tenant).pid for tenant in (A, B)}
    for tenant, other in ((A, B), (B, A)):
        log = (harness.logs / f"f-{tenant}-{pids[tenant]}.log").read_text()
        assert f"word of {tenant}" in log and other not in log


# ── the attack switch, and that its count can count ─────────────────────────


def test_a_misdirected_event_is_delivered_and_counted(small: Small) -> None:
    harness = small(bootstraps.ECHO, misroute=True)
    pid = harness.invoke("f", {}, A).pid
    seen = harness.invoke("f", {}, B, misroute=pid).payload
    assert (seen["tenant"], seen["pid"]) == (B, pid)
    assert harness.status()["crossings"] == 1
    assert set(harness.environment("f", pid)["delivered"]) == {A, B}


def test_nothing_is_misdirected_unless_the_configuration_says_so(small: Small) -> None:
    harness = small(bootstraps.ECHO)
    pid = harness.invoke("f", {}, A).pid
    assert harness.invoke("f", {}, B, misroute=pid).status == 409
    assert harness.status()["crossings"] == 0


# ── streaming ───────────────────────────────────────────────────────────────


def _stream(harness: Harness, event: object) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", harness.port, timeout=30)
    path = "/2021-11-15/functions/f/response-streaming-invocations"
    connection.request("POST", path, json.dumps(event), {"X-Amz-Tenant-Id": A})
    return connection.getresponse()


def test_an_answer_is_passed_on_as_it_comes(small: Small, gate: Path) -> None:
    harness = small(bootstraps.STREAMS)
    answer = _stream(harness, {"gate": str(gate)})
    # The second chunk is not made before this side has the first.
    assert answer.read(6) == b"first "
    (gate / "first-seen").touch()
    assert answer.read() == b"second"
    assert harness.invoke("f", {"gate": str(gate)}, A).text == "first second", "whole, when asked so"


def test_a_streamed_answer_that_breaks_off_is_never_taken_for_whole(small: Small, gate: Path) -> None:
    harness = small(bootstraps.STREAMS)
    for trouble in ({"die": True}, {"error": "Runtime.Oops"}):
        answer = _stream(harness, {"gate": str(gate), **trouble})
        assert answer.read(6) == b"first "
        (gate / "first-seen").touch()
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            answer.read()
        whole = harness.invoke("f", {"gate": str(gate), **trouble}, A)
        assert whole.function_error, whole
        (gate / "first-seen").unlink()
    assert "Runtime.Oops" in whole.text
