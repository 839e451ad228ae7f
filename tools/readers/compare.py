"""The reference readers as a process, and the figures of each file."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from tools.devstack.process import ROOT

from .child import Reading, read
from .kinds import Kind
from .measure import Result
from .sources import PYTHON, File
from .words import share, words


class Reference:
    """A process with the reference readers. It is started again if a reader crashes."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def texts(self, kind: str, path: Path) -> dict[str, str]:
        """Returns the texts of a file, or `error`."""
        process = self._process = self._process or self._start()
        assert process.stdin and process.stdout
        process.stdin.write(json.dumps([kind, str(path)]) + "\n")
        process.stdin.flush()
        answer = process.stdout.readline()
        if not answer:
            self._stop()
            return {"error": "the reference reader crashed"}
        return dict(json.loads(answer))

    @staticmethod
    def _start() -> subprocess.Popen[str]:
        return subprocess.Popen(
            [PYTHON, "-m", "tools.readers.reference"],
            cwd=ROOT,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def _stop(self) -> None:
        if self._process:
            assert self._process.stdin and self._process.stdout
            self._process.stdin.close()
            self._process.stdout.close()
            self._process.wait()
            self._process = None


def compare(kind: Kind, file: File, reference: Reference) -> Result:
    """Reads a file with the deployed reader and with the reference reader."""
    reading = read(kind.content_type, file.path)
    texts = reference.texts(kind.key, file.path)
    ours = words("\n".join(reading.passages))
    shares = {name: share(words(text), ours) for name, text in texts.items() if name != "error"}
    return _result(file, reading, texts, shares)


def _result(file: File, reading: Reading, texts: dict[str, str], shares: dict[str, float | None]) -> Result:
    return Result(
        kind=file.kind,
        package=file.package,
        name=file.name,
        size=file.path.stat().st_size,
        outcome=reading.outcome,
        reason=reading.reason,
        passages=len(reading.passages),
        warnings=reading.warnings,
        seconds=reading.seconds,
        processor_seconds=reading.processor_seconds,
        memory_bytes=reading.memory_bytes,
        reference_words=words(texts.get("text", "")).total(),
        reference_error=texts.get("error"),
        found=shares.get("text"),
        found_of_page=shares.get("page"),
    )
