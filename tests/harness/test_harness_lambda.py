"""The harness behaves like Lambda, so that its results for the functions are meaningful."""

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
StartHarness = Callable[..., Harness]


def _wait_until_started(gate_folder: Path, count: int) -> None:
    until(lambda: len(list(gate_folder.glob("began-*"))), lambda n: n >= count, f"{count} invocations have started")


@pytest.fixture
def gate_folder(tmp_path: Path) -> Path:
    """A folder for functions that wait in an invocation until it contains the file `open`."""
    made = tmp_path / "gate"
    made.mkdir()
    return made


# ── what a process sees ───────────────────────────────────────────────────────


def test_process_sees_only_its_invocation_and_lambdas_variables(
    start_harness: StartHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOT_FOR_FUNCTIONS", "1")
    harness = start_harness(bootstraps.ECHO, environment={"OWN": "yes", "AWS_REGION": "elsewhere"}, memory=320)
    seen = harness.invoke("f", {"a": 1}, A).payload
    assert seen["event"] == {"a": 1} and seen["tenant"] == A
    headers = seen["headers"]
    assert headers["lambda-runtime-invoked-function-arn"].endswith(":function:f")
    assert headers["lambda-runtime-trace-id"].startswith("Root=1-")
    assert len(headers["lambda-runtime-aws-request-id"]) == 36
    variables = seen["variables"]
    assert variables["OWN"] == "yes", "the function's own variable"
    assert variables["AWS_REGION"] == "us-east-1", "a function cannot set Lambda's variable"
    assert variables["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "320"
    assert variables["AWS_LAMBDA_FUNCTION_NAME"] == "f"
    assert variables["AWS_ACCESS_KEY_ID"] and variables["AWS_SESSION_TOKEN"]
    assert "NOT_FOR_FUNCTIONS" not in variables and "HOME" not in variables


def test_process_without_isolation_sees_no_tenant(start_harness: StartHarness) -> None:
    seen = start_harness(bootstraps.ECHO, isolation="NONE").invoke("f", {}).payload
    assert seen["tenant"] is None


# ── tenants and environments ──────────────────────────────────────────────────


def test_isolated_function_requires_a_tenant(start_harness: StartHarness) -> None:
    harness = start_harness(bootstraps.ECHO)
    for tenant in (None, "", "é", "a" * 257, "a*"):
        refused = harness.invoke("f", {}, tenant)
        assert (refused.status, refused.error) == (400, "InvalidParameterValueException"), tenant
    assert harness.function("f")["starts"] == 0


def test_function_without_isolation_refuses_a_tenant(start_harness: StartHarness) -> None:
    refused = start_harness(bootstraps.ECHO, isolation="NONE").invoke("f", {}, A)
    assert (refused.status, refused.error) == (400, "InvalidParameterValueException")


def test_each_tenant_keeps_its_own_process(start_harness: StartHarness) -> None:
    harness = start_harness(bootstraps.ECHO)
    pids = [harness.invoke("f", {}, tenant).payload["pid"] for tenant in (A, B, A, B, A)]
    assert pids[0] == pids[2] == pids[4] and pids[1] == pids[3] and pids[0] != pids[1]
    assert harness.status()["crossings"] == 0


def test_one_process_serves_all_without_isolation(start_harness: StartHarness) -> None:
    harness = start_harness(bootstraps.ECHO, isolation="NONE")
    assert len({harness.invoke("f", {"of": n}).pid for n in range(5)}) == 1


def test_concurrent_invocations_of_a_tenant_use_separate_processes(
    start_harness: StartHarness, gate_folder: Path
) -> None:
    harness = start_harness(bootstraps.OBEDIENT, reserved=3)
    with ThreadPoolExecutor(3) as pool:
        calls = [pool.submit(harness.invoke, "f", {"gate": str(gate_folder)}, A) for _ in range(3)]
        _wait_until_started(gate_folder, 3)
        (gate_folder / "open").touch()
        pids = {call.result().payload["pid"] for call in calls}
    assert len(pids) == 3
    assert harness.invoke("f", {}, A).pid in pids, "an idle process is used again"


def test_invocations_beyond_the_reserved_concurrency_are_throttled(
    start_harness: StartHarness, gate_folder: Path
) -> None:
    harness = start_harness(bootstraps.OBEDIENT, reserved=2)
    with ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(harness.invoke, "f", {"gate": str(gate_folder)}, each) for each in (A, B)]
        _wait_until_started(gate_folder, 2)
        refused = harness.invoke("f", {}, A)
        (gate_folder / "open").touch()
        assert [call.result().status for call in calls] == [200, 200]
    assert (refused.status, refused.error) == (429, "TooManyRequestsException")
    assert json.loads(refused.text)["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert harness.invoke("f", {}, A).status == 200, "the next call is served"


def test_idle_environments_count_towards_the_environment_limit(start_harness: StartHarness) -> None:
    harness = start_harness(bootstraps.OBEDIENT, reserved=2)
    tenants = [f"{n:016d}" for n in range(6)]
    answers = [harness.invoke("f", {}, tenant) for tenant in tenants]
    assert [each.status for each in answers] == [200] * 5 + [429]
    assert json.loads(answers[5].text)["message"] == "Rate exceeded"
    assert harness.invoke("f", {}, tenants[0]).status == 200, "a tenant with an environment is still served"
    harness.kill(pid=answers[1].pid)
    until(
        lambda: harness.invoke("f", {}, tenants[5]).status,
        lambda status: status == 200,
        "one more environment is allowed",
    )


# ── freezing, killing, failing ────────────────────────────────────────────────


def _process_state(pid: int) -> str:
    """Returns a process's state letter; T means stopped."""
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]


def test_idle_environment_is_frozen(start_harness: StartHarness) -> None:
    """The background thread counts 100 in half a second, unless it is frozen."""
    harness = start_harness(bootstraps.TICKS)
    first = harness.invoke("f", {}, A)
    until(lambda: _process_state(first.pid), lambda state: state == "T", "the process is stopped")
    frozen = time.monotonic()
    until(time.monotonic, lambda now: now > frozen + 0.5, "half a second passes")
    again = harness.invoke("f", {}, A)
    assert again.pid == first.pid
    assert again.payload - first.payload < 50


def test_killed_environment_answers_with_lambdas_error_and_is_replaced(
    start_harness: StartHarness, gate_folder: Path
) -> None:
    harness = start_harness(bootstraps.OBEDIENT)
    idle = harness.invoke("f", {}, B)
    with ThreadPoolExecutor(1) as pool:
        call: Future[Invoked] = pool.submit(harness.invoke, "f", {"gate": str(gate_folder)}, A)
        _wait_until_started(gate_folder, 1)
        pid = int(next(gate_folder.glob("began-*")).name.removeprefix("began-"))
        assert harness.kill(pid=pid) == [pid]
        killed = call.result()
    assert killed.function_error and killed.error == "Runtime.ExitError", killed
    assert "signal: killed" in killed.text and killed.pid == pid
    replaced = harness.invoke("f", {}, A)
    assert replaced.status == 200 and not replaced.function_error and replaced.pid != pid
    assert harness.invoke("f", {}, B).pid == idle.pid, "only the killed environment ended"
    status = harness.function("f")
    assert (status["kills_working"], status["kills_idle"]) == (1, 0)


def test_frozen_environment_can_be_killed(start_harness: StartHarness) -> None:
    harness = start_harness(bootstraps.OBEDIENT)
    pid = harness.invoke("f", {}, A).pid
    until(lambda: _process_state(pid), lambda state: state == "T", "the process is stopped")
    harness.kill(pid=pid)
    until(lambda: harness.environment("f", pid)["state"], lambda state: state == "ended", "the environment ended")
    assert harness.invoke("f", {}, A).pid != pid


def test_kill_probability_one_kills_every_environment(start_harness: StartHarness) -> None:
    harness = start_harness(bootstraps.OBEDIENT, timeout=2)
    harness.chaos(1.0, 1)
    # Some environments answer before the kill, which then hits them while they are idle.
    for n in range(20):
        harness.invoke("f", {}, f"{n:016d}")
    harness.chaos(0.0, 0)
    until(
        lambda: harness.function("f"),
        lambda seen: seen["kills_working"] + seen["kills_idle"] == 20,
        "each environment was killed once",
    )


@pytest.mark.parametrize(
    ("event", "text"),
    [({"exit": 7}, "exit status 7"), ({"exit": 0}, "without"), ({"abort": True}, "signal: aborted")],
)
def test_process_exit_is_reported_with_its_cause(start_harness: StartHarness, event: dict, text: str) -> None:
    harness = start_harness(bootstraps.OBEDIENT)
    failed = harness.invoke("f", event, A)
    assert failed.error == "Runtime.ExitError" and text in failed.text, failed
    assert harness.invoke("f", {}, A).status == 200


def test_failing_start_is_a_function_error(start_harness: StartHarness) -> None:
    failed = start_harness(bootstraps.FAILS_TO_START).invoke("f", {}, A)
    assert failed.function_error and "exit status 3" in failed.text, failed


def test_timeout_ends_the_environment(start_harness: StartHarness, gate_folder: Path) -> None:
    harness = start_harness(bootstraps.OBEDIENT, timeout=1)
    late = harness.invoke("f", {"gate": str(gate_folder)}, A)
    assert late.function_error and late.error == "Sandbox.Timedout", late
    assert "1.00 seconds" in late.text
    assert harness.invoke("f", {}, A).pid != late.pid
    assert harness.function("f")["time_outs"] == 1


def test_too_large_answer_is_an_error(start_harness: StartHarness) -> None:
    harness = start_harness(bootstraps.OBEDIENT)
    assert harness.invoke("f", {"large": 6 * 1024 * 1024}, A).status == 200
    large = harness.invoke("f", {"large": 6 * 1024 * 1024 + 200}, A)
    assert large.error == "Function.ResponseSizeTooLarge", large.text[:200]


def test_malformed_calls_are_refused(start_harness: StartHarness) -> None:
    harness = start_harness(bootstraps.ECHO)
    assert harness.invoke("f", None, A, raw=b"{").error == "InvalidRequestContentException"
    assert harness.invoke("g", {}, A).error == "ResourceNotFoundException"
    arn = "arn:aws:lambda:us-east-1:000000000000:function:f"
    assert harness.invoke(arn, {}, A).status == 200


def test_function_processes_end_with_the_harness(start_harness: StartHarness) -> None:
    harness = start_harness(bootstraps.ECHO)
    frozen = Known.of(harness.invoke("f", {}, A).pid)
    assert frozen.alive()
    os.kill(harness.pid, signal.SIGKILL)
    until(frozen.alive, lambda alive: not alive, "the frozen process is gone")


def test_each_environment_has_its_own_log(start_harness: StartHarness) -> None:
    harness = start_harness("def handle(event, headers):\n    print(event, flush=True)\n")
    pids = {tenant: harness.invoke("f", f"word of {tenant}", tenant).pid for tenant in (A, B)}
    for tenant, other in ((A, B), (B, A)):
        log = (harness.logs / f"f-{tenant}-{pids[tenant]}.log").read_text()
        assert f"word of {tenant}" in log and other not in log


# ── the attack switch and its counter ─────────────────────────────────────────


def test_misdirected_event_is_delivered_and_counted(start_harness: StartHarness) -> None:
    harness = start_harness(bootstraps.ECHO, misroute=True)
    pid = harness.invoke("f", {}, A).pid
    seen = harness.invoke("f", {}, B, misroute=pid).payload
    assert (seen["tenant"], seen["pid"]) == (B, pid)
    assert harness.status()["crossings"] == 1
    assert set(harness.environment("f", pid)["delivered"]) == {A, B}


def test_misdirection_requires_the_configuration(start_harness: StartHarness) -> None:
    harness = start_harness(bootstraps.ECHO)
    pid = harness.invoke("f", {}, A).pid
    assert harness.invoke("f", {}, B, misroute=pid).status == 409
    assert harness.status()["crossings"] == 0


# ── streaming ─────────────────────────────────────────────────────────────────


def _invoke_streaming(harness: Harness, event: object) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", harness.port, timeout=30)
    path = "/2021-11-15/functions/f/response-streaming-invocations"
    connection.request("POST", path, json.dumps(event), {"X-Amz-Tenant-Id": A})
    return connection.getresponse()


def test_answer_is_streamed_chunk_by_chunk(start_harness: StartHarness, gate_folder: Path) -> None:
    harness = start_harness(bootstraps.STREAMS)
    answer = _invoke_streaming(harness, {"gate": str(gate_folder)})
    # The function makes the second chunk only after this side has read the first.
    assert answer.read(6) == b"first "
    (gate_folder / "first-seen").touch()
    assert answer.read() == b"second"
    assert harness.invoke("f", {"gate": str(gate_folder)}, A).text == "first second", (
        "a buffered call gets the whole answer"
    )


def test_broken_stream_is_never_a_complete_answer(start_harness: StartHarness, gate_folder: Path) -> None:
    harness = start_harness(bootstraps.STREAMS)
    for failure in ({"die": True}, {"error": "Runtime.Oops"}):
        answer = _invoke_streaming(harness, {"gate": str(gate_folder), **failure})
        assert answer.read(6) == b"first "
        (gate_folder / "first-seen").touch()
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            answer.read()
        whole = harness.invoke("f", {"gate": str(gate_folder), **failure}, A)
        assert whole.function_error, whole
        (gate_folder / "first-seen").unlink()
    assert "Runtime.Oops" in whole.text
