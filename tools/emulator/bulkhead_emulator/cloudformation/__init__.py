"""CloudFormation: nested stacks, policies, statuses, and resources that MiniStack handles differently from AWS."""

from . import alarms, buckets, insight_rules, nested, numbers, rest_api, retention, roles, statuses


def install() -> None:
    for part in (nested, retention, statuses, numbers, rest_api, roles, buckets, alarms, insight_rules):
        part.install()
