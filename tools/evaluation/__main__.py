"""Command line: `python -m tools.evaluation [--others N]`."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tools.devstack.client import Api, send
from tools.devstack.console import Console
from tools.devstack.poll import until
from tools.devstack.process import ROOT
from tools.devstack.stack import LocalStack

from . import measure
from .corpus import Source, questions, sources
from .measure import Outcome

_TARGET = ROOT / "target" / "eval"
_TEMPLATE = "Answer from the passages."
_PARALLEL = 4
# Lambda allows 2.5 environments per reserved execution and counts idle ones. More than 100 tenants exceed the defaults.
_CONCURRENCY = {
    "BasicDocumentsConcurrency": "80",
    "BasicIngestionConcurrency": "60",
    "BasicExtractionConcurrency": "60",
}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tools.evaluation", description="Measures how well passages are found, with real extraction."
    )
    parser.add_argument(
        "--others", type=int, default=100, metavar="N", help="tenants to add before the second run (default: 100)"
    )
    options = parser.parse_args(arguments)
    console, began = Console(), time.monotonic()
    with LocalStack.temporary("eval", console, parameters=_CONCURRENCY) as stack:
        api = stack.api(stack.onboard("Skellan Harbour"))
        api.save_template("plain", _TEMPLATE)
        with console.step("index the documents"):
            documents = _index(api, sources())
        with console.step("ask the questions"):
            before = _ask(api, documents)
        with console.step(f"onboard {options.others} other tenants with a similar document"):
            _add_others(stack, options.others)
        with console.step("ask the questions again"):
            after = _ask(api, documents)
    moved = [a.question.text for a, b in zip(before, after, strict=True) if a.citations != b.citations]
    _write(before, moved, options.others)
    console.heading("The answering passage among the citations")
    for line in measure.table(before):
        console.line(f"  {line}")
    for each in before:
        if each.place is None:
            console.line(f"  not found: {each.question.text} ({each.question.document})")
    console.line(
        f"  with {options.others} other tenants: {'the same' if not moved else f'{len(moved)} answers differ'}"
    )
    console.line(f"  target/eval/report.json and table.md, {time.monotonic() - began:.0f} s in total")
    return 1 if moved else 0


def _index(api: Api, documents: list[Source]) -> dict[str, str]:
    """Uploads the documents, waits until they are searchable, and returns their ids by name."""
    ids = {document.name: _upload(api, document) for document in documents}
    for name, document in ids.items():
        found = until(
            lambda document=document: api.get(f"/v1/documents/{document}").expect(200),  # type: ignore[misc]
            lambda found: found["status"] in ("ready", "dead"),
            f"{name} is indexed",
            120,
        )
        assert found["status"] == "ready", f"{name}: {found}"
    return ids


def _upload(api: Api, document: Source) -> str:
    about = {"title": document.title, "content_type": document.content_type, "bytes": len(document.content)}
    made = api.post("/v1/documents/uploads", about).expect(201)
    upload = made["upload"]
    stored = send(upload["method"], upload["url"], document.content, upload["headers"])
    assert stored.status == 200, stored.text
    return made["document"]["id"]


def _ask(api: Api, documents: dict[str, str]) -> list[Outcome]:
    def ask(question: Any) -> Outcome:
        answer = until(
            lambda: api.post(
                "/v1/inference",
                {"template": "plain", "question": question.text, "retrieval": {"limit": max(measure.DEPTHS)}},
            ),
            lambda answer: answer.status != 429,
            "the tenant's quota allows the question",
        )
        return measure.outcome(question, answer.expect(200), documents)

    with ThreadPoolExecutor(_PARALLEL) as pool:
        return list(pool.map(ask, questions()))


def _add_others(stack: LocalStack, count: int) -> None:
    """Onboards tenants that have a document with the words of the corpus."""
    corpus = {source.name: source for source in sources()}
    similar = corpus["berths.md"].content.decode()

    def add(number: int) -> Callable[[], str]:
        api = stack.api(stack.onboard(f"Neighbour {number}"))
        document = api.add_document("Berths and mooring", similar, "text/markdown")["id"]
        return lambda: until(
            lambda: api.get(f"/v1/documents/{document}").expect(200)["status"],
            lambda status: status == "ready",
            f"the document of neighbour {number} is indexed",
            300,
        )

    with ThreadPoolExecutor(_PARALLEL) as pool:
        for wait in list(pool.map(add, range(count))):
            wait()


def _write(outcomes: list[Outcome], moved: list[str], others: int) -> None:
    _TARGET.mkdir(parents=True, exist_ok=True)
    report = {
        "all": measure.figures(outcomes).to_json(),
        "questions": [
            {"text": each.question.text, "place": each.place, "cites_the_source": each.cites_the_source}
            for each in outcomes
        ],
        "other_tenants": others,
        "answers_that_differ_with_other_tenants": moved,
    }
    (_TARGET / "report.json").write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    (_TARGET / "table.md").write_text("\n".join(measure.table(outcomes)) + "\n")


if __name__ == "__main__":
    sys.exit(main())
