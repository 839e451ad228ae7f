"""docs/deploy.md lists every parameter of the templates with its default."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tools.deploy.capacity import SILO, STAGE, read
from tools.deploy.expand import expand
from tools.devstack.process import ROOT

_NONE = "–"


def _documented() -> Iterator[tuple[tuple[str, str], str]]:
    """Returns each parameter of the two tables, by template, with its documented default."""
    text = (ROOT / "docs" / "deploy.md").read_text()
    tables = text.partition("<!-- parameters: begin -->")[2].partition("<!-- parameters: end -->")[0]
    for line in tables.splitlines():
        first, second, third = ([cell.strip() for cell in line.split(" | ")] + [""] * 3)[:3]
        if row := re.fullmatch(r"\| `(\w+)`", first):
            for file, default in ((STAGE, second), (SILO, third)):
                if default != _NONE:
                    yield (file, row[1]), default
        elif re.match(r"\| `\w+` \d+$", first):
            for file, cell in ((STAGE, first.removeprefix("| ")), (STAGE, second), (SILO, third)):
                name, default = cell.split()
                yield (file, name.strip("`")), f"`{default}`"


def _declared() -> Iterator[tuple[tuple[str, str], str]]:
    for file in (STAGE, SILO):
        for name, declared in read(file)["Parameters"].items():
            match declared:
                case {"Default": ""}:
                    yield (file, name), "empty"
                case {"Default": default}:
                    yield (file, name), f"`{default}`"
                case _:
                    yield (file, name), "**required**"


def test_documents_every_parameter_with_its_default() -> None:
    documented, declared = dict(_documented()), dict(_declared())
    missing, gone = sorted(declared.keys() - documented.keys()), sorted(documented.keys() - declared.keys())
    assert not missing, f"docs/deploy.md, section 2, does not name {missing}"
    assert not gone, f"docs/deploy.md, section 2, names {gone}, which the templates do not have"
    stale = {name: declared[name] for name in declared if declared[name] != documented[name]}
    assert not stale, f"docs/deploy.md, section 2, has other defaults than {stale}"


def _number(file: str, kind: str) -> int:
    return sum(each["Type"] == kind for each in expand(ROOT / file)["Resources"].values())


def test_counts_roles_and_alarms_as_the_templates_do() -> None:
    deploy, operations = ((ROOT / "docs" / name).read_text() for name in ("deploy.md", "operations.md"))
    tier = _number("infra/tier.yaml", "AWS::IAM::Role")
    stage = sum(_number(file, "AWS::IAM::Role") for file in ("infra/account.yaml", "infra/identity.yaml"))
    assert f"| {tier} per tier and silo, and {stage} |" in deploy
    alarms = [
        each["Properties"]
        for each in expand(ROOT / "infra" / "observability.yaml")["Resources"].values()
        if each["Type"] == "AWS::CloudWatch::Alarm"
    ]
    metrics = sum(sum("MetricStat" in each for each in alarm.get("Metrics", [])) or 1 for alarm in alarms)
    assert f"| {len(alarms)} alarms over {metrics} metrics |" in operations
    assert f"| alarms, {metrics} metrics |" in deploy
