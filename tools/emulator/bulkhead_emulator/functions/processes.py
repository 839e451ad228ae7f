"""The environment variables and the runtime API of a function process.

AWS (lambda/latest/dg/configuration-envvars, runtimes-api): a process gets Lambda's own variables and the
function's, but none of the host's; `invocation/next` carries the tenant id in
`Lambda-Runtime-Aws-Tenant-Id`; a response above 6 MB is refused and fails the invocation.
"""

from __future__ import annotations

import array
import fcntl
import json
import os
import queue
import termios
import time
from typing import Any

from ministack.core import lambda_runtime as runtime
from ministack.services import lambda_svc

from ..patch import replace
from . import streaming
from .tenancy import RUNTIME_HEADER

RESPONSE_LIMIT = 6 * 1024 * 1024 + 100
_REQUEST_ID_HEADER = "Lambda-Runtime-Aws-Request-Id"
_DRAIN_LIMIT, _DRAIN_STEP = 0.25, 0.0005


def install() -> None:
    global _environment, _build_handler_class, _drain_log
    _environment = replace(lambda_svc, "_provided_worker_env", environment)
    _build_handler_class = replace(runtime.ProvidedWorker, "_build_handler_class", build_handler_class)
    _drain_log = replace(runtime.ProvidedWorker, "_drain_stderr_bounded", drain_log)


_environment: Any = None
_build_handler_class: Any = None
_drain_log: Any = None


def environment(config: dict, code_dir: str, port: int) -> dict[str, str]:
    made = _environment(config, code_dir, port)
    inherited = {n for n, value in os.environ.items() if made.get(n) == value and not n.startswith("AWS_")}
    logging = config.get("LoggingConfig") or {}
    name = config.get("FunctionName", "")
    return {
        **{key: value for key, value in made.items() if key not in inherited},
        "PATH": os.environ.get("PATH", "/usr/local/bin:/usr/bin:/bin"),
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": logging.get("LogGroup") or f"/aws/lambda/{name}",
        "AWS_LAMBDA_LOG_FORMAT": logging.get("LogFormat") or "Text",
        **({"AWS_LAMBDA_LOG_LEVEL": logging["ApplicationLogLevel"]} if logging.get("ApplicationLogLevel") else {}),
        **lambda_svc._runtime_env_vars(config),
    }


def build_handler_class(worker: Any, generation: int, pending: Any) -> type:
    base: Any = _build_handler_class(worker, generation, pending)

    class RuntimeApi(base):
        path: str
        # MiniStack writes headers and body separately; Nagle's algorithm would delay each invocation by 40 ms.
        disable_nagle_algorithm = True

        def send_header(self, keyword: str, value: str) -> None:
            super().send_header(keyword, value)
            tenant = getattr(worker, "tenant", None)
            if keyword == _REQUEST_ID_HEADER and tenant is not None:
                super().send_header(RUNTIME_HEADER, tenant)

        def _read_body(self) -> bytes:
            body = self._content()
            if len(body) <= RESPONSE_LIMIT or not self.path.endswith("/response"):
                return body
            self.path = self.path.removesuffix("/response") + "/error"
            return json.dumps(
                {
                    "errorType": "Function.ResponseSizeTooLarge",
                    "errorMessage": "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
                }
            ).encode()

        def _content(self) -> bytes:
            if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
                return b"".join(streaming.chunks(self.rfile, {}))
            return super()._read_body()

        def do_POST(self) -> None:  # noqa: N802 - the library's name
            found = runtime._INVOCATION_RESULT_RE.search(self.path)
            if not found or found.group(2) != "response" or not streaming.is_streamed(self.headers):
                super().do_POST()
                return
            request_id = found.group(1)
            trailers: dict[str, str] = {}
            collected: list[bytes] = []
            mine = generation == worker._generation and request_id == worker._current_request_id
            sink = getattr(worker, "sink", None) if mine else None
            for chunk in streaming.chunks(self.rfile, trailers):
                if sink is not None:
                    sink.put(chunk)
                else:
                    collected.append(chunk)
            error = trailers.get(streaming.ERROR_TRAILER)
            result = {"errorType": error, "errorMessage": error} if error else b"".join(collected)
            accepted = worker._record_result(generation, request_id, "error" if error else "response", result)
            self._respond(202 if accepted else 400)

    return RuntimeApi


def drain_log(worker: Any, *arguments: Any, **options: Any) -> str:
    """Returns the log lines of an invocation. Stops when the pipe is empty; MiniStack waits 50 ms for a line."""
    process = worker._proc
    if process is None or process.stdout is None or process.stdout.closed:
        return _drain_log(worker, *arguments, **options)
    lines: list[str] = []
    until, confirmed = time.monotonic() + _DRAIN_LIMIT, False
    while time.monotonic() < until:
        try:
            lines.append(worker._stderr_queue.get_nowait())
            confirmed = False
        except queue.Empty:
            if confirmed:
                break
            confirmed = _pending_bytes(process.stdout) == 0
            time.sleep(_DRAIN_STEP)
    return "\n".join(lines)


def _pending_bytes(stream: Any) -> int:
    found = array.array("i", [0])
    try:
        fcntl.ioctl(stream.fileno(), termios.FIONREAD, found)
    except (OSError, ValueError):
        return 0
    return found[0]
