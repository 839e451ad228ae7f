"""Lambda: tenant isolation mode, environments, limits, permissions."""

from __future__ import annotations

import base64
import json
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from bulkhead_emulator.tests.support.cloud import ACCOUNT, Cloud, allow, denied, error
from bulkhead_emulator.tests.support.functions import invoke, make, package
from bulkhead_emulator.tests.support.process import eventually


@pytest.fixture(scope="module")
def tenants(cloud: Cloud) -> Any:
    return make(cloud, tenants=True)


@pytest.fixture(scope="module")
def plain(cloud: Cloud) -> Any:
    return make(cloud)


@pytest.mark.extension
def test_each_tenant_has_a_separate_environment(cloud: Cloud, tenants: Any) -> None:
    acme, other = invoke(cloud, tenants, tenant="acme"), invoke(cloud, tenants, tenant="other")
    assert (acme["tenant"], other["tenant"]) == ("acme", "other")
    assert acme["pid"] != other["pid"]
    again = invoke(cloud, tenants, tenant="acme")
    assert (again["pid"], again["count"]) == (acme["pid"], acme["count"] + 1)


@pytest.mark.extension
def test_tenant_id_is_required_or_refused(cloud: Cloud, tenants: Any, plain: Any) -> None:
    client = cloud.client("lambda")
    code, status, message = error(client.invoke, FunctionName=tenants)
    assert (code, status) == ("InvalidParameterValueException", 400) and "Add a valid tenant ID" in message
    code, status, message = error(client.invoke, FunctionName=plain, TenantId="acme")
    assert (code, status) == ("InvalidParameterValueException", 400) and "not enabled with tenancy" in message


@pytest.mark.extension
@pytest.mark.parametrize("tenant", ["a#b", "a\u00e9", "a" * 257, "a\tb"])
def test_tenant_id_alphabet(cloud: Cloud, tenants: Any, tenant: Any) -> None:
    client = cloud.client("lambda", parameter_validation=False)
    assert error(client.invoke, FunctionName=tenants, TenantId=tenant)[0] == "InvalidParameterValueException"


@pytest.mark.extension
def test_tenant_ids_with_every_allowed_symbol_stay_separate(cloud: Cloud, tenants: Any) -> None:
    found = {tenant: invoke(cloud, tenants, tenant=tenant)["pid"] for tenant in ("a:b", "a/b", "a@b", "a b", "a.b=+-_")}
    assert len(set(found.values())) == len(found)


@pytest.mark.extension
def test_asynchronous_invocation_carries_the_tenant(cloud: Cloud, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    name = make(cloud, tenants=True, environment={"JOURNAL": str(journal)})
    cloud.client("lambda").invoke(FunctionName=name, InvocationType="Event", TenantId="acme", Payload=b"{}")
    eventually(journal.exists)
    assert json.loads(journal.read_text())["tenant"] == "acme"


@pytest.mark.extension
def test_environments_are_limited_by_reserved_concurrency(cloud: Cloud) -> None:
    name = make(cloud, tenants=True, reserved=2)
    for number in range(5):
        invoke(cloud, name, tenant=f"t{number}")
    code, status, message = error(cloud.client("lambda").invoke, FunctionName=name, TenantId="t5")
    assert (code, status) == ("TooManyRequestsException", 429) and "Rate exceeded" in message
    assert invoke(cloud, name, tenant="t0")["tenant"] == "t0"


def test_reserved_concurrency_throttles(cloud: Cloud) -> None:
    name, client = make(cloud, reserved=1), cloud.client("lambda")
    invoke(cloud, name)
    outcomes = []

    def call() -> None:
        try:
            client.invoke(FunctionName=name, Payload=json.dumps({"sleep": 0.5}))
            outcomes.append(200)
        except client.exceptions.TooManyRequestsException as raised:
            outcomes.append(raised.response["ResponseMetadata"]["HTTPStatusCode"])

    callers = [threading.Thread(target=call) for _ in range(3)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert sorted(outcomes) == [200, 429, 429]


@pytest.mark.extension
def test_100_executions_stay_unreserved(cloud: Cloud, plain: Any) -> None:
    client = cloud.client("lambda")
    code, _, message = error(client.put_function_concurrency, FunctionName=plain, ReservedConcurrentExecutions=901)
    assert code == "InvalidParameterValueException" and "minimum value of [100]" in message


@pytest.mark.extension
def test_lambda_must_be_able_to_assume_the_role(cloud: Cloud) -> None:
    code, _, message = error(
        cloud.client("lambda").create_function,
        FunctionName="unassumable",
        Runtime="provided.al2023",
        Handler="bootstrap",
        Role=cloud.role(allow("s3:*")),
        Code={"ZipFile": package()},
    )
    assert code == "InvalidParameterValueException" and "cannot be assumed by Lambda" in message


@pytest.mark.extension
def test_excluded_features(cloud: Cloud, tenants: Any) -> None:
    client = cloud.client("lambda")
    queue = cloud.client("sqs").create_queue(QueueName=f"for-{tenants}")["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{queue.rpartition('/')[2]}"
    for call, arguments in (
        (client.create_event_source_mapping, {"EventSourceArn": arn}),
        (client.create_function_url_config, {"AuthType": "AWS_IAM"}),
        (client.put_provisioned_concurrency_config, {"Qualifier": "1", "ProvisionedConcurrentExecutions": 1}),
    ):
        assert error(call, FunctionName=tenants, **arguments)[0] == "InvalidParameterValueException"


def test_replaces_a_crashed_environment(cloud: Cloud, plain: Any) -> None:
    before = invoke(cloud, plain)
    crashed = invoke(cloud, plain, {"exit": 7})
    assert crashed["FunctionError"] == "Unhandled"
    after = invoke(cloud, plain)
    assert after["pid"] != before["pid"] and after["count"] == 1


def test_replaces_a_killed_environment(cloud: Cloud, plain: Any) -> None:
    before = invoke(cloud, plain)
    os.kill(before["pid"], 9)

    def replaced() -> Any:
        answer = invoke(cloud, plain)
        return "FunctionError" not in answer and answer["pid"] != before["pid"]

    eventually(replaced)


@pytest.mark.extension
def test_crash_does_not_stop_another_tenants_environment(cloud: Cloud, tmp_path: Path) -> None:
    name = make(cloud, tenants=True)
    acme = invoke(cloud, name, tenant="acme")
    assert invoke(cloud, name, {"exit": 1}, tenant="other")["FunctionError"] == "Unhandled"
    assert invoke(cloud, name, tenant="acme")["pid"] == acme["pid"]


def test_function_errors(cloud: Cloud, plain: Any) -> None:
    failed = invoke(cloud, plain, {"fail": "told so"})
    assert failed == {"FunctionError": "Unhandled", "payload": {"errorMessage": "told so", "errorType": "Failure"}}


def test_timeouts(cloud: Cloud) -> None:
    name = make(cloud, Timeout=1)
    failed = invoke(cloud, name, {"sleep": 5})
    assert failed["FunctionError"] == "Unhandled"
    assert "timed out after 1.00 seconds" in failed["payload"]["errorMessage"]


@pytest.mark.extension
def test_request_limit(cloud: Cloud, plain: Any) -> None:
    client = cloud.client("lambda")
    code, status, _ = error(client.invoke, FunctionName=plain, Payload=json.dumps("x" * (6 * 1024 * 1024)))
    assert (code, status) == ("RequestTooLargeException", 413)
    code, status, _ = error(
        client.invoke, FunctionName=plain, InvocationType="Event", Payload=json.dumps("x" * (1024 * 1024))
    )
    assert (code, status) == ("RequestTooLargeException", 413)


@pytest.mark.extension
def test_response_limit(cloud: Cloud, plain: Any) -> None:
    assert len(invoke(cloud, plain, {"big": 6 * 1024 * 1024 - 100})) == 6 * 1024 * 1024 - 100
    failed = invoke(cloud, plain, {"big": 6 * 1024 * 1024 + 200})
    assert failed["payload"]["errorType"] == "Function.ResponseSizeTooLarge"


@pytest.mark.extension
def test_payload_must_be_json(cloud: Cloud, plain: Any) -> None:
    call = cloud.client("lambda").invoke
    assert error(call, FunctionName=plain, Payload=b"{no")[0] == "InvalidRequestContentException"


def test_invoking_needs_permission(cloud: Cloud, plain: Any, tenants: Any) -> None:
    arn = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:"
    session = cloud.tenant("acme", allow("lambda:InvokeFunction", arn + plain)).client("lambda")
    assert not denied(session.invoke, FunctionName=plain)
    assert denied(session.invoke, FunctionName=tenants, TenantId="acme")


def test_checks_the_functions_credentials(cloud: Cloud) -> None:
    name = make(cloud, allow("s3:ListAllMyBuckets"))
    assert "Buckets" in invoke(cloud, name, {"aws": {"service": "s3", "operation": "list_buckets"}})["aws"]
    refused = invoke(cloud, name, {"aws": {"service": "dynamodb", "operation": "list_tables"}})["aws"]
    assert "AccessDenied" in refused["message"]
    who = invoke(cloud, name, {"aws": {"service": "sts", "operation": "get_caller_identity"}})["aws"]
    assert ":assumed-role/" in who["Arn"] and who["Arn"].endswith(name)


@pytest.mark.extension
def test_role_chaining_from_a_function_is_limited_to_an_hour(cloud: Cloud) -> None:
    role = cloud.role(allow("s3:*"))
    name = make(cloud, allow(["sts:AssumeRole", "sts:TagSession"], role))
    arguments = {"RoleArn": role, "RoleSessionName": "acme", "Tags": [{"Key": "TenantId", "Value": "acme"}]}
    call = {"service": "sts", "operation": "assume_role"}
    assert "Credentials" in invoke(cloud, name, {"aws": {**call, "arguments": arguments}})["aws"]
    refused = invoke(cloud, name, {"aws": {**call, "arguments": {**arguments, "DurationSeconds": 3601}}})["aws"]
    assert "role chaining" in refused["message"]


@pytest.mark.extension
def test_process_has_only_lambdas_and_the_functions_variables(cloud: Cloud) -> None:
    name = make(cloud, environment={"OWN": "1", "AUTH": "true"})
    env = invoke(cloud, name, {"env": True})["env"]
    assert env["OWN"] == "1" and env["AUTH"] == "true"
    assert not {"GATEWAY_PORT", "BIND_HOST", "MINISTACK_ACCOUNT_ID", "HOME", "DOCKER_HOST"} & env.keys()
    assert {"AWS_REGION", "AWS_LAMBDA_FUNCTION_NAME", "AWS_SESSION_TOKEN", "AWS_LAMBDA_LOG_GROUP_NAME"} <= env.keys()


@pytest.mark.extension
@pytest.mark.parametrize("update", ["code", "configuration"])
def test_updates_retire_environments_after_running_invocations(cloud: Cloud, update: Any) -> None:
    name, client = make(cloud, tenants=True), cloud.client("lambda")
    before = invoke(cloud, name, tenant="a:b")
    running = []
    slow = threading.Thread(target=lambda: running.append(invoke(cloud, name, {"sleep": 1}, tenant="c")))
    slow.start()
    eventually(lambda: invoke(cloud, name, tenant="a:b"))
    if update == "code":
        client.update_function_code(FunctionName=name, ZipFile=package())
    else:
        client.update_function_configuration(FunctionName=name, Environment={"Variables": {"NEW": "1"}})
    eventually(lambda: client.get_function_configuration(FunctionName=name)["LastUpdateStatus"] == "Successful")
    assert invoke(cloud, name, tenant="a:b")["pid"] != before["pid"]
    slow.join()
    assert "FunctionError" not in running[0]


def test_log_lines_belong_to_their_invocation(cloud: Cloud, plain: Any) -> None:
    for number in range(5):
        answer = cloud.client("lambda").invoke(
            FunctionName=plain, LogType="Tail", Payload=json.dumps({"log": f"line {number}"})
        )
        assert base64.b64decode(answer["LogResult"]).decode().strip() == f"line {number}"


@pytest.mark.extension
def test_warm_invocations_are_fast(cloud: Cloud, plain: Any) -> None:
    """MiniStack waits 50 ms for log lines and 40 ms for a delayed TCP acknowledgement."""
    client = cloud.client("lambda")
    client.invoke(FunctionName=plain)
    took = []
    for _ in range(15):
        started = time.perf_counter()
        client.invoke(FunctionName=plain)["Payload"].read()
        took.append(time.perf_counter() - started)
    assert min(took) < 0.035
