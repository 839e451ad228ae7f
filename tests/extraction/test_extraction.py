"""The deployed extraction program with good, damaged and hostile documents.

    EXTRACTION_BOOTSTRAP=target/debug/extraction python -m pytest tests/extraction

A document gives its text or is refused, or a limit ends its process. No effect may remain.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

# The journeys add the same documents over HTTP.
from tests.journeys import hostile

ROOT = Path(__file__).resolve().parents[2]

BOOTSTRAP = Path(os.environ.get("EXTRACTION_BOOTSTRAP", ROOT / "target/lambda/extraction/bootstrap")).resolve()
MEMORY = 1024 * 1024 * 1024
# CPU time: the limit is 20 s, and the kernel kills after one more. Wall time may be much longer on a busy
# machine; the waiting function has its own limit for that.
CPU_SECONDS = 22
_TIMEOUT_SECONDS = 180
# CPU limit, memory, stack, kernel; 101 is a panic that does not abort.
_LIMIT_STATUSES = {-signal.SIGXCPU, -signal.SIGABRT, -signal.SIGSEGV, -signal.SIGKILL, 101}


@dataclass(frozen=True)
class Result:
    """The result of reading one document."""

    status: int
    passages: list[str] | None
    reason: str | None
    seconds: float
    memory: int


# Runs between this process and the reading process: memory counts from the fork, and this process holds
# documents larger than the measured memory.
_MEASURE = """
import json, resource, subprocess, sys
status = subprocess.run(sys.argv[1:], stderr=subprocess.DEVNULL, env={}).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
json.dump([status, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024], sys.stderr)
"""


def read(content_type: str, content: bytes) -> Result:
    """Reads one document in one process."""
    command: list[str | Path] = [sys.executable, "-S", "-c", _MEASURE, BOOTSTRAP, "parse", content_type]
    done = subprocess.run(command, input=content, capture_output=True, timeout=_TIMEOUT_SECONDS)
    status, seconds, memory = json.loads(done.stderr)
    answer = json.loads(done.stdout) if status == 0 else {}
    assert status != 0 or set(answer) in ({"page"}, {"unreadable"}), answer
    page = answer.get("page")
    passages = [each["text"] for each in page["passages"]] if page else None
    return Result(status, passages, answer.get("unreadable"), seconds, memory)


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    """A process that has set its limits and waits for its document."""
    process = subprocess.Popen(
        [BOOTSTRAP, "parse", "text/plain"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={"SECRET": "x"}
    )
    assert process.stdin
    process.stdin.write(b"begun ")
    process.stdin.flush()
    deadline = time.monotonic() + 5
    while "0                    0" not in _limit(process, "Max open files") and time.monotonic() < deadline:
        time.sleep(0.01)
    yield process
    process.kill()
    process.communicate()


def _limit(process: subprocess.Popen[bytes], name: str) -> str:
    lines = Path(f"/proc/{process.pid}/limits").read_text().splitlines()
    return next(line.removeprefix(name).strip() for line in lines if line.startswith(name))


# ── good documents ────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("content_type", "content"),
    [
        (hostile.TEXT, b"Open from nine to five."),
        (hostile.MARKDOWN, b"Open from nine to five."),
        (hostile.HTML, b"<p>Open from <b>nine</b> to five."),
        (hostile.PDF, hostile.pdf(["Open from nine to five."])),
        (hostile.PDF, hostile.pdf(["Open from nine to five."], with_unicode_map=True)),
        (hostile.DOCX, hostile.docx(["Open from nine to five."])),
    ],
    ids=["text", "markdown", "html", "pdf", "pdf with a map to Unicode", "docx"],
)
def test_good_document_gives_its_text(content_type: str, content: bytes) -> None:
    assert read(content_type, content).passages == ["Open from nine to five."]


def test_thousand_pages_stay_below_the_memory_limit() -> None:
    page = " ".join(f"word{n % 97}" for n in range(400))
    for content_type, content in [
        (hostile.PDF, hostile.pdf([f"Page {n}. {page}" for n in range(1_000)])),
        (hostile.DOCX, hostile.docx([f"Page {n}. {page}" for n in range(1_000)])),
    ]:
        done = read(content_type, content)
        assert done.passages and done.passages[-1].endswith(page[-100:]), done.reason
        assert sum("Page 999." in passage for passage in done.passages) == 1
        print(f"{content_type}: {len(content):,} bytes, {done.seconds:.2f} s, {done.memory / 1e6:.0f} MB")


# ── hostile documents ─────────────────────────────────────────────────────────

_CORPUS = hostile.corpus()


@pytest.mark.parametrize("document", _CORPUS, ids=[document.name for document in _CORPUS])
def test_hostile_document_ends(document: hostile.Hostile) -> None:
    done = read(document.content_type, document.content)
    print(f"{done.seconds:6.2f} s {done.memory / 1e6:4.0f} MB  {done.status} {done.reason or len(done.passages or [])}")
    assert done.status == 0 or done.status in _LIMIT_STATUSES, done
    assert done.memory < MEMORY
    assert done.seconds < CPU_SECONDS
    if done.passages is not None:
        assert document.reason is None
        assert not any(letter < " " and letter not in "\n\t" for text in done.passages for letter in text)
    elif document.reason == hostile.TOO_MUCH_MEMORY:
        assert done.status != 0
    elif document.reason:
        assert document.reason in (done.reason or ""), done


def test_damaged_documents_end() -> None:
    outcomes: dict[str, int] = {}
    for document in hostile.mutated(seed=7, count=200):
        done = read(document.content_type, document.content)
        assert done.status == 0 or done.status in _LIMIT_STATUSES, (document.name, done)
        outcome = "read" if done.passages else done.reason or f"status {done.status}"
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    print(outcomes)
    assert outcomes["read"] > 0
    assert len(outcomes) > 3


def test_same_document_is_read_the_same_twice() -> None:
    good = hostile.pdf(["Open from nine to five."])
    assert read(hostile.PDF, good).passages == read(hostile.PDF, good).passages


# ── the limits themselves ─────────────────────────────────────────────────────


def test_limits_are_set_before_a_document_is_read(process: subprocess.Popen[bytes]) -> None:
    numbers = {
        name: _limit(process, name).split()[:2]
        for name in (
            "Max address space",
            "Max cpu time",
            "Max open files",
            "Max processes",
            "Max file size",
            "Max core file size",
            "Max stack size",
        )
    }
    assert numbers == {
        "Max address space": [str(MEMORY)] * 2,
        "Max cpu time": ["20", "21"],
        "Max open files": ["0", "0"],
        "Max processes": ["0", "0"],
        "Max file size": ["0", "0"],
        "Max core file size": ["0", "0"],
        "Max stack size": [str(8 * 1024 * 1024)] * 2,
    }
    assert [entry.name for entry in Path(f"/proc/{process.pid}/task").iterdir()] == [str(process.pid)]


def test_process_cannot_open_anything(process: subprocess.Popen[bytes]) -> None:
    """With a limit of 0 the kernel opens no file and no socket: a process with that limit shows it."""
    assert _limit(process, "Max open files").split()[:2] == ["0", "0"]
    attempt = (
        "import os, socket, resource\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))\n"
        "for attempt in (lambda: os.open('/etc/passwd', 0), lambda: socket.socket(), lambda: os.pipe()):\n"
        "    try: attempt(); print('opened')\n"
        "    except OSError as error: print(error.errno)\n"
    )
    output = subprocess.run([sys.executable, "-S", "-c", attempt], capture_output=True, text=True).stdout
    assert output.split() == ["24"] * 3


def test_cpu_limit_ends_the_process() -> None:
    """Starts the program with a lower limit, which it keeps."""
    slow = next(each for each in _CORPUS if each.name == "pdf with 2,000 drawings of 1,000,000 operators")

    def limit_to_one_second() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (1, 2))

    command: list[str | Path] = [BOOTSTRAP, "parse", slow.content_type]
    done = subprocess.run(command, input=slow.content, stdout=subprocess.PIPE, env={}, preexec_fn=limit_to_one_second)
    assert done.returncode == -signal.SIGXCPU
    assert done.stdout == b""


def test_process_ended_by_a_limit_prints_no_document_text() -> None:
    """The output of a process ended by a limit contains nothing of the document."""
    bomb = next(each for each in _CORPUS if each.reason == hostile.TOO_MUCH_MEMORY)
    command: list[str | Path] = [BOOTSTRAP, "parse", bomb.content_type]
    # As in production. With `RUST_BACKTRACE`, a message of Rust opens files, which the filter forbids.
    done = subprocess.run(command, input=bomb.content, capture_output=True, env={})
    assert done.returncode in _LIMIT_STATUSES
    assert done.stdout == b""
