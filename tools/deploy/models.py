"""Prints the parameters of a stack for a catalogue of models.

    python -m tools.deploy.models CATALOGUE.yaml --region eu-central-1 --account 123456789012 > models.yaml
    sam deploy --config-env prod --parameter-overrides file://models.yaml

The catalogue is a list of models in YAML or JSON: `id`, `provider`, `model`, `kind`, `context`, `max_output`,
`capabilities`, `price`; see docs/deploy.md. An inference profile also has `regions`, the Regions that it routes to. With
`--lookup`, Bedrock names them; this needs credentials with `bedrock:GetInferenceProfile`.

Bedrock judges a call of a profile on the profile and on the foundation model in each of its Regions:
https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-prereq.html
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samcli.yamlhelper import yaml_parse

# The default of `EmbeddingModel` in infra/tier.yaml. Every tier needs it, because its tenants' profiles name it.
EMBEDDING_MODEL = "amazon.titan-embed-text-v2:0"
# Lambda allows 4 KB for all variables of a function, and the others need about one.
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MAX_CATALOGUE = 3_000
# A role's inline policies have at most 10,240 characters, and the other statements need about 5,200 of them.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
MAX_ARNS = 4_800
# https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html
_GEOGRAPHIES = ("us", "us-gov", "eu", "apac", "jp", "au", "ca", "global")
_PROFILE = re.compile(rf"({'|'.join(_GEOGRAPHIES)})\.(.+)")
_APPLICATION_PROFILE = re.compile(r"arn:[a-z-]+:bedrock:[a-z0-9-]+:[0-9]{12}:application-inference-profile/.+")
# Stands for an empty list, which no statement may have. There is no such model.
_NOTHING = "none"

Lookup = Callable[[str], list[str]]


class CatalogueError(ValueError):
    """The catalogue cannot be deployed."""


@dataclass(frozen=True)
class Place:
    """The account and Region of the stack."""

    region: str
    account: str

    @property
    def partition(self) -> str:
        if self.region.startswith("us-gov-"):
            return "aws-us-gov"
        return "aws-cn" if self.region.startswith("cn-") else "aws"

    def model(self, name: str, region: str | None = None) -> str:
        where = self.region if region is None else region
        return f"arn:{self.partition}:bedrock:{where}::foundation-model/{name}"

    def profile(self, name: str) -> str:
        return f"arn:{self.partition}:bedrock:{self.region}:{self.account}:inference-profile/{name}"


@dataclass(frozen=True)
class Called:
    """The ARNs that IAM judges for one model: the one that a call names, and those behind an inference profile."""

    named: str
    behind: tuple[str, ...] = ()


def called(model: dict[str, Any], place: Place, lookup: Lookup | None) -> Called:
    """Returns the ARNs of one model of Bedrock."""
    name, regions = model.get("model", model["id"]), model.get("regions")
    profile, application = _PROFILE.fullmatch(name), _APPLICATION_PROFILE.fullmatch(name)
    if not profile and not application:
        if regions:
            raise CatalogueError(f"{model['id']}: only an inference profile has `regions`")
        return Called(place.model(name))
    named = name if application else place.profile(name)
    if lookup and not regions:
        return Called(named, tuple(sorted(lookup(name))))
    if profile and profile[1] == "global":
        # The model in the own Region, and in no named Region.
        return Called(named, (place.model(profile[2]), place.model(profile[2], "")))
    if not profile or not regions:
        raise CatalogueError(f"{model['id']}: an inference profile needs `regions`, or use --lookup")
    return Called(named, tuple(place.model(profile[2], region) for region in regions))


def parameters(catalogue: list[dict[str, Any]], place: Place, lookup: Lookup | None = None) -> dict[str, str]:
    """Returns the parameters of the stack."""
    if not isinstance(catalogue, list) or not all(isinstance(each, dict) and each.get("id") for each in catalogue):
        raise CatalogueError("a catalogue is a list of models, each with an `id`")
    lists: dict[str, list[str]] = {"ChatArns": [], "EmbeddingArns": [place.model(EMBEDDING_MODEL)]}
    profiles: list[str] = []
    behind: list[str] = []
    for model in catalogue:
        if model.get("provider", "bedrock") != "bedrock":
            continue
        arns = called(model, place, lookup)
        lists["EmbeddingArns" if model.get("kind") == "embedding" else "ChatArns"].append(arns.named)
        if arns.behind:
            profiles.append(arns.named)
            behind += arns.behind
    lists |= {"ProfileArns": profiles, "ProfileModelArns": behind}
    found = {
        "Models": json.dumps([_written(each) for each in catalogue], separators=(",", ":")),
        **{name: ",".join(dict.fromkeys(arns)) or place.model(_NOTHING) for name, arns in lists.items()},
    }
    size = len(found["Models"].encode())
    # The statement that requires a guardrail names the models that answer again.
    arns_size = sum(len(found[name]) for name in ("ChatArns", *lists))
    if size > MAX_CATALOGUE:
        raise CatalogueError(f"the catalogue has {size} bytes as JSON, at most {MAX_CATALOGUE} fit; remove models")
    if arns_size > MAX_ARNS:
        raise CatalogueError(f"the ARNs have {arns_size} characters, at most {MAX_ARNS} fit; remove profiles")
    return found


def _written(model: dict[str, Any]) -> dict[str, Any]:
    """Returns a model as the functions read it: prices as text, without the Regions."""
    written = {name: value for name, value in model.items() if name != "regions"}
    if "price" in written:
        written["price"] = {name: str(value) for name, value in written["price"].items()}
    return written


def _bedrock(region: str) -> Lookup:
    import boto3

    client = boto3.client("bedrock", region_name=region)

    def lookup(profile: str) -> list[str]:
        found = client.get_inference_profile(inferenceProfileIdentifier=profile)
        return [each["modelArn"] for each in found["models"]]

    return lookup


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.deploy.models", description=__doc__)
    parser.add_argument("catalogue", type=Path, help="the list of models, YAML or JSON")
    parser.add_argument("--region", required=True, help="Region of the stack")
    parser.add_argument("--account", required=True, help="account of the stack, 12 digits")
    parser.add_argument("--lookup", action="store_true", help="ask Bedrock for the Regions of the profiles")
    options = parser.parse_args(arguments)
    lookup = _bedrock(options.region) if options.lookup else None
    try:
        catalogue = yaml_parse(options.catalogue.read_text())
        found = parameters(catalogue, Place(options.region, options.account), lookup)
    except (CatalogueError, OSError) as error:
        print(f"{options.catalogue}: {error}", file=sys.stderr)
        return 1
    print(json.dumps(found, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
