"""CloudFormation: nested transforms, APIs updated in place, roles, buckets and numbers as AWS takes them."""

from . import buckets, nested, numbers, rest_api, roles


def install() -> None:
    for part in (nested, numbers, rest_api, roles, buckets):
        part.install()
