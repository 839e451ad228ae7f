"""Cognito user pools: attribute permissions, challenges, and the trigger that changes tokens."""

from . import attributes, challenges, trigger


def install() -> None:
    for part in (attributes, challenges, trigger):
        part.install()
