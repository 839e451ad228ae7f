"""The clients of clients/ are those of the OpenAPI document, and their types hold for answers and for refusals."""

from __future__ import annotations

import filecmp
import importlib
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tools import clients
from tools.devstack.aws import Tenant
from tools.devstack.poll import until
from tools.devstack.process import ROOT
from tools.devstack.stack import LocalStack

PACKAGE = "bulkhead_client"


def _files(folder: Path) -> set[str]:
    files = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    caches = {"__pycache__", ".ruff_cache"}
    return {str(path) for path in files if not caches & set(path.parts)}


def test_clients_are_generated_from_the_document(tmp_path: Path) -> None:
    clients.generate(tmp_path)
    for folder in ("python", "typescript/src"):
        made, kept = tmp_path / folder, clients.CLIENTS / folder
        by_hand = {"index.ts"} if folder.startswith("typescript") else set()
        assert _files(made) == _files(kept) - by_hand, "run `make clients`"
        _, different, unread = filecmp.cmpfiles(made, kept, _files(made), shallow=False)
        assert not different and not unread, f"run `make clients`: {different} {unread}"


# ── Python ────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def generated() -> Callable[[str], Any]:
    """Returns a function that imports a module of the Python client."""
    sys.path.insert(0, str(clients.CLIENTS / "python"))
    return lambda name: importlib.import_module(f"{PACKAGE}.{name}")


def test_generated_client_runs_a_journey(stack: LocalStack, tenant: Tenant, generated: Callable[[str], Any]) -> None:
    api, models = generated, generated("models")
    client = generated("client").AuthenticatedClient(base_url=stack.api().base, token=stack.issuer.mint(tenant.id))

    save, infer = api("api.templates.save_template"), api("api.inference.infer")
    saved = save.sync("plain", client=client, body=models.SaveTemplate(body="Answer from the passages."))
    assert (saved.key, saved.version, saved.description) == ("plain", 1, None)

    text = models.CreateDocument(
        title="Hours", content_type="text/markdown", content="# Hours\n\nThe boathouse opens at nine."
    )
    made = api("api.documents.create_document").sync(client=client, body=text)
    assert made.status == models.DocumentStatus.QUEUED and made.ready_revision is None
    read = api("api.documents.get_document").sync
    ready = until(
        lambda: read(made.id, client=client),
        lambda found: found.ready_revision == found.revision,
        "the document is searchable",
    )
    assert ready.status == models.DocumentStatus.READY and ready.created_at <= ready.updated_at

    question = models.Infer(template="plain", question="When does the boathouse open?")
    answer = infer.sync(client=client, body=question)
    assert answer.citations[0].document == made.id and answer.usage.output_tokens > 0
    page = api("api.documents.list_documents").sync(client=client, limit=1)
    assert [each.id for each in page.documents] == [made.id] and page.cursor is None


def test_generated_client_reads_refusals(stack: LocalStack, tenant: Tenant, generated: Callable[[str], Any]) -> None:
    models, infer = generated("models"), generated("api.inference.infer")
    read = generated("api.documents.get_document")
    question = models.Infer(template="missing", question="Why?")
    clients = {
        404: stack.issuer.mint(tenant.id),
        403: stack.issuer.mint(None),
        401: "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0." + "A" * 86,
    }
    for status, token in clients.items():
        client = generated("client").AuthenticatedClient(base_url=stack.api().base, token=token)
        answer = infer.sync_detailed(client=client, body=question)
        assert (answer.status_code, answer.parsed.status) == (status, status), answer
        assert answer.parsed.type_.startswith("urn:bulkhead:problem:")
        assert read.sync("0" * 32, client=client).status == status


# ── TypeScript ────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a folder with the built TypeScript client and the journey."""
    folder = tmp_path_factory.mktemp("typescript")
    for name in ("src", "tsconfig.json", "package.json"):
        source = clients.CLIENTS / "typescript" / name
        (shutil.copytree if source.is_dir() else shutil.copyfile)(source, folder / name)
    shutil.copy(ROOT / "tests" / "journeys" / "typescript_client" / "journey.ts", folder)
    (folder / "node_modules").symlink_to(clients.NODE_MODULES)
    built = _compiled(folder, "--project", "tsconfig.json")
    assert built == "", built
    return folder


def _compiled(folder: Path, *options: str) -> str:
    """Returns the complaints of the TypeScript compiler; empty if there are none."""
    done = clients.node([str(clients.NODE_MODULES / "typescript" / "bin" / "tsc"), *options], cwd=folder)
    return done.stdout + done.stderr


CHECK = ("--noEmit", "--strict", "--module", "nodenext", "--target", "es2022", "--lib", "es2022,dom,dom.iterable")


def test_typescript_client_runs_a_journey(stack: LocalStack, tenant: Tenant, package: Path) -> None:
    # The journey needs the types of Node only for these two.
    (package / "node.d.ts").write_text("declare const process: { argv: string[] };\n")
    assert _compiled(package, *CHECK, "node.d.ts", "journey.ts") == ""
    done = clients.node(["journey.ts", stack.api().base, stack.issuer.mint(tenant.id)], cwd=package)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "version": 1,
        "status": "ready",
        "citation": "Hours",
        "same": True,
        "events": ["start", "citations", "delta", "usage", "done"],
        "missing": "urn:bulkhead:problem:not-found",
        "refused": 404,
        "asked": True,
    }


def test_wrong_request_does_not_compile(package: Path) -> None:
    wrong = 'import { createBulkhead } from "./dist/index.js";\n'
    wrong += 'await createBulkhead({ url: "", token: "" }).POST("/v1/inference", { body: { template: 1 } });\n'
    (package / "wrong.ts").write_text(wrong)
    assert "wrong.ts(2," in _compiled(package, *CHECK, "wrong.ts")
