"""Runs MiniStack in the foreground on the loopback interface and stops it cleanly."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import tempfile
import urllib.request
from typing import Any

from . import settings
from .version import require_pinned_ministack

_READY_DEADLINE_SECONDS = 60.0


def run(
    port: int,
    *,
    bare: bool,
    log: str | None,
    session_seconds: int | None = None,
    judgements: str | None = None,
    invocations: str | None = None,
    fair_queues: bool = True,
    concurrency: int | None = None,
) -> int:
    """Serves until SIGTERM or SIGINT and returns the exit status."""
    require_pinned_ministack()
    scratch = tempfile.mkdtemp(prefix="local-aws-")
    if log:
        _send_stderr_to(log)
    settings.apply(port, scratch, verbose=log is not None)
    tempfile.tempdir = scratch
    from ministack import app as ministack_app

    if not bare:
        from . import extensions, sessions, sqs
        from . import invocations as invoked
        from . import judgements as record
        from .functions import quotas

        extensions.install()
        sessions.last(session_seconds)
        record.to(judgements)
        invoked.to(invocations)
        sqs.be_fair(fair_queues)
        quotas.limit(concurrency or quotas.DEFAULT_CONCURRENCY)
    try:
        # Not asyncio.run, which would wait for requests that wait for functions.
        asyncio.new_event_loop().run_until_complete(_serve(ministack_app.app, port))
        return 0
    finally:
        _end_functions()
        shutil.rmtree(scratch, ignore_errors=True)


def _send_stderr_to(path: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(descriptor, sys.stderr.fileno())
    os.close(descriptor)


async def _serve(application: Any, port: int) -> None:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.keep_alive_timeout = 75
    config.accesslog = None
    config.loglevel = os.environ["LOG_LEVEL"]
    server = asyncio.create_task(serve(application, config, shutdown_trigger=asyncio.Event().wait))
    announcement = asyncio.create_task(_announce(port))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({server, stopping}, return_when=asyncio.FIRST_COMPLETED)
    announcement.cancel()
    if server.done():
        server.result()


async def _announce(port: int) -> None:
    """Prints the ready line when MiniStack answers its health check."""
    address = f"http://127.0.0.1:{port}"
    deadline = asyncio.get_running_loop().time() + _READY_DEADLINE_SECONDS
    while asyncio.get_running_loop().time() < deadline:
        if await asyncio.to_thread(_healthy, address):
            print(f"ready {address}", flush=True)
            return
        await asyncio.sleep(0.05)
    print(
        f"not ready after {_READY_DEADLINE_SECONDS:.0f} s; run with --log FILE and read it", file=sys.stderr, flush=True
    )


def _healthy(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/_ministack/health", timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


def _end_functions() -> None:
    """Stops every function process of this emulator."""
    runtime = sys.modules.get("ministack.core.lambda_runtime")
    if runtime is not None:
        runtime.reset()
