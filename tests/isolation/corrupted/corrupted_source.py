"""Builds the functions with a name derivation that is wrong on purpose.

A copy of the tree gets one change: where names are derived, the tenant of the scope is replaced by
whatever the environment says. That is the worst bug the code could have: every type is satisfied,
every review of a handler finds nothing, and each key points at somebody else.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

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
# What a tenant of the stack may call, and what works on its jobs.
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
    """The committed and uncommitted sources, without builds and history."""
    if to.exists():
        shutil.rmtree(to)
    to.mkdir(parents=True)
    for name in ("Cargo.toml", "Cargo.lock", "rust-toolchain.toml", "template.yaml", "samconfig.toml"):
        shutil.copy2(ROOT / name, to / name)
    skip = shutil.ignore_patterns("__pycache__", "target", "*.pyc", "*.py")
    for name in ("cli", "shared", "functions", "docs", "infra", "tests/contract", "tests/isolation", "tools/harness"):
        shutil.copytree(ROOT / name, to / name, ignore=skip)


def corrupt(tree: Path) -> None:
    """Point every derivation at the tenant that the environment names."""
    for kind, name in CORRUPTIBLE.items():
        file = tree / TENANCY / name
        text = file.read_text()
        assert "self.tenant()" in text, f"{name} no longer derives from self.tenant(): adapt this test"
        file.write_text(text.replace("self.tenant()", f'self.misled("{kind}")'))
    scope = tree / TENANCY / "scope.rs"
    scope.write_text(scope.read_text() + _MISLED)


def build(tree: Path) -> None:
    """Build the corrupted functions in a build folder of their own.

    The folder begins as a copy of the product's, so that the libraries need not be built again. It
    must not *be* the product's: cargo tells crates apart by their place in the workspace, so a copy's
    crates would replace the product's, and the next build of the product would link them.
    """
    product = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    own = tree / "target"
    shutil.rmtree(own, ignore_errors=True)
    own.mkdir()
    # For the function's platform, and for build scripts and macros.
    for part in (*(each.relative_to(product) for each in product.glob(f"*-linux-gnu/{PROFILE}")), Path(PROFILE)):
        (own / part).parent.mkdir(exist_ok=True)
        # -a: cargo decides by modification times what is still fresh.
        subprocess.run(["cp", "-a", str(product / part), str(own / part)], check=True)
    environment = dict(os.environ, CARGO_TARGET_DIR=str(own))
    # cargo-lambda stands beside the Python that runs this.
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    profile = ["--release"] if PROFILE == "release" else []
    binaries = [argument for name in FUNCTIONS for argument in ("--bin", name)]
    # What `make build` tells the compiler: with other flags, or with a crate beside them that wants more of a
    # library, cargo would compile all dependencies again.
    flags = ["--config", str(ROOT / "target" / "paths.toml"), "--workspace"]
    excluded = re.findall(r"--exclude ([\w-]+)", (ROOT / "Makefile").read_text())
    assert excluded, "`make build` excludes no crate any more: adapt this test"
    flags += [f"--exclude={name}" for name in excluded]
    command = [
        "cargo",
        "lambda",
        "build",
        "--locked",
        *flags,
        *profile,
        *binaries,
        "--lambda-dir",
        "target/lambda",
    ]
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)} failed:\n{done.stderr[-4000:]}"
    # All others are the product's own.
    for built in (ROOT / "target" / "lambda").iterdir():
        if built.name not in FUNCTIONS:
            shutil.copytree(built, own / "lambda" / built.name)
