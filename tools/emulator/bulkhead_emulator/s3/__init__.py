"""S3: objects under KMS keys in the caller's name, its condition keys, its events."""

from . import conditions, encryption, events


def install() -> None:
    conditions.install()
    encryption.install()
    events.install()
