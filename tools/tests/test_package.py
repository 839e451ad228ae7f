"""The package: reproducible zip files, and templates that refer to them."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import zipfile
from pathlib import Path

import pytest
from samcli.yamlhelper import yaml_parse

from tools.deploy import package as packaging
from tools.deploy.package import PackageError, pack, package
from tools.devstack.console import Console
from tools.devstack.process import ROOT

_TEMPLATE = """\
Transform: AWS::Serverless-2016-10-31
Resources:
  Tier:
    Type: AWS::Serverless::Application
    Properties: {Location: infra/tier.yaml}
"""
_TIER = """\
Transform: AWS::Serverless-2016-10-31
Resources:
  # A comment, which stays.
  Answer:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: ../target/lambda/answer/
      Environment: {Variables: {TABLE: !Ref Table}}
  Sort:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: ../target/lambda/sort/
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A project with two functions and two templates."""
    files = {
        "template.yaml": _TEMPLATE,
        "infra/tier.yaml": _TIER,
        "samconfig.toml": "version = 0.1\n",
        "target/lambda/answer/bootstrap": "answers " * 1000,
        "target/lambda/sort/bootstrap": "sorts " * 1000,
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    return tmp_path


def _function(folder: Path, names: list[str], time: int, mode: int) -> Path:
    """Creates a function's folder with files in the given order, time and mode."""
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"content of {name}\n" * 100)
        file.chmod(mode)
        os.utime(file, (time, time))
    return folder


def test_zip_does_not_depend_on_times_modes_or_order_of_files(tmp_path: Path) -> None:
    names = ["bootstrap", "words/b.txt", "words/a.txt", "notice"]
    here = _function(tmp_path / "here" / "answer", names, 1_000_000_000, 0o700)
    there = _function(tmp_path / "there" / "answer", names[::-1], 1_700_000_000, 0o664)
    one, two = pack(here, tmp_path / "one.zip"), pack(there, tmp_path / "two.zip")
    assert one.file.read_bytes() == two.file.read_bytes()
    with zipfile.ZipFile(one.file) as archive:
        entries = archive.infolist()
        assert archive.read("words/a.txt") == b"content of words/a.txt\n" * 100
    assert [each.filename for each in entries] == sorted(names)
    assert {each.date_time for each in entries} == {(1980, 1, 1, 0, 0, 0)}
    modes = {each.filename: stat.S_IMODE(each.external_attr >> 16) for each in entries}
    assert modes.pop("bootstrap") == 0o755, "Lambda has to be able to start it"
    assert set(modes.values()) == {0o644}
    assert one.unzipped == sum((here / name).stat().st_size for name in names)


def test_zip_depends_on_the_content(tmp_path: Path) -> None:
    folder = _function(tmp_path / "answer", ["bootstrap"], 0, 0o755)
    before = pack(folder, tmp_path / "before.zip").file.read_bytes()
    (folder / "bootstrap").write_text("other")
    assert pack(folder, tmp_path / "after.zip").file.read_bytes() != before


def test_templates_change_only_in_the_path_of_their_functions(tree: Path) -> None:
    out = tree / "out"
    package(tree, out)
    assert (out / "template.yaml").read_text() == _TEMPLATE
    assert (out / "infra" / "tier.yaml").read_text() == (
        _TIER.replace("../target/lambda/answer/", "../functions/answer.zip").replace(
            "../target/lambda/sort/", "../functions/sort.zip"
        )
    )
    assert zipfile.is_zipfile(out / "infra" / "../functions/answer.zip"), "SAM would pack a folder again"
    assert (out / "samconfig.toml").exists(), "SAM looks for it beside the template"


def test_packing_twice_gives_the_same_package(tree: Path) -> None:
    out = tree / "out"
    package(tree, out)
    first = (out / "SHA256SUMS").read_text()
    (out / "functions" / "gone.zip").write_bytes(b"of an older release")
    os.utime(tree / "target/lambda/sort/bootstrap", (1, 1))
    package(tree, out)
    assert (out / "SHA256SUMS").read_text() == first
    sums = {name: digest for digest, name in (line.split("  ") for line in first.splitlines())}
    assert sums == {
        each.relative_to(out).as_posix(): hashlib.sha256(each.read_bytes()).hexdigest()
        for each in out.rglob("*")
        if each.is_file() and each.name != "SHA256SUMS"
    }


def test_missing_build_is_named_and_keeps_the_last_package(tree: Path) -> None:
    out = tree / packaging.PACKAGE
    package(tree, out)
    (tree / "target/lambda/sort/bootstrap").unlink()
    stream = io.StringIO()
    assert packaging.main(tree, Console(stream)) == 1
    assert "sort is not built" in stream.getvalue() and "run `make build`" in stream.getvalue()
    assert (out / "functions" / "sort.zip").exists()


def test_rejects_a_code_uri_that_cannot_be_replaced(tree: Path) -> None:
    inline = "    Type: AWS::Serverless::Function\n    Properties: {CodeUri: ../target/lambda/sort/}\n"
    (tree / "infra" / "tier.yaml").write_text(f"{_TIER}  Third:\n{inline}")
    with pytest.raises(PackageError, match="infra/tier.yaml: write each CodeUri on a separate line"):
        package(tree, tree / "out")


def test_prints_sizes_and_checksums(tree: Path) -> None:
    stream = io.StringIO()
    assert packaging.main(tree, Console(stream)) == 0
    lines = [line.split() for line in stream.getvalue().splitlines()]
    sum_of_answer = packaging.digest(tree / packaging.PACKAGE / "functions" / "answer.zip")
    assert lines[1][:2] + lines[1][3:] == ["answer", "8,000", sum_of_answer[:12]]
    assert lines[-1][:2] == ["total", "14,000"], "a warning without an exceeded limit"


@pytest.mark.parametrize("limit, status", [("_UNZIPPED", 1), ("_BY_HAND", 0)])
def test_warns_about_a_package_that_is_too_large(
    tree: Path, monkeypatch: pytest.MonkeyPatch, limit: str, status: int
) -> None:
    monkeypatch.setattr(packaging, limit, 10)
    stream = io.StringIO()
    assert packaging.main(tree, Console(stream)) == status
    assert "too large  answer" in stream.getvalue()


def test_packs_every_function_of_this_project(tmp_path: Path) -> None:
    """The real templates, with a stand-in for each binary."""
    for template in (ROOT / "template.yaml", *(ROOT / "infra").glob("*.yaml")):
        copy = tmp_path / template.relative_to(ROOT)
        copy.parent.mkdir(exist_ok=True)
        copy.write_text(template.read_text())
        for resource in yaml_parse(template.read_text())["Resources"].values():
            if uri := resource.get("Properties", {}).get("CodeUri"):
                _function(copy.parent / uri, ["bootstrap"], 0, 0o755)
    (tmp_path / "samconfig.toml").write_text("")
    packed = package(tmp_path, tmp_path / "out")
    built = {each.name for each in (tmp_path / "target" / "lambda").iterdir()}
    assert {each.name for each in packed} == built
    assert "target/lambda" not in "".join(each.read_text() for each in (tmp_path / "out").rglob("*.yaml"))
