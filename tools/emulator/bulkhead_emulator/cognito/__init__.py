"""Cognito user pools: who may write which attribute, what proves a challenge, and what goes into tokens."""

from . import attributes, challenges, trigger


def install() -> None:
    for part in (attributes, challenges, trigger):
        part.install()
