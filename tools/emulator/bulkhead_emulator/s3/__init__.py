"""S3: encryption with KMS keys on behalf of the caller, condition keys, conditional copies, events and missing objects."""

from . import conditions, copies, encryption, events, missing


def install() -> None:
    conditions.install()
    copies.install()
    encryption.install()
    events.install()
    missing.install()
