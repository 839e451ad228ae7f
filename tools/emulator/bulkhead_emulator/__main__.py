"""Command line: `python -m bulkhead_emulator --port 4566`."""

from __future__ import annotations

import argparse
import os
import socket
import sys

from . import server
from .version import WrongMiniStack


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bulkhead_emulator",
        description="Runs a local AWS that enforces IAM. It keeps no data after it stops.",
    )
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1")
    parser.add_argument("--bare", action="store_true", help="MiniStack with the same settings and no extension")
    parser.add_argument("--log", metavar="FILE", help="write MiniStack's log to FILE")
    parser.add_argument(
        "--session-seconds",
        type=int,
        metavar="N",
        help="sessions of assumed roles expire after N seconds",
    )
    parser.add_argument("--judgements", metavar="FILE", help="write every decision of IAM to FILE, as JSON lines")
    parser.add_argument(
        "--invocations", metavar="FILE", help="write every invocation of a function to FILE, as JSON lines"
    )
    parser.add_argument(
        "--no-fair-queues",
        action="store_true",
        help="standard queues ignore message groups",
    )
    parser.add_argument(
        "--concurrency",
        type=int,
        metavar="N",
        help="concurrent executions of the account (default: 1,000)",
    )
    options = parser.parse_args(arguments)
    if options.bare and options.session_seconds is not None:
        parser.error("--session-seconds is an extension, and --bare runs MiniStack without extensions")
    if options.bare and options.judgements:
        parser.error("--judgements is an extension, and --bare runs MiniStack without extensions")
    if options.bare and (options.invocations or options.no_fair_queues):
        parser.error("--invocations and --no-fair-queues are extensions, and --bare runs MiniStack without extensions")
    if options.bare and options.concurrency is not None:
        parser.error("--concurrency is an extension, and --bare runs MiniStack without extensions")
    if options.concurrency is not None and options.concurrency < 1:
        parser.error("--concurrency must be at least 1")
    if options.session_seconds is not None and options.session_seconds < 1:
        parser.error("--session-seconds must be at least 1")
    if _taken(options.port):
        print(
            f"127.0.0.1:{options.port} is in use: stop the program that listens there or choose another --port",
            file=sys.stderr,
        )
        return 1
    try:
        return server.run(
            options.port,
            bare=options.bare,
            log=options.log,
            session_seconds=options.session_seconds,
            judgements=options.judgements,
            invocations=options.invocations,
            fair_queues=not options.no_fair_queues,
            concurrency=options.concurrency,
        )
    except WrongMiniStack as error:
        print(error, file=sys.stderr)
        return 1


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # Request threads of MiniStack may still be blocked, so exit without waiting for them.
    os._exit(status)
