"""S3 Vectors: vector buckets, indexes and nearest-neighbour search, under the same IAM as the rest."""

from . import provisioning, service


def install() -> None:
    service.install()
    provisioning.install()
