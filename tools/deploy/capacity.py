"""Adds up the concurrency that the templates reserve and checks that their numbers fit together.

    python -m tools.deploy.capacity [Name=Value …] [--silos N] [--limit N]

`Name=Value` sets a parameter of `template.yaml` and of `infra/silo.yaml`, as for `sam deploy`. With an
`Issuer` there is no user pool and no sign-in function. `--silos` adds silos with the numbers of
`infra/silo.yaml`. `--limit` is the account's concurrency limit.

The sums:

- A function's reservation R always counts against the account's limit. Lambda keeps at least 100 for
  functions without a reservation, so the account needs the sum of all reservations plus 100.
  https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
- In tenant isolation mode a function has at most 2,500 environments, idle ones included, per 1,000
  executions: 2.5 R.
  https://docs.aws.amazon.com/lambda/latest/dg/tenant-isolation.html

The rules, whose violation would show only under load:

- *Workers*: the dispatcher starts one worker per job of a batch, and each worker starts one extraction. Each
  of these functions needs a reservation of batch size times concurrent batches. With fewer, jobs wait for a
  worker although they were already received.
- *Batches*: a queue reads at least 2 batches at a time; it ignores the function's reservation. Messages beyond
  the reservation are received, rejected and counted towards the dead-letter queue.
  https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
- *In flight*: a tenant's limit of calls in flight must fit into each function that counts them. In a pooled
  tier it must be smaller than the reservation, so that one tenant cannot fill a shared function.
- *Burst*: calls are counted when an environment runs, not while it starts. After a pause every call of a
  tenant meets a cold start. `TenantBurst` calls, plus the calls that `TenantRate` adds during a start, occupy
  a function of a pooled tier before the first call ends. The tool assumes 0.4 s per start; this was not
  measured on AWS.
- *Intake*: the events of stored objects of all tenants share one queue that is not fair. A tenant that adds
  documents at `TenantRate` must leave half of `intake` to the others. The tool assumes 0.05 s per event.
- *Method*: the stage limits each method of the API for all callers together. A flood over one method must leave
  half of the authorizer to the other methods: Lambda serves at most ten requests per second per execution. A
  tenant within its quota must leave half of a method's limit to the others.
  https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from samcli.yamlhelper import yaml_parse

from tools.devstack.console import Console
from tools.devstack.process import ROOT

STAGE, SILO = "template.yaml", "infra/silo.yaml"
UNRESERVED = 100
COLD_START_MS = 400
_FORWARD_MS = 50
_FEWEST_BATCHES = 2
_REQUESTS_PER_EXECUTION = 10
_SERVICE_QUOTA = "L-B99A9384"
_SUMMARY = "Adds up the concurrency that the templates reserve and checks that their numbers fit together."
_APPLICATION, _FUNCTION = "AWS::Serverless::Application", "AWS::Serverless::Function"
_API, _LIMITS = "AWS::Serverless::Api", ("ThrottlingRateLimit", "ThrottlingBurstLimit")
# The variables of a function that counts the calls of each tenant.
_QUOTAS = ("TENANT_IN_FLIGHT", "TENANT_RATE", "TENANT_BURST")

Load = Callable[[str], dict[str, Any]]


class UsageError(Exception):
    """An argument names something that does not exist; the message says what exists."""


@dataclass(frozen=True)
class Setting:
    """A value and the name of the parameter or property that sets it."""

    value: Any
    name: str

    @property
    def number(self) -> int:
        try:
            return int(self.value)
        except (TypeError, ValueError):
            raise UsageError(f"{self.name} must be a whole number, not `{self.value}`") from None

    def __str__(self) -> str:
        return f"{self.name} ({self.value})"


@dataclass(frozen=True)
class Function:
    """The numbers of one function of one stack."""

    name: str
    reserved: Setting | None
    isolated: bool
    # A tenant's limits in flight, rate and burst; empty if the function does not count them.
    quotas: tuple[Setting, ...]
    batch: Setting | None
    batches: Setting | None
    # The logical ids in its environment variables; the functions among them are the ones it calls.
    refers: frozenset[str]

    @property
    def environments(self) -> int | None:
        """The maximum number of tenants' environments, idle ones included."""
        return self.reserved.number * 5 // 2 if self.isolated and self.reserved else None


@dataclass(frozen=True)
class Stack:
    """The functions of one stack by logical id, and the number of such stacks."""

    name: str
    pooled: bool
    count: int
    functions: dict[str, Function]
    # The API's limits of one method for all callers: calls per second, and at once.
    method: tuple[Setting, ...]

    @property
    def reservations(self) -> list[Setting]:
        return [each.reserved for each in self.functions.values() if each.reserved]

    @property
    def reserved(self) -> int:
        return sum(each.number for each in self.reservations)


@cache
def read(file: str) -> dict[str, Any]:
    """Reads a template. The result is cached, so callers must not change it."""
    return yaml_parse((ROOT / file).read_text())


class _Template:
    """One template with values for its parameters; resolves references and conditions."""

    def __init__(self, body: dict[str, Any], file: str, given: dict[str, Setting], root: bool) -> None:
        self.body, self.file = body, file
        self._parameters = {
            name: given.get(name) or Setting(declared.get("Default"), name if root else f"{name} in {file}")
            for name, declared in body.get("Parameters", {}).items()
        }

    def resources(self, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Returns the resources whose condition holds, with the properties from `Globals`."""
        shared = self.body.get("Globals", {}).get("Function", {}) if kind == _FUNCTION else {}
        for name, resource in self.body.get("Resources", {}).items():
            if resource["Type"] == kind and self._holds(resource.get("Condition")):
                yield name, {**shared, **resource.get("Properties", {})}

    def setting(self, written: Any, label: str) -> Setting | None:
        """Resolves a property. `label` names the property if no parameter sets it."""
        match written:
            case None | {"Ref": "AWS::NoValue"}:
                return None
            case {"Ref": str(name)} if name in self._parameters:
                return self._parameters[name]
            case {"Fn::If": [condition, if_true, if_false]}:
                return self.setting(if_true if self._holds(condition) else if_false, label)
        return Setting(written, f"{label} in {self.file}")

    def _holds(self, condition: Any) -> bool:
        match condition:
            case None:
                return True
            case str(name) | {"Condition": name}:
                return self._holds(self.body["Conditions"][name])
            case {"Fn::Not": [inner]}:
                return not self._holds(inner)
            case {"Fn::And": inner}:
                return all(map(self._holds, inner))
            case {"Fn::Or": inner}:
                return any(map(self._holds, inner))
            case {"Fn::Equals": [left, right]}:
                return self._value(left) == self._value(right)
        raise UsageError(f"{self.file}: unsupported condition: {condition}")

    def _value(self, written: Any) -> Any:
        setting = self.setting(written, "")
        # CloudFormation compares texts. An output of another stack is a dict here and equals no text.
        return str(setting.value) if setting and not isinstance(setting.value, dict) else setting


def _stacks(
    load: Load, file: str, given: dict[str, Setting], *, pooled: bool, count: int = 1, name: str = ""
) -> Iterator[Stack]:
    """Returns every stack with functions that a template creates. A nested stack has a name."""
    template = _Template(load(file), file, given, root=not name)
    found = {each: _function(template, each, written) for each, written in template.resources(_FUNCTION)}
    if found:
        yield Stack(name or file, pooled, count, found, _method_limits(template))
    for logical, properties in template.resources(_APPLICATION):
        handed = {
            parameter: setting
            for parameter, written in properties.get("Parameters", {}).items()
            if (setting := template.setting(written, parameter))
        }
        nested = (Path(file).parent / properties["Location"]).as_posix()
        yield from _stacks(load, nested, handed, pooled=pooled, count=count, name=logical.lower())


def _function(template: _Template, logical: str, written: dict[str, Any]) -> Function:
    def setting(properties: dict[str, Any], name: str) -> Setting | None:
        return template.setting(properties.get(name), f"{name} of {logical}")

    variables = written.get("Environment", {}).get("Variables", {})
    quotas = [setting(variables, name) for name in _QUOTAS]
    events = written.get("Events", {}).values()
    queue: dict[str, Any] = next((each["Properties"] for each in events if each["Type"] == "SQS"), {})
    mode = setting(written, "TenancyConfig")
    return Function(
        name=Path(written["CodeUri"]).name,
        reserved=setting(written, "ReservedConcurrentExecutions"),
        isolated=mode is not None and mode.value["TenantIsolationMode"] == "PER_TENANT",
        quotas=tuple(each for each in quotas if each) if all(quotas) else (),
        batch=setting(queue, "BatchSize"),
        batches=setting(queue.get("ScalingConfig", {}), "MaximumConcurrency"),
        refers=frozenset(name for each in variables.values() if (name := _referred(each))),
    )


def _method_limits(template: _Template) -> tuple[Setting, ...]:
    settings = [each for _, api in template.resources(_API) for each in api.get("MethodSettings", [])]
    limits = [template.setting(each.get(limit), limit) for each in settings for limit in _LIMITS]
    return tuple(each for each in limits if each)


def _referred(written: Any) -> str | None:
    return written.get("Ref") if isinstance(written, dict) else None


# === Rules ===


def complaints(stack: Stack) -> Iterator[str]:
    """Returns the violated rules of a stack, each with a value that satisfies the rule."""
    for rule in (_workers, _batches, _in_flight, _burst, _intake, _method):
        for complaint in rule(stack):
            yield f"{stack.name}: {complaint}"


def _workers(stack: Stack) -> Iterator[str]:
    for function in stack.functions.values():
        if not (function.batch and function.batches):
            continue
        jobs = function.batch.number * function.batches.number
        for worker in _called(stack, function):
            if worker.reserved and worker.reserved.number < jobs:
                yield (
                    f"{worker.reserved} is too little for {jobs} jobs at a time, {function.batch} times "
                    f"{function.batches}; {worker.reserved.name}={jobs} would do"
                )


def _called(stack: Stack, function: Function) -> Iterator[Function]:
    """Returns the functions that a function calls, directly or through others."""
    waiting, seen = [function], set[str]()
    while waiting:
        for each in sorted(waiting.pop().refers - seen):
            seen.add(each)
            if each in stack.functions:
                waiting.append(stack.functions[each])
                yield stack.functions[each]


def _batches(stack: Stack) -> Iterator[str]:
    for function in stack.functions.values():
        batches, reserved = function.batches, function.reserved
        if batches and batches.number < _FEWEST_BATCHES:
            yield (
                f"{batches} is too little for {function.name}: a queue reads at least {_FEWEST_BATCHES} "
                f"batches at a time; {batches.name}={_FEWEST_BATCHES} would do"
            )
        if batches and reserved and batches.number > reserved.number:
            yield (f"{batches} is more than {function.name} has: {reserved}; {batches.name}={reserved.number} would do")


def _in_flight(stack: Stack) -> Iterator[str]:
    for function in stack.functions.values():
        if not (function.quotas and function.reserved):
            continue
        in_flight, reserved = function.quotas[0], function.reserved
        maximum = reserved.number - 1 if stack.pooled else reserved.number
        if in_flight.number > maximum:
            yield (
                f"{in_flight} lets one tenant fill {function.name}: {reserved}; "
                f"{_remedy(in_flight.name, maximum, reserved.name, reserved.number + in_flight.number - maximum)}"
            )


def _burst(stack: Stack) -> Iterator[str]:
    for function in stack.functions.values():
        if not (stack.pooled and function.quotas and function.reserved):
            continue
        _, rate, burst = function.quotas
        reserved = function.reserved
        # A call at the end of the start time meets the first call already finished.
        added = -(-rate.number * COLD_START_MS // 1000) - 1
        at_once = burst.number + added
        if at_once >= reserved.number:
            yield (
                f"{burst} and {rate} let one tenant fill {function.name} with {at_once} starts: {reserved}; "
                f"{_remedy(burst.name, reserved.number - 1 - added, reserved.name, at_once + 1)}"
            )


def _intake(stack: Stack) -> Iterator[str]:
    intake = next((each for each in stack.functions.values() if each.name == "intake"), None)
    rates = {each.quotas[1] for each in stack.functions.values() if each.quotas}
    if not (stack.pooled and intake and intake.reserved):
        return
    for rate in sorted(rates, key=str):
        busy = -(-rate.number * _FORWARD_MS // 1000)
        if 2 * busy > intake.reserved.number:
            maximum = intake.reserved.number // 2 * 1000 // _FORWARD_MS
            yield (
                f"{rate} lets one tenant fill more than half of intake: {intake.reserved}; "
                f"{_remedy(rate.name, maximum, intake.reserved.name, 2 * busy)}"
            )


def _method(stack: Stack) -> Iterator[str]:
    authorizer = next((each for each in stack.functions.values() if each.name == "authorizer"), None)
    if not stack.method:
        return
    rate, _ = stack.method
    if authorizer and authorizer.reserved:
        served = authorizer.reserved.number * _REQUESTS_PER_EXECUTION
        if 2 * rate.number > served:
            yield (
                f"{rate} lets a flood over one method fill more than half of the authorizer: {authorizer.reserved}; "
                f"{_remedy(rate.name, served // 2, authorizer.reserved.name, -(-2 * rate.number // _REQUESTS_PER_EXECUTION))}"
            )
    quotas = {each.quotas[1:] for each in stack.functions.values() if each.quotas}
    for quota, limit in sorted({pair for each in quotas for pair in zip(each, stack.method, strict=True)}, key=str):
        shares = 2 if stack.pooled else 1
        if limit.number < shares * quota.number:
            yield (
                f"{limit} is too little for {quota} of one tenant; "
                f"{_remedy(quota.name, limit.number // shares, limit.name, shares * quota.number)}"
            )


def _remedy(lower: str, maximum: int, higher: str, minimum: int) -> str:
    """Suggests to lower one value, if the lower value is at least 1, or to raise the other."""
    raised = f"{higher}={minimum} would do"
    return f"{lower}={maximum} or {raised}" if maximum >= 1 else raised


# === Command line ===


def plan(load: Load, overrides: dict[str, str], silos: int) -> list[Stack]:
    """Returns the stacks of a stage and of its silos."""
    declared = {file: load(file)["Parameters"] for file in (STAGE, SILO)}
    for name in overrides:
        if not any(name in parameters for parameters in declared.values()):
            raise UsageError(f"neither {STAGE} nor {SILO} has a parameter {name}; docs/deploy.md lists them")
    given = {name: Setting(value, name) for name, value in overrides.items()}
    return [
        *_stacks(load, STAGE, given, pooled=True),
        *_stacks(load, SILO, given, pooled=False, count=silos),
    ]


def needed(planned: Iterable[Stack]) -> int:
    """Returns the smallest sufficient limit of the account."""
    return sum(each.reserved * each.count for each in planned) + UNRESERVED


def _show(console: Console, planned: list[Stack]) -> None:
    console.line(f"  {'':<18} {'reserved':>10} {'tenant environments':>22}")
    for stack in planned:
        times = "" if stack.count == 1 else f" × {stack.count}"
        console.line(console.paint(f"  {stack.name}{times}", "bold"))
        for each in stack.functions.values():
            reserved = each.reserved.number if each.reserved else "unreserved"
            console.line(f"    {each.name:<16} {reserved:>10} {each.environments or '':>22}".rstrip())
        console.line(f"    {'total' if stack.count == 1 else 'each':<16} {stack.reserved:>10}")
    console.line()
    for stack in planned:
        console.line(f"  {stack.name:<18} {stack.reserved * stack.count:>10}")
    console.line(f"  {'left unreserved':<18} {UNRESERVED:>10}")
    console.line(f"  {'the account needs':<18} {needed(planned):>10}   ConcurrentExecutions ({_SERVICE_QUOTA})")
    console.line()


def _too_little(planned: list[Stack], limit: int) -> str:
    """Says how to fix a limit that is too small."""
    need = needed(planned)
    lacking = need - limit
    advice = (
        f"a limit of {limit} is {lacking} too little. Before you deploy, ask for more:\n"
        f"        aws service-quotas request-service-quota-increase --service-code lambda "
        f"--quota-code {_SERVICE_QUOTA} --desired-value {need}"
    )
    # Every reservation is at least 1.
    smallest = UNRESERVED + sum(len(stack.reservations) * stack.count for stack in planned)
    if limit < smallest:
        return (
            f"{advice}\n      Smaller reservations do not help: {UNRESERVED} must stay unreserved, and "
            f"{smallest - UNRESERVED} functions need at least 1 each"
        )
    reservations = [each for stack in planned if stack.count for each in stack.reservations]
    largest = sorted(reservations, key=lambda each: each.number, reverse=True)[:6]
    return f"{advice}\n      or take {lacking} off the reservations; the largest: {', '.join(map(str, largest))}"


def _override(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not (name and separator):
        raise argparse.ArgumentTypeError(f"`{text}` is not of the form Name=Value")
    return name, value


def main(arguments: list[str] | None = None, load: Load = read, console: Console | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.deploy.capacity", description=_SUMMARY)
    parser.add_argument("overrides", nargs="*", type=_override, metavar="Name=Value")
    parser.add_argument("--silos", type=int, default=0, metavar="N", help="number of silos (default: 0)")
    parser.add_argument("--limit", type=int, metavar="N", help="ConcurrentExecutions of the account")
    given = parser.parse_intermixed_args(arguments)
    console = console or Console()
    try:
        planned = plan(load, dict(given.overrides), given.silos)
        need = needed(planned)
        wrong = [each for stack in planned for each in complaints(stack)]
    except UsageError as error:
        console.line(str(error))
        return 2
    _show(console, planned)
    if given.limit is not None and given.limit < need:
        wrong.append(_too_little(planned, given.limit))
    for complaint in wrong:
        console.line(f"  {console.paint('no', 'red')}  {complaint}")
    if not wrong:
        spare = "" if given.limit is None else f"; of {given.limit}, {given.limit - need} are left"
        console.line(f"  {console.paint('ok', 'green')}  the numbers fit together{spare}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
