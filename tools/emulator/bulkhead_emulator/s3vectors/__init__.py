"""S3 Vectors: vector buckets, indexes and nearest-neighbour search, with IAM."""

from . import provisioning, service


def install() -> None:
    service.install()
    provisioning.install()
