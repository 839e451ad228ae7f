"""A first deployment as a stranger does it, what a failure leaves behind, and what a deletion keeps.

The functions are stubs, because nothing invokes them.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.deploy.capacity import SILO, STAGE, read
from tools.devstack.process import ROOT
from tools.devstack.stack import LocalStack

_SECONDS = 200
_ID = "0193a0b1c2d37e8f9a0b1c2d3e4f5a6b"
_SILO = ("deploy", "--config-env", "silo", "--no-confirm-changeset", "--stack-name")
# Outputs of a stage that a silo needs.
_SHARED = (
    *("RegistryTable", "RegistryTableArn", "RunsTable", "RunsTableArn"),
    *("Issuer", "Audience", "AudienceClaim", "JwksUrl"),
)


class Checkout:
    """A checkout with stubs as functions, and an empty local account."""

    def __init__(self, local: LocalStack) -> None:
        self.local, self.root = local, local.root
        self.stacks = local.account.client("cloudformation")

    def sam(self, *arguments: str, answers: str = "", succeeds: bool = True) -> str:
        """Runs `sam` in the checkout and returns its output. An empty answer takes the default."""
        done = subprocess.run(
            [str(Path(sys.executable).with_name("sam")), *arguments],
            cwd=self.root,
            env=self.local._sam_environment(),
            input=answers,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
        )
        output = done.stdout + done.stderr
        assert (done.returncode == 0) == succeeds, output[-6000:]
        return output

    def status(self, name: str) -> str:
        return str(self.stacks.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])

    def outputs(self, name: str) -> dict[str, str]:
        found = self.stacks.describe_stacks(StackName=name)["Stacks"][0]["Outputs"]
        return {each["OutputKey"]: each["OutputValue"] for each in found}

    def reasons(self, name: str) -> str:
        """Returns why a stack or its resources failed; empty if there is no stack."""
        try:
            events = self.stacks.describe_stack_events(StackName=name)["StackEvents"]
        except self.stacks.exceptions.ClientError:
            return ""
        return "\n".join(each.get("ResourceStatusReason", "") for each in events)

    def delete(self, name: str) -> None:
        stack = self.stacks.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
        self.stacks.delete_stack(StackName=name)
        waiter = self.stacks.get_waiter("stack_delete_complete")
        waiter.wait(StackName=stack, WaiterConfig={"Delay": 1, "MaxAttempts": 60})

    def data(self) -> dict[str, set[str]]:
        """Returns the names of everything in the account that holds data, by kind."""
        client = self.local.account.client
        return {
            "tables": set(client("dynamodb").list_tables()["TableNames"]),
            "vectors": {b["vectorBucketName"] for b in client("s3vectors").list_vector_buckets()["vectorBuckets"]},
            "pools": {pool["Id"] for pool in client("cognito-idp").list_user_pools(MaxResults=60)["UserPools"]},
            "buckets": {bucket["Name"] for bucket in client("s3").list_buckets()["Buckets"]},
        }


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Checkout]:
    root = tmp_path / "checkout"
    shutil.copytree(ROOT / "infra", root / "infra")
    for file in ("template.yaml", "samconfig.toml"):
        shutil.copy(ROOT / file, root / file)
    for template in (root / "infra").glob("*.yaml"):
        for name in re.findall(r"CodeUri: \.\./target/lambda/(\w+)/", template.read_text()):
            folder = root / "target" / "lambda" / name
            folder.mkdir(parents=True)
            (folder / "bootstrap").write_text("#!/bin/sh\nexit 1\n")
    local = LocalStack(tmp_path / "state", root=root, cognito=True)
    local.state.mkdir()
    try:
        local.start()
        yield Checkout(local)
    finally:
        local.stop()


def test_build_and_guided_deployment_need_no_answer(checkout: Checkout) -> None:
    checkout.sam("build")
    prompts = len(read(STAGE)["Parameters"]) + 20
    checkout.sam("deploy", "--guided", answers="\n" * prompts)
    assert checkout.status("bulkhead-dev") == "CREATE_COMPLETE"
    assert checkout.outputs("bulkhead-dev")["Stage"] == "dev"
    assert checkout.local.account.client("apigateway").get_account()["cloudwatchRoleArn"]


def test_a_failed_first_deployment_blocks_no_second_try(checkout: Checkout) -> None:
    deploy = ("deploy", "--config-env", "prod", "--no-confirm-changeset", "--parameter-overrides")
    # The last tier does not fit into the account.
    checkout.sam(*deploy, "PremiumInferenceConcurrency=800", succeeds=False)
    assert checkout.status("bulkhead-prod") == "ROLLBACK_COMPLETE"
    left = checkout.data()
    assert not left["tables"] and not left["vectors"] and len(left["pools"]) == 1

    refused = checkout.sam(*deploy, "NoisyTenants=yes", succeeds=False)
    assert "is in ROLLBACK_COMPLETE state and can not be updated" in refused
    checkout.delete("bulkhead-prod")
    checkout.sam(*deploy, "NoisyTenants=yes")
    outputs = checkout.outputs("bulkhead-prod")
    assert outputs["BasicControlFunction"] == "bulkhead-prod-basic-control"
    assert outputs["UserPoolId"] not in left["pools"]


def test_a_deleted_stack_keeps_its_data(checkout: Checkout) -> None:
    checkout.sam("deploy", "--config-env", "prod", "--no-confirm-changeset")
    outputs, before = checkout.outputs("bulkhead-prod"), checkout.data()
    checkout.delete("bulkhead-prod")
    kept = checkout.data()
    assert kept["tables"] == {outputs[name] for name in ("RegistryTable", "RunsTable", "DataTable", "ApiKeysTable")}
    assert {**kept, "tables": set()} == {**before, "tables": set()}
    assert checkout.local.account.client("apigateway").get_account()["cloudwatchRoleArn"]


def test_no_update_changes_the_names_of_a_stage_or_a_silo(checkout: Checkout) -> None:
    checkout.sam("deploy", "--config-env", "prod", "--no-confirm-changeset")
    shared = {each: checkout.outputs("bulkhead-prod")[each] for each in _SHARED}
    silo = f"bulkhead-prod-acme-{_ID}"
    checkout.sam(*_SILO, silo, "--parameter-overrides", *(f"{name}={value}" for name, value in shared.items()))
    before = checkout.outputs("bulkhead-prod"), checkout.outputs(silo)
    assert before[1]["Tenant"] == _ID and before[1]["SiloControlFunction"] == "bulkhead-prod-acme-control"

    names = ("Stage=other", "Name=other", "Tenant=0123456789abcdef", "EmbeddingModel=other")
    deploy = ("deploy", "--config-env", "prod", "--no-confirm-changeset")
    checkout.sam(*deploy, "--parameter-overrides", *names, "AccessLogDays=60")
    checkout.sam(*_SILO, silo, "--parameter-overrides", *names, "AccessLogDays=60")
    assert (checkout.outputs("bulkhead-prod"), checkout.outputs(silo)) == before


GOOD = {
    "infra/stage-name.yaml": ["bulkhead-prod", "bulkhead-p1", "bulkhead-produseast12"],
    "infra/silo-name.yaml": [f"bulkhead-prod-acme-{_ID}", f"bulkhead-prod-basics-{_ID}", f"bulkhead-p1-a2-{_ID[:16]}"],
}
BAD = {
    "infra/stage-name.yaml": [
        *("bulkhead", "bulkhead-", "bulkhead-p", "bulkhead-prod-", "bulkhead-prod-eu", "bulkhead-Prod", "sam-app"),
        *("bulkhead-1a", "bulkhead-averylongname", "my-bulkhead-prod", *GOOD["infra/silo-name.yaml"]),
    ],
    "infra/silo-name.yaml": [
        *("bulkhead-prod", "bulkhead-prod-acme", "bulkhead-prod-acme-", "bulkhead-prod-acme-short"),
        *(f"bulkhead-prod-{name}-{_ID}" for name in ("basic", "premium", "a", "Acme", "averylongname")),
        *(f"bulkhead-prod-acme-{_ID}{more}" for more in ("0", "-more", "A")),
    ],
}


@pytest.mark.parametrize("file", GOOD)
def test_a_stacks_name_says_what_it_is(file: str) -> None:
    pattern = read(file)["Parameters"]["StackName"]["AllowedPattern"]
    assert [name for name in GOOD[file] if not re.fullmatch(pattern, name)] == []
    assert [name for name in BAD[file] if re.fullmatch(pattern, name)] == []


@pytest.mark.parametrize(
    ("template", "name"),
    [(STAGE, "sam-app"), (SILO, f"bulkhead-prod-basic-{_ID}"), (SILO, f"bulkhead-prod-acme-{_ID}-more")],
)
def test_a_stack_with_another_name_creates_nothing(checkout: Checkout, template: str, name: str) -> None:
    given = {each: "x" for each, declared in read(template)["Parameters"].items() if "Default" not in declared}
    given |= {"JwksUrl": "https://id.example.com/keys"} if template == SILO else {}
    output = checkout.sam(
        *("deploy", "--config-env", "prod" if template == STAGE else "silo", "--no-confirm-changeset"),
        *("--stack-name", name, "--parameter-overrides", "AccessLogDays=30"),
        *(f"{key}={value}" for key, value in given.items()),
        succeeds=False,
    )
    assert "the name of the stack must be bulkhead-<stage>" in checkout.reasons(name), output
    left = checkout.data()
    assert not (left["tables"] or left["vectors"] or left["pools"])
    assert checkout.local.account.client("iam").list_roles()["Roles"] == []
