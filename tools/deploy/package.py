"""Packs what `sam deploy` uploads, reproducibly: the same functions give the same bytes.

    python -m tools.deploy.package

Creates `target/package` from the built functions: one zip file per function, the templates, which refer to
the zip files, `samconfig.toml` and `SHA256SUMS`. The package needs no other file of the project, so a kept
package is a release that can be deployed again:

    cd target/package && sam deploy --config-env prod

If a template names a folder, SAM packs the folder with the times of its files. It uploads a zip file unchanged.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import stat
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from samcli.yamlhelper import yaml_parse

from tools.devstack.console import Console
from tools.devstack.process import ROOT

PACKAGE = "target/package"
_FUNCTIONS = "functions"
_SUMS = "SHA256SUMS"
_CODE_URI = re.compile(r"^(\s+CodeUri:\s+)(\S+)$", re.MULTILINE)
# The earliest time that a zip file can store.
_TIME = (1980, 1, 1, 0, 0, 0)
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
_MEBIBYTE = 1024 * 1024
_UNZIPPED = 250 * _MEBIBYTE
_BY_HAND = 50 * _MEBIBYTE


class PackageError(Exception):
    """The package cannot be created; the message says what to do next."""


@dataclass(frozen=True)
class Packed:
    """One function in its zip file."""

    name: str
    file: Path
    unzipped: int

    @property
    def zipped(self) -> int:
        return self.file.stat().st_size


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def pack(folder: Path, target: Path) -> Packed:
    """Zips a function's folder. The result depends only on the names and contents of its files."""
    files = sorted(each.relative_to(folder) for each in folder.rglob("*") if each.is_file())
    with zipfile.ZipFile(target, "w") as archive:
        for file in files:
            mode = 0o755 if file == Path("bootstrap") else 0o644
            entry = zipfile.ZipInfo(file.as_posix(), _TIME)
            entry.create_system = 3  # Unix file modes
            entry.external_attr = (stat.S_IFREG | mode) << 16
            archive.writestr(entry, (folder / file).read_bytes(), zipfile.ZIP_DEFLATED, compresslevel=9)
    return Packed(folder.name, target, sum((folder / file).stat().st_size for file in files))


def package(root: Path, out: Path) -> list[Packed]:
    """Replaces `out` by a package of the templates and built functions below `root`."""
    templates = [Path("template.yaml"), *sorted(each.relative_to(root) for each in root.glob("infra/*.yaml"))]
    folders = {each.name: each for template in templates for each in _folders(root, template)}
    shutil.rmtree(out, ignore_errors=True)
    (out / _FUNCTIONS).mkdir(parents=True)
    packed = [pack(folders[name], out / _FUNCTIONS / f"{name}.zip") for name in sorted(folders)]
    for template in templates:
        (out / template).parent.mkdir(exist_ok=True)
        (out / template).write_text(_with_zip_files(root, template))
    shutil.copyfile(root / "samconfig.toml", out / "samconfig.toml")
    files = sorted(each for each in out.rglob("*") if each.is_file())
    sums = [f"{digest(each)}  {each.relative_to(out).as_posix()}\n" for each in files]
    (out / _SUMS).write_text("".join(sums))
    return packed


def _folders(root: Path, template: Path) -> Iterator[Path]:
    """Returns the folder of each function of a template."""
    for resource in yaml_parse((root / template).read_text()).get("Resources", {}).values():
        if resource["Type"] != "AWS::Serverless::Function":
            continue
        folder = (root / template).parent / resource["Properties"]["CodeUri"]
        if not (folder / "bootstrap").is_file():
            raise PackageError(f"{folder.name} is not built ({folder} has no bootstrap): run `make build`")
        yield folder


def _with_zip_files(root: Path, template: Path) -> str:
    """Returns the template's text with each function's folder replaced by its zip file."""
    up = "../" * len(template.parent.parts)
    written = (root / template).read_text()
    text, changed = _CODE_URI.subn(lambda uri: f"{uri[1]}{up}{_FUNCTIONS}/{Path(uri[2]).name}.zip", written)
    if changed != len(list(_folders(root, template))):
        raise PackageError(f"{template}: write each CodeUri on a separate line: one cannot be replaced")
    return text


def _too_large(packed: list[Packed]) -> Iterator[str]:
    for each in packed:
        if each.unzipped > _UNZIPPED:
            yield f"{each.name} has {each.unzipped:,} bytes; the limit of Lambda is {_UNZIPPED:,} (250 MB) unzipped"
        if each.zipped > _BY_HAND:
            yield (
                f"{each.name}.zip has {each.zipped:,} bytes; above {_BY_HAND:,} (50 MB) Lambda accepts it "
                "only from S3: `sam deploy` works, `update-function-code --zip-file` does not"
            )


def main(root: Path = ROOT, console: Console | None = None) -> int:
    console = console or Console()
    out = root / PACKAGE
    try:
        packed = package(root, out)
    except PackageError as error:
        console.line(str(error))
        return 1
    console.line(f"  {'function':<12} {'bytes':>12} {'zipped':>12}  sha256")
    for each in packed:
        console.line(f"  {each.name:<12} {each.unzipped:>12,} {each.zipped:>12,}  {digest(each.file)[:12]}")
    unzipped, zipped = sum(each.unzipped for each in packed), sum(each.zipped for each in packed)
    console.line(f"  {'total':<12} {unzipped:>12,} {zipped:>12,}  {digest(out / _SUMS)[:12]} {_SUMS}")
    for warning in _too_large(packed):
        console.line(f"  {console.paint('too large', 'red')}  {warning}")
    return 1 if any(each.unzipped > _UNZIPPED for each in packed) else 0


if __name__ == "__main__":
    sys.exit(main())
