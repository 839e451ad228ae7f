"""A client that is generated from the OpenAPI document works: its types hold for answers and for refusals."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tools.devstack.aws import Tenant
from tools.devstack.poll import until
from tools.devstack.process import ROOT
from tools.devstack.stack import LocalStack

BIN = Path(sys.executable).parent
PACKAGE = "generated_bulkhead_client"


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Any]:
    """Returns a function that imports a module of the generated client."""
    folder = tmp_path_factory.mktemp("client")
    command: list[str | Path] = [BIN / "openapi-python-client", "generate", "--path", ROOT / "docs" / "openapi.json"]
    command += ["--output-path", folder / PACKAGE, "--meta", "none", "--fail-on-warning"]
    # The generator formats its output with ruff.
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PATH": path})
    assert done.returncode == 0, done.stdout + done.stderr
    sys.path.insert(0, str(folder))
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
