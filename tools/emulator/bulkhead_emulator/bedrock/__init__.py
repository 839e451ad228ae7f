"""Bedrock runtime: deterministic models that need no network and mean something."""

from . import service


def install() -> None:
    service.install()
