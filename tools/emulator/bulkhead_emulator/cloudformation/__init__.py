"""CloudFormation: nested transforms, API updates in place, alarms, roles, buckets and numbers as on AWS."""

from . import alarms, buckets, nested, numbers, rest_api, roles


def install() -> None:
    for part in (nested, numbers, rest_api, roles, buckets, alarms):
        part.install()
