"""Builds the functions with a wrong derivation of names.

A copy of the tree gets one change: the derivation of names uses the tenant of an environment variable instead
of the scope's tenant. This is the worst possible bug: the code compiles, no handler looks wrong, and every key
points at another tenant.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tools.mutants.workspace import build_flags

ROOT = Path(__file__).resolve().parents[3]
TENANCY = "shared/tenancy/src"

# Kind of name → the file that derives it.
CORRUPTIBLE = {
    "partition": "names/item.rs",
    "objects": "names/object.rs",
    "index": "names/index.rs",
    "context": "names/context.rs",
    "session": "names/session.rs",
}
# The functions that a tenant calls, and the worker.
FUNCTIONS = ("templates", "documents", "inference", "ingestion")

PROFILE = {"dev": "debug"}.get(os.environ.get("PROFILE", ""), "release")

_MISLED = """
impl TenantScope<'_> {
    /// The tenant that a corrupted derivation of `kind` points at.
    pub(crate) fn misled(&self, kind: &str) -> String {
        let corrupted = std::env::var("CORRUPTED").unwrap_or_default();
        match std::env::var("CORRUPTED_VICTIM") {
            Ok(victim) if corrupted.split(',').any(|each| each == kind) => victim,
            _ => self.tenant().to_string(),
        }
    }
}
"""


def copy_tree(to: Path) -> None:
    """Copies the sources, committed or not, without builds and history."""
    if to.exists():
        shutil.rmtree(to)
    to.mkdir(parents=True)
    for name in ("Cargo.toml", "Cargo.lock", "rust-toolchain.toml", "template.yaml", "samconfig.toml"):
        shutil.copy2(ROOT / name, to / name)
    skip = shutil.ignore_patterns("__pycache__", "target", "*.pyc", "*.py")
    for name in ("cli", "shared", "functions", "docs", "infra", "tests/contract", "tests/isolation", "tools/harness"):
        shutil.copytree(ROOT / name, to / name, ignore=skip)


def corrupt(tree: Path) -> None:
    """Points every derivation at the tenant of the environment variable."""
    for kind, name in CORRUPTIBLE.items():
        file = tree / TENANCY / name
        text = file.read_text()
        assert "self.tenant()" in text, f"{name} no longer derives from self.tenant(): adapt this test"
        file.write_text(text.replace("self.tenant()", f'self.misled("{kind}")'))
    scope = tree / TENANCY / "scope.rs"
    scope.write_text(scope.read_text() + _MISLED)


def build(tree: Path) -> None:
    """Builds the corrupted functions in a separate target folder.

    The folder starts as a copy of the product's target folder, so that libraries are not built again. It must
    not be the product's own. Cargo identifies crates by their path in the workspace, so the corrupted crates
    would replace the product's crates. The next build of the product would then link the corrupted crates.
    """
    product = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    target = tree / "target"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    # For the function's platform, and for build scripts and macros.
    for part in (*(each.relative_to(product) for each in product.glob(f"*-linux-gnu/{PROFILE}")), Path(PROFILE)):
        (target / part).parent.mkdir(exist_ok=True)
        # -a keeps modification times, by which cargo decides what to rebuild.
        subprocess.run(["cp", "-a", str(product / part), str(target / part)], check=True)
    environment = dict(os.environ, CARGO_TARGET_DIR=str(target))
    # cargo-lambda is in the folder of this Python.
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    profile = ["--release"] if PROFILE == "release" else []
    binaries = [argument for name in FUNCTIONS for argument in ("--bin", name)]
    command = [
        "cargo",
        "lambda",
        "build",
        "--locked",
        *build_flags(),
        *profile,
        *binaries,
        "--lambda-dir",
        "target/lambda",
    ]
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)} failed:\n{done.stderr[-4000:]}"
    # All other functions are the product's.
    for built in (ROOT / "target" / "lambda").iterdir():
        if built.name not in FUNCTIONS:
            shutil.copytree(built, target / "lambda" / built.name)
