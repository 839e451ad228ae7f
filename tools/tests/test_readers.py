"""The measure and the page of `make readers`."""

from __future__ import annotations

import hashlib
import io
import json
import signal
import tarfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from tools.devstack.process import ROOT
from tools.readers import cases, child, measure, page, sources
from tools.readers.cases import Cases
from tools.readers.kinds import KINDS
from tools.readers.measure import Result
from tools.readers.sources import Package
from tools.readers.words import MINIMUM, share, words

_RESULT = Result(
    kind="pdf",
    package="pypdf 1.0",
    name="a.pdf",
    size=1_000,
    outcome="text",
    reason=None,
    passages=3,
    warnings=[],
    seconds=0.02,
    processor_seconds=0.01,
    memory_bytes=9_400_000,
    reference_words=100,
    reference_error=None,
    found=0.9,
)


# ── the measure ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The ferry, the FERRY.", {"the": 2, "ferry": 2}),
        ("ﬁnal ①", {"final": 1, "1": 1}),
        ("港の時刻", {"港": 1, "の": 1, "時": 1, "刻": 1}),
        ("snake_case 0.5", {"snake": 1, "case": 1, "0": 1, "5": 1}),
        ("har\u00adbour reim-\nbursement ex\ufffe\r\nample", {"harbour": 1, "reimbursement": 1, "example": 1}),
        ("2024-\n2025, well-known", {"2024": 1, "2025": 1, "well": 1, "known": 1}),
    ],
)
def test_words_are_normalised(text: str, expected: dict[str, int]) -> None:
    assert words(text) == expected


def test_share_counts_each_occurrence() -> None:
    reference = Counter({"the": 20, "ferry": 20})
    assert share(reference, Counter({"the": 100, "ferry": 10})) == 0.75
    assert share(reference, Counter()) == 0
    assert share(reference, reference + Counter({"more": 5})) == 1


def test_few_words_have_no_share() -> None:
    few = Counter({"word": MINIMUM - 1})
    assert share(few, few) is None
    assert share(few + Counter({"word": 1}), few) is not None


# ── the tables ────────────────────────────────────────────────────────────────


def test_table_has_a_row_per_type() -> None:
    results = [
        _RESULT,
        replace(_RESULT, found=0.3, processor_seconds=0.5, memory_bytes=20_000_000),
        replace(_RESULT, outcome="refused", reason="no text", found=0.0, passages=0),
        replace(_RESULT, outcome="refused", reason="no text", found=None, passages=0),
        replace(_RESULT, kind="html", outcome="stopped", reason="time", found=None),
    ]
    lines = measure.table(results)
    assert lines[2] == "| PDF | 4 | 2 | 2 | 1 | 0 | 3 | 0.40 | 1 | 10 | 500 | 20 |"
    assert lines[3] == "| HTML | 1 | 0 | 0 | 0 | 1 | 0 |  | 0 | 10 | 10 | 9 |"
    assert lines[4].startswith("| **all** | 5 | 2 | 2 | 1 | 1 | 3 | 0.40 | 1 |")
    assert len({line.count("|") for line in lines}) == 1


def test_low_files_are_listed_with_a_reason() -> None:
    worst, bad, mail = (
        replace(_RESULT, name="worst.pdf", found=0.1),
        replace(_RESULT, name="bad.pdf", found=0.4),
        replace(_RESULT, kind="mail", name="a.eml", found=0.2),
    )
    # A refused file and a file without enough words are not silent losses.
    others = [
        _RESULT,
        replace(_RESULT, found=None),
        replace(_RESULT, outcome="refused", found=0.0),
        replace(_RESULT, found=measure.LOW),
    ]
    lines = measure.low([mail, bad, worst, *others], {"pypdf 1.0: worst.pdf": "rotated"})
    assert lines[2:] == [
        "| pypdf 1.0: `worst.pdf` | PDF | 0.10 | rotated |",
        "| pypdf 1.0: `bad.pdf` | PDF | 0.40 | not looked at |",
        "| pypdf 1.0: `a.eml` | e-mail | 0.20 | not looked at |",
    ]


def test_refusals_are_counted_by_reason() -> None:
    refused = replace(_RESULT, outcome="refused", reason="no pages")
    results = [
        _RESULT,
        replace(refused, name="b.pdf"),
        refused,
        replace(_RESULT, name="c.pdf", outcome="stopped", reason="time"),
    ]
    assert measure.refusals(results)[2:] == [
        "| PDF | no pages | 2 | pypdf 1.0: `a.pdf` |",
        "| PDF | stopped by the limit of time | 1 | pypdf 1.0: `c.pdf` |",
    ]


# ── the child's answer ────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("status", "output", "expected"),
    [
        (0, b'{"page": {"total": 0, "passages": [], "warnings": []}}', ("text", None)),
        (0, b'{"unreadable": "no text"}', ("refused", "no text")),
        (-signal.SIGXCPU, b"", ("stopped", "time")),
        (-signal.SIGSYS, b"", ("stopped", "system call")),
        (-signal.SIGABRT, b"", ("stopped", "memory")),
        (0, b" " * 6_000_001, ("stopped", "output")),
    ],
)
def test_the_end_of_the_child_is_judged_as_by_the_function(
    status: int, output: bytes, expected: tuple[str, str | None]
) -> None:
    assert child.judge(status, output)[:2] == expected


def test_a_child_without_confinement_is_no_result() -> None:
    with pytest.raises(RuntimeError, match="could not confine itself"):
        child.judge(70, b"")


# ── the packages ──────────────────────────────────────────────────────────────


def _package(folder: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, bytes], **fields: object) -> Package:
    """Returns a package that is already downloaded."""
    monkeypatch.setattr(sources, "_PACKAGES", folder)
    monkeypatch.setattr(sources, "_FILES", folder / "files")
    package = Package("pypi", "sample", "1", "", {"pdf": ["data/*.pdf"]}, **fields)  # type: ignore[arg-type]
    with tarfile.open(package.path, "w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"sample-1/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return package


def test_files_are_taken_by_pattern_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"data/b.pdf": b"two", "data/a.pdf": b"one", "data/copy.pdf": b"one", "data/empty.pdf": b"", "c.pdf": b"x"}
    package = _package(tmp_path, monkeypatch, files)
    taken = sources.take([package])
    assert [file.label for file in taken] == ["sample 1: data/a.pdf", "sample 1: data/b.pdf"]
    assert [file.path.read_bytes() for file in taken] == [b"one", b"two"]
    (first,) = sources.take([replace(package, most=1)])
    assert first.name == "data/a.pdf"


def test_a_pattern_without_a_file_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = _package(tmp_path, monkeypatch, {"a.txt": b"x"})
    with pytest.raises(ValueError, match=r"sample 1 has no file"):
        sources.take([package])


def test_another_hash_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = _package(tmp_path, monkeypatch, {"data/a.pdf": b"x"})
    right = replace(package, sha256=hashlib.sha256(package.path.read_bytes()).hexdigest())
    sources.fetch(right)
    with pytest.raises(ValueError, match="expects 0000"):
        sources.fetch(replace(package, sha256="0000"))
    assert not package.path.exists(), "the next run must download it again"


def test_list_of_packages_is_complete() -> None:
    found = sources.packages()
    assert {kind for package in found for kind in package.files} == {kind.key for kind in KINDS}
    assert len({package.path for package in found}) == len(found)
    assert all(len(package.sha256) == 64 for package in found)
    with pytest.raises(ValueError, match="unknown types"):
        sources.packages('[[package]]\nregistry = "pypi"\nname = "a"\nversion = "1"\nsha256 = ""\nfiles = { doc = [] }')


# ── the small cases ───────────────────────────────────────────────────────────


def test_passed_tests_are_counted_per_file() -> None:
    output = (
        "     Running unittests src/lib.rs (target/debug/deps/a)\n"
        "test result: ok. 9 passed; 0 failed; 0 ignored\n"
        "     Running tests/pdf.rs (target/debug/deps/b)\n"
        "test a ... ok\ntest result: ok. 30 passed; 0 failed; 0 ignored\n"
        "   Doc-tests bulkhead_documents\ntest result: ok. 1 passed; 0 failed; 0 ignored\n"
    )
    assert cases.passed(output) == {"pdf": 30}


def test_every_small_file_is_read_by_a_test(tmp_path: Path) -> None:
    tests = dict.fromkeys((kind.tests for kind in KINDS), 1)
    found = cases.cases(tests, ROOT / "shared" / "documents" / "tests")
    assert sum(sum(each.files.values()) for each in found) == len(
        list((ROOT / "shared" / "documents" / "tests" / "cases").iterdir())
    )
    (tmp_path / "cases").mkdir()
    (tmp_path / "pdf.rs").write_text('("two_columns", "text")')
    (tmp_path / "cases" / "two_columns.pdf").touch()
    assert cases.cases(tests, tmp_path)[0].files == {".pdf": 1}
    (tmp_path / "cases" / "forgotten.pdf").touch()
    with pytest.raises(ValueError, match=r"no test of shared/documents reads `forgotten\.pdf`"):
        cases.cases(tests, tmp_path)


# ── the page ──────────────────────────────────────────────────────────────────


def test_page_names_every_content_type_of_the_api() -> None:
    api = json.loads((ROOT / "docs" / "openapi.json").read_text())
    upload = api["components"]["schemas"]["CreateUpload"]["properties"]["content_type"]
    accepted = upload["pattern"].removeprefix("^(").split(")")[0].replace("\\", "").split("|")
    assert sorted(accepted) == sorted(kind.content_type for kind in KINDS)
    text = page.PAGE.read_text()
    for kind in KINDS:
        assert f"| {kind.name} | `{kind.content_type}` |" in text


def test_page_is_rendered_from_its_template() -> None:
    found = [Cases("PDF", "pdf", 30, {".pdf": 23})]
    text = page.render(page.TEMPLATE.read_text(), [_RESULT], found, sources.packages())
    assert "<<" not in text
    # The written page has the same hand-written parts.
    written = page.PAGE.read_text()
    for paragraph in page.TEMPLATE.read_text().split("\n\n"):
        if "<<" not in paragraph:
            assert paragraph.strip() in written, "run `make readers`"
    with pytest.raises(KeyError):
        page.render("<<unknown place>>", [_RESULT], found, [])


def test_limits_come_from_the_code() -> None:
    source = "pub const READERS: u32 = 2;\npub const MAX_A: usize = 4_000;\npub const MAX_B: usize = 2 * 1024 * 1024;\n"
    assert page.limits(source) == {"MAX_A": ["4,000"], "MAX_B": ["2,097,152"]}
