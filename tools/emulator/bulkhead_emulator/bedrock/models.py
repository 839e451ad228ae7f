"""The emulator's models and their ARNs.

AWS (inference-profiles-prereq): a call through a cross-Region inference profile is judged on the profile
and on the foundation model in every Region the profile routes to; newer models can only be called through a profile.
A global profile routes to every commercial Region: global-cross-region-inference.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .cohere import MODELS as COHERE
from .embeddings import MODEL as TITAN
from .errors import invalid

_GLOBAL = "global"
_GEOGRAPHIES = {
    "us": ("us-east-1", "us-east-2", "us-west-2"),
    "eu": ("eu-central-1", "eu-north-1", "eu-west-1", "eu-west-3"),
    "apac": ("ap-northeast-1", "ap-south-1", "ap-southeast-1", "ap-southeast-2"),
}
_REGION_PREFIX = {"us": "us-", "eu": "eu-", "apac": "ap-", _GLOBAL: ""}
# Models with a global inference profile.
_GLOBALLY = (
    "anthropic.claude-haiku-4-5-20251001-v1:0",
    "anthropic.claude-sonnet-4-5-20250929-v1:0",
    "cohere.embed-v4:0",
)
_EMBEDDING_MODELS = (TITAN, *COHERE)
# Maximum tokens of a prompt with its answer.
# https://docs.aws.amazon.com/nova/latest/userguide/what-is-nova.html
# https://docs.anthropic.com/en/docs/about-claude/models/overview
_CONTEXT = {
    "amazon.nova-micro-v1:0": 128_000,
    "amazon.nova-lite-v1:0": 300_000,
    "amazon.nova-pro-v1:0": 300_000,
    "anthropic.claude-haiku-4-5-20251001-v1:0": 200_000,
    "anthropic.claude-sonnet-4-5-20250929-v1:0": 200_000,
}
# Whether a text model can be called without an inference profile.
_TEXT_MODELS = {
    "amazon.nova-micro-v1:0": True,
    "amazon.nova-lite-v1:0": True,
    "amazon.nova-pro-v1:0": True,
    "anthropic.claude-haiku-4-5-20251001-v1:0": False,
    "anthropic.claude-sonnet-4-5-20250929-v1:0": False,
}
_ARN = re.compile(r"arn:aws:bedrock:([a-z0-9-]*):(\d{12})?:(foundation-model|inference-profile)/(.+)")


@dataclass(frozen=True)
class Model:
    """A model, as named in a request."""

    name: str
    region: str
    account: str
    geography: str | None = None

    @property
    def arns(self) -> list[str]:
        """All ARNs that IAM checks for a call, the one named in the request first."""
        if self.geography is None:
            return [f"arn:aws:bedrock:{self.region}::foundation-model/{self.name}"]
        # A global profile: the model in the own Region, and the model without a Region.
        regions = (self.region, "") if self.geography == _GLOBAL else _GEOGRAPHIES[self.geography]
        return [
            f"{self.profile_arn}",
            *(f"arn:aws:bedrock:{region}::foundation-model/{self.name}" for region in regions),
        ]

    @property
    def profile_arn(self) -> str | None:
        if self.geography is None:
            return None
        return f"arn:aws:bedrock:{self.region}:{self.account}:inference-profile/{self.geography}.{self.name}"

    @property
    def embeds(self) -> bool:
        return self.name in _EMBEDDING_MODELS

    @property
    def context(self) -> int:
        """Returns the maximum tokens of a prompt with its answer."""
        return _CONTEXT[self.name]


def find(identifier: str, region: str, account: str) -> Model:
    """Returns the model of a modelId. Raises AWS's ValidationException if it is unknown."""
    arn = _ARN.fullmatch(identifier)
    if arn and (arn.group(1) != region or (arn.group(3) == "inference-profile") != bool(arn.group(2))):
        raise _unknown()
    name = arn.group(4) if arn else identifier
    geography, _, rest = name.partition(".")
    routed = rest in _GLOBALLY if geography == _GLOBAL else rest in (*_TEXT_MODELS, *COHERE)
    if geography in (*_GEOGRAPHIES, _GLOBAL) and routed and (not arn or arn.group(3) == "inference-profile"):
        if not region.startswith(_REGION_PREFIX[geography]):
            raise _unknown()
        return Model(rest, region, account, geography)
    if name not in (*_EMBEDDING_MODELS, *_TEXT_MODELS) or (arn and arn.group(3) == "inference-profile"):
        raise _unknown()
    return Model(name, region, account)


def require_on_demand(model: Model) -> None:
    if model.geography is None and not _TEXT_MODELS.get(model.name, True):
        raise invalid(
            f"Invocation of model ID {model.name} with on-demand throughput isn’t supported. Retry your "
            "request with the ID or ARN of an inference profile that contains this model."
        )


def _unknown() -> Exception:
    return invalid("The provided model identifier is invalid.")
