"""The whole product on this machine: issuer, emulator and deployed stacks.

    python -m tools.devstack up | down | status | deploy | onboard NAME [--tier TIER] | silo NAME

The demo and the tests use `LocalStack`. It starts its processes on free ports and stops only those.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from tools.faultproxy.client import Faults

from .aws import Account, Credentials, Tenant, error_code, only_local_aws
from .client import Api
from .console import Console, Step
from .process import ROOT, Child, Known, StackError, free_port, run_logged, tail
from .tokens import Issuer

STATE = ROOT / ".local"
STACK_NAME = "bulkhead-local"
# The templates read the stage from the name of the stack.
STAGE = STACK_NAME.removeprefix("bulkhead-")
_READY_SECONDS = 60.0
_DEPLOY_SECONDS = 600.0
# A failed job is delivered again after the visibility timeout and becomes a dead letter after five
# deliveries. On AWS that takes an hour; tests cannot wait that long.
_QUICK = {"WorkerTimeout": "10", "DispatchTimeout": "12", "VisibilityTimeout": "12"}
# Tests and demo send many requests at once. The premium tier keeps its quotas, which have separate tests.
_HASTE = {
    "BasicTenantRate": "5000",
    "BasicTenantBurst": "5000",
    "BasicMethodRate": "5000",
    "BasicMethodBurst": "5000",
    "BasicTenantEmbeddings": "5000",
}
# Outputs about the stage's user pool that a silo needs as parameters.
_OF_THE_ISSUER = ("Issuer", "Audience", "AudienceClaim", "JwksUrl")
_RESOURCE_DONE = re.compile(r"^(CREATE|UPDATE)_COMPLETE\s+AWS::", re.MULTILINE)


class LocalStack:
    """One deployed copy of the product, with access by HTTP, as the operator and as a tenant's session."""

    def __init__(
        self,
        state: Path,
        console: Console | None = None,
        *,
        root: Path = ROOT,
        faults: bool = False,
        session_seconds: int | None = None,
        judgements: bool = False,
        cognito: bool = False,
        parameters: Mapping[str, str] | None = None,
        invocations: bool = False,
        fair_queues: bool = True,
    ) -> None:
        """`state` holds logs and keys; `root` is the folder of `template.yaml` and its builds.

        `faults`: the functions reach the local AWS through the fault proxy; tests and operators do not.
        `session_seconds`: sessions of assumed roles expire after this time.
        `judgements`: records every decision of IAM.
        `cognito`: the stack creates a user pool and refuses tokens of the development issuer.
        `parameters`: more parameters of `template.yaml`.
        `invocations`: records every invocation of a function.
        `fair_queues`: if false, queues ignore message groups.
        """
        self.state, self.root = state, root
        self.console = console or Console()
        self.session_seconds = session_seconds
        self._record_judgements = judgements
        self._record_invocations = invocations
        self._fair_queues = fair_queues
        self._cognito = cognito
        self._parameters = dict(parameters or {})
        self.endpoint = self._functions_endpoint = ""
        self._faults_admin: str | None = "" if faults else None
        self.outputs: dict[str, str] = {}
        self.silos: dict[str, dict[str, str]] = {}
        self._account: Account | None = None
        self._children: list[Child] = []
        self._recorded: list[dict[str, Any]] = []

    @classmethod
    def temporary(cls, name: str, console: Console | None = None, **more: Any) -> LocalStack:
        """Returns a stack with a new state folder that records the decisions of IAM.

        A clean stop deletes the folder; a failure keeps it.
        """
        runs = STATE / "runs"
        runs.mkdir(parents=True, exist_ok=True)
        state = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=runs))
        return cls(state, console, **{"judgements": True, **more})

    @classmethod
    def attach(cls, state: Path, console: Console | None = None) -> LocalStack:
        """Returns the running stack that `up` recorded."""
        record = json.loads((state / "stack.json").read_text())
        stack = cls(state, console)
        stack.endpoint, stack.outputs = record["endpoint"], record["outputs"]
        stack.silos = record.get("silos", {})
        stack._parameters = record.get("parameters", {})
        stack._functions_endpoint = record.get("functions_endpoint", stack.endpoint)
        stack._faults_admin = record.get("faults_admin")
        stack.session_seconds = record.get("session_seconds")
        stack._recorded = record["processes"]
        return stack

    # ── start and stop────────────────────────────────────────────────────────

    def __enter__(self) -> LocalStack:
        try:
            self.open()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self.close(keep=kind is not None)

    def open(self, *, detached: bool = False) -> None:
        """Starts and deploys. After an exception the caller must still call `close`."""
        self._require_build()
        self.start(detached=detached)
        self.deploy()

    def close(self, *, keep: bool) -> None:
        """Stops the processes and deletes a temporary stack's state, unless `keep`."""
        self.stop()
        if not keep and self.state.is_relative_to(STATE / "runs"):
            shutil.rmtree(self.state, ignore_errors=True)

    def start(self, *, detached: bool = False) -> None:
        """Starts the processes and waits until they answer."""
        with self.console.step("start the token issuer") as step:
            arguments = ["serve", "--state", str(self.state / "issuer")]
            self._child("tools.devstack.issuer", arguments, "issuer.log", step, detached)
        with self.console.step("start the local AWS") as step:
            port = str(free_port())
            arguments = ["--port", port, "--log", str(self.state / "aws.log")]
            if self.session_seconds is not None:
                arguments += ["--session-seconds", str(self.session_seconds)]
            if self._record_judgements:
                arguments += ["--judgements", str(self.judgements)]
            if self._record_invocations:
                arguments += ["--invocations", str(self.invocations)]
            if not self._fair_queues:
                arguments += ["--no-fair-queues"]
            self.endpoint = self._child("bulkhead_emulator", arguments, "emulator.log", step, detached)
            self._functions_endpoint = self.endpoint
        if self._faults_admin is not None:
            with self.console.step("start the fault proxy") as step:
                port, admin = str(free_port()), str(free_port())
                arguments = ["--port", port, "--admin-port", admin, "--target", self.endpoint]
                started = self._child("tools.faultproxy", arguments, "faults.log", step, detached)
                self._functions_endpoint, self._faults_admin = started, f"http://127.0.0.1:{admin}"
        self.record()

    def _child(self, module: str, arguments: list[str], log: str, step: Step, detached: bool) -> str:
        child = Child(module, arguments, self.state / log, detached=detached)
        self._children.append(child)
        self._recorded.append({"module": module, "pid": child.known.pid, "born": child.known.born})
        return child.ready(_READY_SECONDS, step.note)

    def stop(self) -> None:
        """Stops the processes that this object started, newest first. An attached stack stops none."""
        while self._children:
            self._children.pop().stop()

    def record(self) -> None:
        """Records the running processes for `status`, `down`, `mint` and `attach`."""
        record = {
            "endpoint": self.endpoint,
            "functions_endpoint": self._functions_endpoint,
            "faults_admin": self._faults_admin,
            "session_seconds": self.session_seconds,
            "outputs": self.outputs,
            "silos": self.silos,
            "parameters": self._parameters,
            "processes": self._recorded,
        }
        (self.state / "stack.json").write_text(json.dumps(record, indent=2) + "\n")

    # ── deployment ──────────────────────────────────────────────────────────

    def deploy(self, **changed: str) -> None:
        """Deploys `template.yaml` with the SAM CLI, as to AWS. `changed` are parameters of an update."""
        self._require_build()
        self._parameters = {**self._parameters, **changed}
        self.outputs = self._sam_deploy("sam deploy", "local", STACK_NAME, _HASTE | self._parameters)
        self.record()

    def deploy_silo(self, name: str, tenant: str) -> None:
        """Deploys `infra/silo.yaml`, a separate stack for one tenant."""
        shared = ("RegistryTable", "RegistryTableArn", "RunsTable", "RunsTableArn")
        roles = ("RoleClaim",) if "RoleClaim" in self.outputs else ()
        given = (*shared, *(_OF_THE_ISSUER if self._cognito else ()), *roles)
        parameters = {each: self.outputs[each] for each in given}
        stack = f"{STACK_NAME}-{name}-{tenant}"
        step = f"sam deploy the silo {name}"
        self.silos[name] = self._sam_deploy(step, "local-silo", stack, parameters)
        self.record()

    def _sam_deploy(self, title: str, environment: str, name: str, parameters: dict[str, str]) -> dict[str, str]:
        overrides = {
            "Endpoint": self._functions_endpoint,
            **({} if self._cognito else self._own_issuer()),
            **_QUICK,
            **parameters,
        }
        log, given = self.state / f"deploy-{name}.log", self.state / f"deploy-{name}.yaml"
        # A file, because a catalogue of models is JSON. JSON is YAML.
        given.write_text(json.dumps(overrides, indent=2))
        command = [
            str(Path(sys.executable).parent / "sam"),
            "deploy",
            "--config-env",
            environment,
            "--stack-name",
            name,
            "--no-fail-on-empty-changeset",
            "--parameter-overrides",
            f"file://{given}",
        ]
        with self.console.step(title) as step:
            status = run_logged(command, self._sam_environment(), log, _DEPLOY_SECONDS, step.note, _deployed, self.root)
            if status != 0:
                raise StackError(
                    f"`sam deploy` failed with status {status}.\n{tail(log, 40)}\n"
                    f"  Full log: {log}\n  Log of the local AWS: {self.state / 'aws.log'}"
                )
            return self._read_outputs(name)

    def _own_issuer(self) -> dict[str, str]:
        issuer = json.loads((self.state / "issuer" / "issuer.json").read_text())
        return {
            "Issuer": issuer["url"],
            "Audience": issuer["audience"],
            "JwksUrl": issuer["jwks_url"],
            "RoleClaim": "role",
        }

    def _require_build(self) -> None:
        """Fails early if the template or the built functions are missing."""
        if not (self.root / "template.yaml").exists():
            raise StackError(f"there is no template.yaml in {self.root}")
        if not list((self.root / "target" / "lambda").glob("*/bootstrap")):
            raise StackError("the functions are not built yet: run `make build` first")

    def _sam_environment(self) -> dict[str, str]:
        """Returns the environment of `sam`: no real account, no telemetry, no files in the user's home."""
        environment = dict(os.environ)
        only_local_aws(environment, self.endpoint)
        home = self.state / "home"
        settings = home / ".aws-sam" / "metadata.json"
        settings.parent.mkdir(parents=True, exist_ok=True)
        # The version of the SAM CLI is pinned, so it must not ask PyPI for a newer one.
        settings.write_text(json.dumps({"telemetryEnabled": False, "lastVersionCheck": time.time()}))
        environment.update(
            HOME=str(home),
            SAM_CLI_TELEMETRY="0",
            SAM_CLI_POLL_DELAY="0.3",
            PYTHONWARNINGS="ignore",
        )
        return environment

    def _read_outputs(self, name: str) -> dict[str, str]:
        stacks = self.account.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
        outputs = {each["OutputKey"]: each["OutputValue"] for each in stacks[0].get("Outputs", [])}
        if not outputs:
            raise StackError(f"stack {name} is {stacks[0]['StackStatus']} and has no outputs")
        return outputs

    # ── access ──────────────────────────────────────────────────────────────

    @property
    def account(self) -> Account:
        """The account's root user. Cached, because creating a client takes longer than a call."""
        if self._account is None or self._account.endpoint != self.endpoint:
            self._account = Account(self.endpoint)
        return self._account

    @property
    def faults(self) -> Faults:
        """The fault proxy of a stack started with `faults=True`."""
        if not self._faults_admin:
            raise StackError("this stack has no fault proxy: start it with `faults=True`")
        return Faults(self._faults_admin)

    def pid(self, module: str) -> int:
        """Returns the process id of a module, for example `pid("bulkhead_emulator")`."""
        return next(each["pid"] for each in self._recorded if each["module"] == module)

    @property
    def judgements(self) -> Path:
        """The file with the decisions of IAM, if the stack records them."""
        return self.state / "judgements.jsonl"

    @property
    def invocations(self) -> Path:
        """The file with the functions' invocations, if the stack records them."""
        return self.state / "invocations.jsonl"

    @property
    def issuer(self) -> Issuer:
        return Issuer.of(self.state / "issuer")

    def tier(self, name: str) -> dict[str, str]:
        """Returns the stack outputs of a tier or a silo, without the prefix in their names."""
        if name in self.silos:
            prefix, outputs = "Silo", self.silos[name]
        else:
            prefix, outputs = name.capitalize(), self.outputs
        found = {key.removeprefix(prefix): value for key, value in outputs.items() if key.startswith(prefix)}
        if not found:
            raise StackError(f"no tier or silo `{name}` is deployed")
        return found

    def address(self, tier: str) -> str:
        """Returns the URL of a tier's API."""
        outputs = self.tier(tier)
        return f"{self.endpoint}/restapis/{outputs['ApiId']}/{outputs['StageName']}/_user_request_"

    @property
    def base(self) -> str:
        """The URL of the basic tier's API."""
        return self.address("basic")

    def api(self, tenant: Tenant | None = None, token: str | None = None, role: str = "admin") -> Api:
        """Returns the API with the tenant's token and `role`; without a tenant, the basic tier's API with `token`."""
        if tenant:
            return Api(self.address(tenant.tier), self.issuer.mint(tenant.id, tenant.tier, role=role))
        return Api(self.base, token)

    def control(self, action: str, *, tier: str = "basic", **arguments: Any) -> dict[str, Any]:
        """Invokes a tier's control function. An error answer is returned, not raised."""
        payload = {"action": action, **arguments}
        return self.account.invoke(self.tier(tier)["ControlFunction"], payload)

    def onboard(self, name: str, *, tier: str = "basic", **more: Any) -> Tenant:
        """Onboards a tenant to a tier."""
        answer = self.control("onboard", tier=tier, display_name=name, **more)
        if "error" in answer:
            raise StackError(f"onboarding `{name}` was refused: {answer['error']}")
        return Tenant(answer["tenant"], name, answer["index"], answer["vector_bucket"], answer["key_arn"], tier)

    def messages(self, queue: str = "BasicQueueUrl") -> int:
        """Returns the number of messages on a queue, those in flight included. `queue` names a stack output."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.account.client("sqs").get_queue_attributes(QueueUrl=self.outputs[queue], AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)

    def log_lines(self, group: str | None = None, since: float = 0.0) -> Iterator[tuple[str, str]]:
        """Returns pairs of log group and line. `since` is in seconds since the epoch; `group` limits the search."""
        logs = self.account.client("logs")
        known = logs.get_paginator("describe_log_groups").paginate()
        names = [group] if group else [each["logGroupName"] for page in known for each in page["logGroups"]]
        for name in names:
            for page in logs.get_paginator("filter_log_events").paginate(
                logGroupName=name, startTime=int(since * 1000)
            ):
                for event in page["events"]:
                    yield name, event["message"]

    def sweep(self, tier: str = "basic") -> dict[str, Any]:
        """Runs a sweep of the scheduler now. Returns an empty report if all its environments are busy."""
        try:
            return self.account.invoke(self.tier(tier)["SchedulerFunction"], {"action": "sweep"})
        except ClientError as error:
            if error_code(error) != "TooManyRequestsException":
                raise
            return {}

    def operator(self, tier: str = "basic", **more: Any) -> Account:
        """Returns a session of the operator's role, which may call the control function and nothing else."""
        return self.account.assume(self.tier(tier)["OperatorRole"], "operator", **more)

    def session(self, tenant: Tenant) -> Account:
        """Returns the tenant's session as an operator gets it: from the control function, for a recorded run."""
        run = {"operator": "tests", "command": ["python"], "sandboxed": False}
        answer = self.control("begin_run", tier=tenant.tier, tenant=tenant.id, **run)
        if "error" in answer:
            raise StackError(f"no session of `{tenant.name}`: {answer['error']}")
        found = answer["credentials"]
        return Account(
            self.endpoint,
            Credentials(found["access_key_id"], found["secret_access_key"], found["session_token"]),
        )

    def role_of(self, function: str, tier: str = "basic") -> Account:
        """Returns a session of a function's role, as code inside the function has it.

        Only Lambda may assume such a role, so the account's administrator lets root do it for a moment.
        """
        iam = self.account.client("iam")
        arn = self.account.client("lambda").get_function_configuration(FunctionName=self.tier(tier)[function])["Role"]
        name = arn.rsplit("/", 1)[-1]
        trust = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
        trust = json.loads(trust) if isinstance(trust, str) else trust
        root = {
            "Effect": "Allow",
            "Principal": {"AWS": arn.replace(f"role/{name}", "root")},
            "Action": "sts:AssumeRole",
        }
        opened = {**trust, "Statement": [*trust["Statement"], root]}
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(opened))
        try:
            return self.account.assume(arn, "inside")
        finally:
            iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust))


def _deployed(log: str) -> str:
    """Returns the progress of `sam deploy`, read from its output so far."""
    if done := len(_RESOURCE_DONE.findall(log)):
        return f"{done} resources ready"
    if "Waiting for changeset" in log or "CloudFormation stack changeset" in log:
        return "creating resources"
    return "uploading the functions"


def running(state: Path) -> list[tuple[str, Known]]:
    """Returns the recorded processes of a state folder that are still alive."""
    file = state / "stack.json"
    if not file.exists():
        return []
    recorded = json.loads(file.read_text())["processes"]
    known = [(each["module"], Known(each["pid"], each["born"])) for each in recorded]
    return [(module, process) for module, process in known if process.alive()]
