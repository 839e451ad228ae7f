"""Starts a harness and talks to it over HTTP."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tools.devstack.aws import REGION, Credentials
from tools.devstack.client import Answer, send
from tools.devstack.process import Child, StackError, free_port

from .start import BINARY

ACCOUNT = "000000000000"
_READY_SECONDS = 20.0


@dataclass(frozen=True)
class Hosted:
    """The configuration of a function in the harness."""

    bootstrap: Path
    isolation: str = "PER_TENANT"
    reserved: int = 10
    timeout: float = 29
    memory: int = 256
    environment: Mapping[str, str] = field(default_factory=dict)
    credentials: Credentials = Credentials("none", "none", "none")  # noqa: RUF009 - frozen

    def configuration(self) -> dict[str, Any]:
        return {
            "bootstrap": str(self.bootstrap),
            "isolation": self.isolation,
            "reserved_concurrency": self.reserved,
            "memory_size": self.memory,
            "timeout_seconds": self.timeout,
            "environment": dict(self.environment),
            "credentials": {
                "access_key_id": self.credentials.key,
                "secret_access_key": self.credentials.secret,
                "session_token": self.credentials.token,
            },
        }


@dataclass(frozen=True)
class Invoked:
    """The result of an invocation."""

    status: int
    error: str
    function_error: bool
    pid: int
    text: str

    @classmethod
    def of(cls, answer: Answer) -> Invoked:
        failed = "x-amz-function-error" in answer.headers
        error = answer.headers.get("x-amzn-errortype", "")
        if failed:
            error = answer.json.get("errorType", "") if answer.body else "?"
        return cls(answer.status, error, failed, int(answer.headers.get("x-harness-pid", 0)), answer.text)

    @property
    def payload(self) -> Any:
        """The function's answer. Fails if the invocation failed."""
        assert self.status == 200 and not self.function_error, self
        return json.loads(self.text)


class Harness:
    """The harness process, as a context manager. Its logs are below `state`."""

    def __init__(
        self,
        state: Path,
        functions: Mapping[str, Hosted],
        *,
        misroute: bool = False,
        seed: int | None = None,
        port: int | None = None,
    ) -> None:
        self.state, self.logs = state, state / "environments"
        self.port = port or free_port()
        self._configuration = {
            "port": self.port,
            "logs": str(self.logs),
            "region": REGION,
            "account": ACCOUNT,
            "seed": seed,
            "misroute": misroute,
            "functions": {name: each.configuration() for name, each in functions.items()},
        }
        self._child: Child | None = None
        self.address = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Harness:
        if not BINARY.exists():
            raise StackError(f"{BINARY} is not built: run `make harness`")
        self.state.mkdir(parents=True, exist_ok=True)
        file = self.state / "harness.json"
        # The file holds credentials of execution roles.
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
            json.dump(self._configuration, out, indent=2)
        log = self.state / "harness.log"
        self._child = Child("tools.harness.start", [str(file)], log, detached=False)
        try:
            self._child.ready(_READY_SECONDS, lambda _: None)
        except BaseException:
            self._child.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._child:
            self._child.stop()

    @property
    def pid(self) -> int:
        assert self._child
        return self._child.known.pid

    def invoke(
        self,
        function: str,
        event: Any,
        tenant: str | None = None,
        *,
        misroute: int | None = None,
        raw: bytes | None = None,
    ) -> Invoked:
        """Invokes a function synchronously."""
        headers = {"Content-Type": "application/json"}
        if tenant is not None:
            headers["X-Amz-Tenant-Id"] = tenant
        if misroute is not None:
            headers["X-Harness-Misroute"] = str(misroute)
        url = f"{self.address}/2015-03-31/functions/{quote(function, safe='')}/invocations"
        body = raw if raw is not None else json.dumps(event).encode()
        return Invoked.of(send("POST", url, body, headers))

    def status(self) -> dict[str, Any]:
        return send("GET", f"{self.address}/_harness/status").expect(200)

    def function(self, name: str) -> dict[str, Any]:
        """Returns the status of one function."""
        return self.status()["functions"][name]

    def environment(self, function: str, pid: int) -> dict[str, Any]:
        """Returns the status of one environment, alive or dead."""
        found = [each for each in self.function(function)["environments"] if each["pid"] == pid]
        assert len(found) == 1, f"{len(found)} environments of {function} had the process id {pid}"
        return found[0]

    def kill(self, **which: Any) -> list[int]:
        """Kills environments: `pid=…`, or `n=…` random ones, of one `function=…` or of all functions."""
        answer = send("POST", f"{self.address}/_harness/kill", json.dumps(which).encode())
        return answer.expect(200)["killed"]

    def chaos(self, probability: float, within_ms: int) -> int:
        """Kills invocations with the given probability from now on. Returns the seed."""
        odds = {"probability": probability, "within_ms": within_ms}
        answer = send("POST", f"{self.address}/_harness/chaos", json.dumps(odds).encode())
        return answer.expect(200)["seed"]
