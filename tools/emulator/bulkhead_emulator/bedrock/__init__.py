"""Bedrock runtime with deterministic models that need no network."""

from . import service


def install() -> None:
    service.install()
