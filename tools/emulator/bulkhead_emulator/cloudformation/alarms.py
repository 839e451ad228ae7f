"""`AWS::CloudWatch::Alarm` over a math expression, which MiniStack refuses.

AWS (PutMetricAlarm, MetricDataQuery): `Metrics` holds metrics and expressions, exactly one of which returns
data and is watched by the alarm; the properties of a single metric are not allowed beside it. The emulator
stores and describes such an alarm but does not evaluate it, so it stays INSUFFICIENT_DATA.
"""

from __future__ import annotations

from typing import Any

from ministack.services.cloudformation import provisioners

from ..patch import replace

_OF_ONE_METRIC = ("MetricName", "Namespace", "Dimensions", "Period", "Unit", "Statistic", "ExtendedStatistic")
_NUMBERS = {"Period"}
_TRUE = (True, "true")

_record: Any = None


def install() -> None:
    global _record
    _record = replace(provisioners, "_cw_metric_alarm_record", record)


def record(name: str, props: dict) -> dict:
    queries = props.get("Metrics")
    if not queries:
        return _record(name, props)
    if beside := [each for each in _OF_ONE_METRIC if each in props]:
        raise ValueError(f"AWS::CloudWatch::Alarm {name}: Metrics cannot be combined with {', '.join(beside)}")
    _check(name, queries)
    # MiniStack demands a metric, so it gets a placeholder.
    alarm = _record(name, {**props, "Metrics": None, "MetricName": "none", "Namespace": "none"})
    for key in _OF_ONE_METRIC:
        alarm.pop(key, None)
    alarm["Metrics"] = [_described(query) for query in queries]
    return alarm


def _check(name: str, queries: list[dict]) -> None:
    ids = [str(query.get("Id") or "") for query in queries]
    if len(set(ids)) != len(ids) or any(not each[:1].islower() for each in ids):
        raise ValueError(
            f"AWS::CloudWatch::Alarm {name}: each of Metrics needs a unique Id that begins "
            f"with a lower-case letter; there are {', '.join(ids)}"
        )
    if any(("Expression" in query) == ("MetricStat" in query) for query in queries):
        raise ValueError(f"AWS::CloudWatch::Alarm {name}: each of Metrics has either an Expression or a MetricStat")
    watched = [query for query in queries if query.get("ReturnData", True) in _TRUE]
    if len(watched) != 1:
        raise ValueError(f"AWS::CloudWatch::Alarm {name}: exactly one of Metrics returns data, here {len(watched)}")


def _described(value: Any, key: str = "") -> Any:
    """Returns the alarm as DescribeAlarms shows it, with numbers and booleans converted from text."""
    if isinstance(value, dict):
        return {name: _described(part, name) for name, part in value.items()}
    if isinstance(value, list):
        return [_described(part, key) for part in value]
    if key in _NUMBERS:
        return int(value)
    return value in _TRUE if key == "ReturnData" else value
