"""Cognito user pools: attribute permissions, challenges, and the trigger that changes tokens."""

from . import attributes, challenges, protection, trigger


def install() -> None:
    for part in (attributes, challenges, protection, trigger):
        part.install()
