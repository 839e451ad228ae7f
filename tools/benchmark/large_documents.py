"""Measures time and memory for large documents on the local stack.

    python -m tools.benchmark.large_documents --sizes 1 4 16 64 --index 16
    python -m tools.benchmark.large_documents --archives 32 64 128

Uploads texts, asks the deployed `extraction` for every page of each, and indexes those up to `--index` MiB. Memory is
the most that a process held: the child that parses, the parent that streams, and the worker `ingestion`. `--archives`
measures only the child, for DOCX and XLSX files whose parts expand to that much.
"""

from __future__ import annotations

import argparse
import filecmp
import json
import random
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.devstack.aws import Tenant
from tools.devstack.client import Api, send
from tools.devstack.console import Console
from tools.devstack.poll import until
from tools.devstack.process import ROOT
from tools.devstack.stack import LocalStack

from . import archives

_MIB = 1024 * 1024
_INDEXING_SECONDS = 3_600.0
# The defaults of `template.yaml`: the local stack has short time limits, which end a large document's reading.
_TIMES = {"WorkerTimeout": "120", "DispatchTimeout": "150", "VisibilityTimeout": "900"}
_LAMBDA = ROOT / "target" / "lambda"


@dataclass(frozen=True)
class Measured:
    """The figures of one document. Memory in MiB, time in seconds."""

    mib: int
    passages: int
    pages: int
    seconds_per_page: float
    child: float
    parent: float
    worker: float | None


def text(size: int) -> bytes:
    """Returns English-like prose of exactly `size` bytes; equal for equal sizes."""
    rng = random.Random(1)
    words = ["".join(rng.choices("etaoinshrdlucmfw", k=rng.randint(2, 9))) for _ in range(5_000)]
    made, length = [], 0
    while length < size:
        sentence = " ".join(rng.choices(words, k=12)).capitalize() + (".\n\n" if rng.random() < 0.15 else ". ")
        made.append(sentence)
        length += len(sentence)
    return "".join(made).encode()[:size]


def measure(stack: LocalStack, content: bytes, *, index: bool) -> Measured:
    """Measures one document of a new tenant, whose functions run in new processes."""
    before = {name: _processes(name) for name in ("extraction", "ingestion")}
    tenant = stack.onboard(f"A document of {len(content)} bytes")
    api = stack.api(tenant)
    document = _upload(api, content)
    pages, passages, seconds = _read(stack, tenant, document)
    worker = None
    if index:
        _await_ready(stack, api, document)
        worker = _peak(_processes("ingestion") - before["ingestion"])
    parent = _peak(_processes("extraction") - before["extraction"])
    api.delete(f"/v1/documents/{document}").expect(204)
    return Measured(len(content) // _MIB, passages, pages, seconds / pages, _child(content).memory, parent, worker)


def _upload(api: Api, content: bytes) -> str:
    about = {"title": "Large", "content_type": "text/plain", "bytes": len(content)}
    slot = api.post("/v1/documents/uploads", about).expect(201)
    upload = slot["upload"]
    answer = send(upload["method"], upload["url"], content, upload["headers"])
    if answer.status != 200:
        raise AssertionError(f"upload refused with status {answer.status}")
    document: str = slot["document"]["id"]
    return document


def _read(stack: LocalStack, tenant: Tenant, document: str) -> tuple[int, int, float]:
    """Asks for all pages. Returns their number, the number of passages and the time."""
    session, key = stack.session(tenant), f"{tenant.prefix}documents/{document}/source.00000001"
    began, pages, first, total = time.monotonic(), 0, 0, 1
    while first < total:
        request = {
            "content_type": "text/plain",
            "options": {"keep_boilerplate": False},
            "url": session.signed_read(stack.outputs["BasicBucket"], key, 60),
            "first": first,
            "within_ms": 60_000,
        }
        answer = stack.account.invoke(stack.outputs["BasicExtractionFunction"], request, tenant.id)
        if "page" not in answer:
            raise AssertionError(f"not a page: {answer}")
        page = answer["page"]["page"]
        pages, first, total = pages + 1, first + len(page["passages"]), page["total"]
    return pages, total, time.monotonic() - began


def _await_ready(stack: LocalStack, api: Api, document: str) -> None:
    def look() -> str:
        stack.sweep()
        status: str = api.get(f"/v1/documents/{document}").expect(200)["status"]
        return status

    final = until(
        look, lambda status: status in ("ready", "dead"), "the document is indexed", _INDEXING_SECONDS, every=1.0
    )
    if final != "ready":
        raise AssertionError(f"not indexed: {api.get(f'/v1/documents/{document}').expect(200)}")


def _processes(function: str) -> set[int]:
    """Returns the processes of a function's environments, without children that parse."""
    built, found = _LAMBDA / function / "bootstrap", set()
    for folder in Path("/proc").iterdir():
        try:
            program, *arguments = (folder / "cmdline").read_text().split("\0")
            if (
                program.endswith("/bootstrap")
                and "parse" not in arguments
                and filecmp.cmp(program, built, shallow=False)
            ):
                found.add(int(folder.name))
        except OSError:
            continue
    return found


def _peak(processes: set[int]) -> float:
    """Returns the most memory that one of the processes held, MiB."""
    most = 0.0
    for process in processes:
        for line in Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                most = max(most, int(line.split()[1]) / 1024)
    return most


# Runs between this process and the child: memory counts from the fork, and this process holds the document.
_MEASURE = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, env={})
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_maxrss, used.ru_utime + used.ru_stime, done.returncode, flush=True)
sys.stdout.buffer.write(done.stdout)
"""


@dataclass(frozen=True)
class Child:
    """What the child needed for a document, and its answer. Memory in MiB, processor time in seconds."""

    memory: float
    seconds: float
    answer: dict[str, Any]


def _child(content: bytes, content_type: str = "text/plain") -> Child:
    command = [sys.executable, "-S", "-c", _MEASURE, str(_LAMBDA / "extraction" / "bootstrap"), "parse", content_type]
    done = subprocess.run(command, input=content, capture_output=True, check=True)
    figures, answer = done.stdout.split(b"\n", 1)
    memory, seconds, status = figures.split()
    stopped = {"unreadable": f"the child ended with status {int(status)}"}
    return Child(int(memory) / 1024, float(seconds), stopped if int(status) else json.loads(answer))


def _measure_archives(console: Console, sizes: list[int]) -> None:
    console.heading("Memory and processor time of the child for archives")
    console.line("| document | MiB expanded | MiB | passages | s | child MiB |")
    console.line("|---|---:|---:|---:|---:|---:|")
    for size in sizes:
        for name, content_type, content in (
            ("DOCX", archives.DOCX, archives.docx(size * _MIB)),
            ("XLSX, one sheet", archives.XLSX, archives.xlsx(size * _MIB)),
            ("XLSX, four sheets", archives.XLSX, archives.xlsx(size * _MIB, sheets=4)),
        ):
            found = _child(content, content_type)
            passages = f"{found.answer['page']['total']:,}" if "page" in found.answer else found.answer["unreadable"]
            console.line(
                f"| {name} | {size} | {len(content) / _MIB:.0f} | {passages} | {found.seconds:.1f} "
                f"| {found.memory:.0f} |"
            )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tools.benchmark.large_documents", description="Measures time and memory for large documents."
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 4, 16, 64], metavar="MIB")
    parser.add_argument("--index", type=int, default=4, metavar="MIB", help="index documents up to this size")
    parser.add_argument("--archives", type=int, nargs="+", metavar="MIB", help="measure only archives of these sizes")
    options = parser.parse_args(arguments)
    console = Console()
    if options.archives:
        _measure_archives(console, options.archives)
        return 0
    with LocalStack.temporary("large", console, parameters=_TIMES) as stack:
        console.heading("Memory and time by size")
        console.line("| MiB | passages | pages | s per page | child MiB | parent MiB | ingestion MiB |")
        console.line("|---:|---:|---:|---:|---:|---:|---:|")
        for size in options.sizes:
            found = measure(stack, text(size * _MIB), index=size <= options.index)
            worker = "" if found.worker is None else f"{found.worker:.0f}"
            console.line(
                f"| {found.mib} | {found.passages:,} | {found.pages} | {found.seconds_per_page:.1f} "
                f"| {found.child:.0f} | {found.parent:.0f} | {worker} |"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
