"""The word check of tools/lint/words.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.lint.words import (
    WORDS,
    Finding,
    Report,
    complaints,
    find,
    is_checked,
    lowered,
    read_baseline,
    report,
    write_baseline,
)


@pytest.mark.parametrize("word", WORDS)
def test_finds_each_word(word: str) -> None:
    assert list(find("a.md", f"First line.\nThis {word} that.\n")) == [Finding("a.md", 2, word)]


@pytest.mark.parametrize(
    "text",
    [
        "Whoever calls",
        "def test_whoever_calls() -> None:",
        "a bucket of its\nown",
        "/// a bucket of its\n/// own",
        "    # a bucket of\n    # its own",
        "a_bucket_of_its_own",
    ],
)
def test_finds_words_in_names_and_over_line_breaks(text: str) -> None:
    assert len(list(find("a.rs", text))) == 1


@pytest.mark.parametrize("text", ["renewed", "whateverness", "this to become", "of its owner", "so\n\nmany"])
def test_ignores_other_words(text: str) -> None:
    assert list(find("a.md", text)) == []


def test_checks_sources_and_documentation_only() -> None:
    assert all(map(is_checked, ("a/b.rs", "README.md", "Makefile", "infra/tier.yaml", ".ci/run", "a/b.stderr")))
    assert not any(
        map(is_checked, ("LICENSE", "Cargo.lock", "docs/refusals.md", "fuzz/seeds/a.md", "docs/openapi.json"))
    )


def _report(**counts: int) -> Report:
    return Report(tuple(Finding(file, 1, "anew") for file, count in counts.items() for _ in range(count)), 100)


def test_accepts_what_the_baseline_says() -> None:
    assert list(complaints(_report(a=2), {"a": 2})) == []


def test_complains_about_more_with_line_and_remedy() -> None:
    found = list(complaints(_report(a=1), {}))
    assert found == [f"a:1: `anew`: {WORDS['anew']}", "a: 1 findings, the baseline allows 0"]


@pytest.mark.parametrize("left", [1, 0])
def test_complains_about_fewer_until_the_baseline_is_lowered(left: int) -> None:
    [found] = complaints(_report(a=left), {"a": 2})
    assert "--update" in found


def test_update_lowers_and_never_raises(tmp_path: Path) -> None:
    baseline = lowered(_report(a=1, b=5, c=3), {"a": 2, "b": 4, "gone": 1})
    assert baseline == {"a": 1, "b": 4}
    write_baseline(baseline, tmp_path / "baseline.toml")
    assert read_baseline(tmp_path / "baseline.toml") == baseline


def test_figures_count_per_thousand_lines() -> None:
    found = report([("a.md", "anew\n" * 3), ("b.md", "fine\n" * 997)])
    assert found.figures() == "3 findings in 1000 lines: 3.00 per 1,000 lines"
    assert found.counts == {"a.md": 3}
