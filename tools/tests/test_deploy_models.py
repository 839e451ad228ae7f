"""The parameters for a catalogue name exactly the models that its tenants call."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tools.deploy.models import EMBEDDING_MODEL, CatalogueError, Place, main, parameters

PLACE = Place("eu-central-1", "123456789012")
TITAN = f"arn:aws:bedrock:eu-central-1::foundation-model/{EMBEDDING_MODEL}"
NOVA = "amazon.nova-lite-v1:0"
HAIKU = "anthropic.claude-haiku-4-5-20251001-v1:0"


def model(name: str, region: str = "eu-central-1") -> str:
    return f"arn:aws:bedrock:{region}::foundation-model/{name}"


def profile(name: str) -> str:
    return f"arn:aws:bedrock:eu-central-1:123456789012:inference-profile/{name}"


def test_a_profile_needs_its_models() -> None:
    found = parameters(
        [
            {"id": "nova", "model": NOVA, "price": {"input": 0.06, "output": "0.24"}},
            {"id": "haiku", "model": f"eu.{HAIKU}", "regions": ["eu-central-1", "eu-west-1"]},
            {"id": "world", "model": f"global.{HAIKU}"},
            {"id": "own", "provider": "openai", "model": "qwen3:8b"},
            {"id": "cohere.embed-v4:0", "kind": "embedding"},
        ],
        PLACE,
    )
    assert found["ChatArns"].split(",") == [model(NOVA), profile(f"eu.{HAIKU}"), profile(f"global.{HAIKU}")]
    assert found["EmbeddingArns"].split(",") == [TITAN, model("cohere.embed-v4:0")]
    assert found["ProfileArns"].split(",") == [profile(f"eu.{HAIKU}"), profile(f"global.{HAIKU}")]
    assert found["ProfileModelArns"].split(",") == [
        model(HAIKU),
        model(HAIKU, "eu-west-1"),
        f"arn:aws:bedrock:::foundation-model/{HAIKU}",
    ]
    written = json.loads(found["Models"])
    assert written[0]["price"] == {"input": "0.06", "output": "0.24"} and "regions" not in written[1]


def test_an_empty_list_reaches_no_model() -> None:
    found = parameters([{"id": "own", "provider": "openai"}], PLACE)
    assert found["ChatArns"] == found["ProfileArns"] == found["ProfileModelArns"] == model("none")


def test_bedrock_names_the_regions_of_a_profile() -> None:
    arn = "arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/a1b2"
    catalogue = [{"id": "costs", "model": arn}]
    found = parameters(catalogue, PLACE, lambda name: [model(HAIKU, "eu-west-3")] if name == arn else [])
    assert (found["ChatArns"], found["ProfileModelArns"]) == (arn, model(HAIKU, "eu-west-3"))
    with pytest.raises(CatalogueError, match="costs: an inference profile needs `regions`"):
        parameters(catalogue, PLACE)


BAD: list[tuple[Any, str]] = [
    ({}, "a list of models"),
    ([{"model": NOVA}], "each with an `id`"),
    ([{"id": "haiku", "model": f"eu.{HAIKU}"}], "haiku: an inference profile needs `regions`"),
    ([{"id": "nova", "model": NOVA, "regions": ["eu-west-1"]}], "nova: only an inference profile"),
    ([{"id": f"model-{n:0200}"} for n in range(15)], "bytes as JSON"),
    ([{"id": f"p{n}", "model": f"eu.m{n}", "regions": [f"eu-{r}" for r in range(9)]} for n in range(12)], "characters"),
]


@pytest.mark.parametrize(("catalogue", "message"), BAD, ids=[message for _, message in BAD])
def test_a_catalogue_that_cannot_be_deployed(catalogue: Any, message: str) -> None:
    with pytest.raises(CatalogueError, match=message):
        parameters(catalogue, PLACE)


def test_prints_a_file_of_parameters(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "models.yaml"
    file.write_text("- id: nova\n  model: amazon.nova-lite-v1:0\n  price: {input: '0.06', output: '0.24'}\n")
    assert main([str(file), "--region", "eu-central-1", "--account", "123456789012"]) == 0
    assert json.loads(capsys.readouterr().out)["ChatArns"] == model(NOVA)
    file.write_text("- {}")
    assert main([str(file), "--region", "eu-central-1", "--account", "123456789012"]) == 1
    assert "each with an `id`" in capsys.readouterr().err
