"""The parameters with the ARNs of models allow no wildcard."""

from __future__ import annotations

import re

import pytest
from samcli.yamlhelper import yaml_parse

from tools.devstack.process import ROOT

_LISTS = ("ChatArns", "EmbeddingArns", "ProfileArns", "ProfileModelArns")
_MODEL = "arn:aws:bedrock:eu-central-1::foundation-model/amazon.nova-lite-v1:0"
_GOOD = [
    "",
    _MODEL,
    f"{_MODEL},arn:aws:bedrock:::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0",
    "arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu.amazon.nova-lite-v1:0",
    "arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/a1b2c3",
]
_BAD = [
    "*",
    "arn:aws:bedrock:eu-central-1::foundation-model/*",
    "arn:aws:bedrock:*::foundation-model/amazon.nova-lite-v1:0",
    "arn:aws:bedrock:eu-central-1::foundation-model/amazon.nova-lite-v?:0",
    "arn:aws:bedrock:eu-central-1:123456789012:guardrail/a1",
    "arn:aws:s3:::bucket",
    f"{_MODEL},*",
    f"{_MODEL},",
]


@pytest.mark.parametrize("file", ["template.yaml", "infra/silo.yaml"])
@pytest.mark.parametrize("name", _LISTS)
def test_arns_have_no_wildcard(file: str, name: str) -> None:
    pattern = yaml_parse((ROOT / file).read_text())["Parameters"][name]["AllowedPattern"]
    assert all(re.fullmatch(pattern, each) for each in _GOOD)
    assert not [each for each in _BAD if re.fullmatch(pattern, each)]
