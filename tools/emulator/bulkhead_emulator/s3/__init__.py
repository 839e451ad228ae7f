"""S3: encryption with KMS keys on behalf of the caller, condition keys, events and missing objects."""

from . import conditions, encryption, events, missing


def install() -> None:
    conditions.install()
    encryption.install()
    events.install()
    missing.install()
