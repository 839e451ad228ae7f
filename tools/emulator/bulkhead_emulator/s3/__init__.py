"""S3: encryption with KMS keys on behalf of the caller, condition keys and events."""

from . import conditions, encryption, events


def install() -> None:
    conditions.install()
    encryption.install()
    events.install()
