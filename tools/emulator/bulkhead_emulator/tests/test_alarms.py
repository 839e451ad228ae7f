"""Alarms over a math expression, created by CloudFormation."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import WaiterError

from bulkhead_emulator.tests.support.cloud import Cloud

_ERRORS = {"Namespace": "AWS/Lambda", "MetricName": "Errors", "Dimensions": [{"Name": "FunctionName", "Value": "a"}]}
_METRIC = {"Id": "m", "ReturnData": False, "MetricStat": {"Stat": "Sum", "Period": 300, "Metric": _ERRORS}}
_SHARE = {"Id": "share", "Expression": "100 * m / 20", "Label": "percent", "ReturnData": True}
_ALARM = {
    "AlarmName": "share-of-errors",
    "AlarmDescription": "many",
    "Metrics": [_SHARE, _METRIC],
    "EvaluationPeriods": 3,
    "DatapointsToAlarm": 2,
    "Threshold": 80,
    "ComparisonOperator": "GreaterThanOrEqualToThreshold",
    "TreatMissingData": "notBreaching",
    "AlarmActions": ["arn:aws:sns:us-east-1:000000000000:alerts"],
}


def deploy(cloud: Cloud, name: str, **properties: Any) -> str:
    """Creates or updates a stack with one alarm and returns the error, if any."""
    template = {"Resources": {"Alarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": {**_ALARM, **properties}}}}
    stacks = cloud.client("cloudformation")
    known = {stack["StackName"] for stack in stacks.describe_stacks()["Stacks"]}
    change = stacks.update_stack if name in known else stacks.create_stack
    change(StackName=name, TemplateBody=json.dumps(template))
    waiter = stacks.get_waiter("stack_update_complete" if name in known else "stack_create_complete")
    try:
        waiter.wait(StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    except WaiterError:
        events = stacks.describe_stack_events(StackName=name)["StackEvents"]
        return " ".join(event.get("ResourceStatusReason", "") for event in events)
    return ""


def described(cloud: Cloud) -> dict[str, Any]:
    (alarm,) = cloud.client("cloudwatch").describe_alarms(AlarmNames=["share-of-errors"])["MetricAlarms"]
    return alarm


@pytest.mark.extension
def test_alarm_watches_an_expression(cloud: Cloud) -> None:
    assert deploy(cloud, "math") == ""
    alarm = described(cloud)
    assert alarm["Metrics"] == [_SHARE, _METRIC]
    assert not {"MetricName", "Namespace", "Statistic", "Period"} & {key for key, value in alarm.items() if value}
    assert (alarm["Threshold"], alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"]) == (80.0, 3, 2)
    assert (alarm["StateValue"], alarm["TreatMissingData"]) == ("INSUFFICIENT_DATA", "notBreaching")
    assert alarm["AlarmActions"] == _ALARM["AlarmActions"]

    cloud.client("cloudwatch").put_metric_data(
        Namespace="AWS/Lambda", MetricData=[{"MetricName": "Errors", "Value": 99}]
    )
    assert described(cloud)["StateValue"] == "INSUFFICIENT_DATA", "nothing evaluates expressions here"

    assert deploy(cloud, "math", Threshold=90) == ""
    assert described(cloud)["Threshold"] == 90.0
    cloud.client("cloudformation").delete_stack(StackName="math")
    cloud.client("cloudformation").get_waiter("stack_delete_complete").wait(
        StackName="math", WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )
    assert not cloud.client("cloudwatch").describe_alarms(AlarmNames=["share-of-errors"])["MetricAlarms"]


@pytest.mark.extension
@pytest.mark.parametrize(
    ("name", "properties", "says"),
    [
        ("two-watched", {"Metrics": [_SHARE, {**_METRIC, "ReturnData": True}]}, "exactly one of Metrics returns data"),
        (
            "none-watched",
            {"Metrics": [{**_SHARE, "ReturnData": False}, _METRIC]},
            "exactly one of Metrics returns data",
        ),
        ("same-id", {"Metrics": [_SHARE, {**_METRIC, "Id": "share"}]}, "a unique Id"),
        ("neither", {"Metrics": [_SHARE, {"Id": "m", "ReturnData": False}]}, "either an Expression or a MetricStat"),
        ("both-kinds", {"Namespace": "AWS/Lambda", "MetricName": "Errors"}, "Metrics cannot be combined"),
    ],
)
def test_rejects_invalid_expressions(cloud: Cloud, name: str, properties: Any, says: Any) -> None:
    assert says in deploy(cloud, name, **properties)
