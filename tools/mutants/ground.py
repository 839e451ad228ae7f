"""The copy of the tree on which the breaks are made, and what is built from it.

The copy has build folders of its own: cargo tells crates apart by their place in the workspace, so a
copy's crates would replace the product's in a shared one, and the next build of the product would link
them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tools.devstack.process import ROOT

PRODUCT = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
HOME = PRODUCT / "mutants"
TREE = HOME / "tree"
_LIBRARIES = HOME / "build"
_FUNCTIONS = HOME / "functions"
# What `make build` tells the compiler. Other flags would compile all dependencies again.
_FLAGS = ROOT / "target" / "paths.toml"


class Failed(Exception):
    """Something could not be built or started: no verdict on a mutant."""


def prepare() -> None:
    """Copy what git knows, or would, where it differs: cargo builds again what has a new time."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    names = {name for name in listed if (ROOT / name).is_file()}
    for stale in [path for path in TREE.rglob("*") if path.is_file()] if TREE.exists() else []:
        inside = stale.relative_to(TREE)
        if inside.parts[0] not in ("target", ".local") and str(inside) not in names:
            stale.unlink()
    for name in names:
        source, copy = ROOT / name, TREE / name
        if copy.exists() and copy.read_bytes() == source.read_bytes():
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        # Without its time: the last build here may be of a mutant, and is not to look newer.
        shutil.copyfile(source, copy)
        shutil.copymode(source, copy)


def environment(target: Path) -> dict[str, str]:
    """Cargo and the tools beside this Python; a build folder of the copy's own."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "CARGO_TARGET_DIR": str(target), "PATH": path, "CARGO_TERM_COLOR": "never"}


def library_environment() -> dict[str, str]:
    """For `cargo test`."""
    return environment(_LIBRARIES)


def build_functions(names: tuple[str, ...]) -> None:
    """Build functions of the copy, beside the product's own for all others."""
    lambdas = TREE / "target" / "lambda"
    shutil.rmtree(lambdas, ignore_errors=True)
    shutil.copytree(ROOT / "target" / "lambda", lambdas)
    if not names:
        return
    if not _FUNCTIONS.exists():
        _begin_with_the_products_libraries()
    for name in names:
        shutil.rmtree(lambdas / name)
    binaries = [argument for name in names for argument in ("--bin", name)]
    command = [
        "cargo",
        "lambda",
        "build",
        "--config",
        str(_FLAGS),
        "--release",
        *binaries,
        "--lambda-dir",
        "target/lambda",
    ]
    done = subprocess.run(command, cwd=TREE, env=environment(_FUNCTIONS), capture_output=True, text=True)
    if done.returncode != 0:
        raise Failed(f"{' '.join(command)}:\n{done.stderr[-3000:]}")


def _begin_with_the_products_libraries() -> None:
    """The AWS SDK need not be built again; -a, because cargo decides by modification times."""
    for part in [*PRODUCT.glob("*-linux-gnu/release"), PRODUCT / "release"]:
        copy = _FUNCTIONS / part.relative_to(PRODUCT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-a", str(part), str(copy)], check=True)


def forget_functions() -> None:
    """The copied libraries are worth a gigabyte; the next run copies them again."""
    shutil.rmtree(_FUNCTIONS, ignore_errors=True)
