"""The copy of the source tree that mutants change, and the builds from the copy.

The copy has separate build folders. Cargo identifies a crate by its path in the workspace, so in a shared
folder the copy's crates would replace the product's. The next build of the product would then link the copy's.
"""

from __future__ import annotations

import json
import os
import re
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
# A file or folder of cargo for one crate: its name and a hash.
_BUILT = re.compile(r"(?:lib)?(.+)-[0-9a-f]{16}(?:\..*)?$")
# The compiler flags of `make build`. With other flags cargo would compile all dependencies again.
_FLAGS = ROOT / "target" / "paths.toml"


class Failed(Exception):
    """The mutant could not be built or started, so there is no verdict."""


def prepare() -> None:
    """Copies tracked and untracked files that differ. Unchanged files keep their time, so cargo does not rebuild them."""
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
        # Without the source's time: the last build may be of a mutant and must not look newer than the source.
        shutil.copyfile(source, copy)
        shutil.copymode(source, copy)
    lock, linked = ROOT / "Cargo.lock", _LIBRARIES / "Cargo.lock"
    if not linked.exists() or linked.read_bytes() != lock.read_bytes():
        # With other dependencies, the links are to files that nothing needs.
        shutil.rmtree(_LIBRARIES, ignore_errors=True)
        _link_product_tests()
        shutil.copyfile(lock, linked)


def environment(target: Path) -> dict[str, str]:
    """Returns an environment with the virtual environment's tools and a separate build folder."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "CARGO_TARGET_DIR": str(target), "PATH": path, "CARGO_TERM_COLOR": "never"}


def library_environment() -> dict[str, str]:
    """Returns the environment of `cargo test`."""
    return environment(_LIBRARIES)


def build_flags() -> list[str]:
    """Returns the flags of `make build`. With other flags, or with crates that enable more features, cargo would
    compile all dependencies again."""
    excluded = re.findall(r"--exclude ([\w-]+)", (ROOT / "Makefile").read_text())
    if not excluded:
        raise Failed("`make build` no longer excludes a crate: adapt tools/mutants/workspace.py")
    return ["--config", str(_FLAGS), "--workspace", *(f"--exclude={name}" for name in excluded)]


def build_functions(names: tuple[str, ...]) -> None:
    """Builds the named functions from the copy; all others are the product's builds."""
    lambdas = TREE / "target" / "lambda"
    shutil.rmtree(lambdas, ignore_errors=True)
    shutil.copytree(ROOT / "target" / "lambda", lambdas)
    if not names:
        return
    if not _FUNCTIONS.exists():
        _copy_product_libraries()
    for name in names:
        shutil.rmtree(lambdas / name)
    binaries = [argument for name in names for argument in ("--bin", name)]
    command = [
        "cargo",
        "lambda",
        "build",
        *build_flags(),
        "--release",
        *binaries,
        "--lambda-dir",
        "target/lambda",
    ]
    done = subprocess.run(command, cwd=TREE, env=environment(_FUNCTIONS), capture_output=True, text=True)
    if done.returncode != 0:
        raise Failed(f"{' '.join(command)}:\n{done.stderr[-3000:]}")


def _link_product_tests() -> None:
    """Links the dependencies that `cargo test --workspace` built for the product, so that they are not compiled again.

    Cargo never writes to a dependency that is built. Crates of the workspace are left out: their sources differ.
    """
    described = subprocess.run(
        ["cargo", "metadata", "--no-deps", "--offline", "--format-version", "1"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    packages = json.loads(described)["packages"]
    names = {package["name"] for package in packages}
    names |= {target["name"].replace("-", "_") for package in packages for target in package["targets"]}
    for folder in ("deps", "build", ".fingerprint"):
        source, copy = PRODUCT / "debug" / folder, _LIBRARIES / "debug" / folder
        copy.mkdir(parents=True, exist_ok=True)
        for entry in source.iterdir() if source.exists() else ():
            built = _BUILT.match(entry.name)
            if built and built[1] in names:
                continue
            # Cargo notes in a fingerprint's folder when it last looked, so these are copies.
            how = "-a" if folder == ".fingerprint" else "-al"
            subprocess.run(["cp", how, str(entry), str(copy)], check=True)


def _copy_product_libraries() -> None:
    """Copies the product's builds, so that the AWS SDK is not compiled again. Keeps times, which cargo compares."""
    for part in [*PRODUCT.glob("*-linux-gnu/release"), PRODUCT / "release"]:
        copy = _FUNCTIONS / part.relative_to(PRODUCT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-a", str(part), str(copy)], check=True)


def delete_functions() -> None:
    """Deletes the copied libraries, about a gigabyte; the next run copies them again."""
    shutil.rmtree(_FUNCTIONS, ignore_errors=True)
