"""Requests that are generated from the OpenAPI document: the deployed API does what the document says.

Schemathesis sends valid and invalid requests and sequences of them, and judges each answer: documented status, headers
and body; invalid data refused, valid data accepted; no fault of the service; no answer without a token.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tools.devstack.process import ROOT
from tools.devstack.stack import LocalStack

_PROGRAM = Path(sys.executable).parent / "schemathesis"
_SETTINGS = Path(__file__).parent / "schemathesis.toml"


def test_api_answers_as_documented(stack: LocalStack, tmp_path: Path) -> None:
    tenant = stack.onboard("Generated requests")
    command: list[str | Path] = [_PROGRAM, "--no-color", "--config-file", _SETTINGS, "run"]
    command += [ROOT / "docs" / "openapi.json", "--url", stack.api().base]
    environment = {**os.environ, "BULKHEAD_TOKEN": stack.issuer.mint(tenant.id), "NO_PROXY": "*"}
    # In an empty folder, because it keeps the requests of failures beside it.
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout, done.stdout
