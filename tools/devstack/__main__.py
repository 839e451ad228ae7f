"""Runs a local stack in the background, to try the API by hand: `python -m tools.devstack up`."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import sys
import uuid
from pathlib import Path

from .console import Console
from .models import Endpoint
from .process import StackError
from .stack import STATE, LocalStack, running

UP = STATE / "up"
_FIRST_TENANT = "Demo tenant"
_TEMPLATE = 'Answer briefly and from the passages only. Begin every answer with "From our handbook:".'
_DOCUMENT = "The reading room is open on weekdays from 9:00 to 17:30. On Saturdays it closes at noon."


def up(console: Console, endpoint: Endpoint | None = None) -> int:
    """Starts and deploys a stack, onboards one tenant and prints commands to paste.

    `endpoint`: the stack answers with the model there.
    """
    if running(UP):
        console.line("  Already running. `make down` stops it; `python -m tools.devstack deploy` updates it.")
        return status(console)
    # A new emulator is empty, so the logs of an earlier run mislead. The issuer's keys stay, so that a
    # token in a developer's shell stays valid.
    for stale in UP.glob("*.log"):
        stale.unlink()
    UP.mkdir(parents=True, exist_ok=True)
    stack = LocalStack(UP, console)
    try:
        stack.start(detached=True)
        stack.deploy(**(endpoint.parameters(stack.account) if endpoint else {}))
        with console.step("onboard a first tenant"):
            tenant = stack.onboard(_FIRST_TENANT, **(endpoint.onboarding() if endpoint else {}))
    except BaseException:
        stack.stop()
        raise
    (UP / "tenant").write_text(tenant.id + "\n")
    hints(console, stack, tenant.id)
    return 0


def down(console: Console) -> int:
    """Stops the processes that `up` started."""
    processes = running(UP)
    if not processes:
        console.line("  Not running.")
        return 0
    for module, process in reversed(processes):
        with console.step(f"stop {module} (process {process.pid})"):
            process.stop()
    shutil.rmtree(UP / "home", ignore_errors=True)
    return 0


def status(console: Console) -> int:
    """Prints the running processes and the commands to try."""
    processes = running(UP)
    if not processes:
        console.line("  Not running. `make up` starts it.")
        return 1
    for module, process in processes:
        console.line(f"  {module:<16} process {process.pid}")
    stack = LocalStack.attach(UP, console)
    console.line(f"  local AWS        {stack.endpoint}")
    console.line(f"  logs             {UP}")
    tenant = UP / "tenant"
    if stack.outputs and tenant.exists():
        hints(console, stack, tenant.read_text().strip())
    return 0


def deploy(console: Console) -> int:
    """Deploys `template.yaml` again to the running stack."""
    if not running(UP):
        raise StackError("no stack is running: run `make up`, which also deploys")
    LocalStack.attach(UP, console).deploy()
    return 0


def onboard(console: Console, name: str, tier: str) -> int:
    """Onboards one more tenant to the running stack."""
    if not running(UP):
        raise StackError("no stack is running: run `make up` first")
    stack = LocalStack.attach(UP, console)
    tenant = stack.onboard(name, tier=tier)
    console.line(tenant.id)
    if tier != "basic":
        console.line(f"  API: {stack.address(tier)}")
    return 0


def silo(console: Console, name: str) -> int:
    """Deploys a silo, a stack for one tenant, and onboards the tenant."""
    if not running(UP):
        raise StackError("no stack is running: run `make up` first")
    stack = LocalStack.attach(UP, console)
    if name in stack.silos:
        raise StackError(f"silo `{name}` exists already: a silo has one tenant, choose another name")
    stack.deploy_silo(name, uuid.uuid4().hex)
    return onboard(console, name.capitalize(), name)


def hints(console: Console, stack: LocalStack, tenant: str) -> None:
    """Prints commands to paste: token, prompt template, document, question."""
    python = shlex.quote(_shown(Path(sys.executable)))
    json_type = "-H 'Content-Type: application/json'"
    call = f'curl -sSw "\\n" -H "Authorization: Bearer $TOKEN" {json_type}'
    console.heading("Try it (paste these lines in this folder)")
    lines = (
        f"export API={stack.base}",
        f"export TOKEN=$({python} -m tools.devstack.issuer mint --tenant {tenant})",
        f'{call} -X PUT "$API/v1/templates/default_summary" -d {_json(body=_TEMPLATE)}',
        f'{call} "$API/v1/documents" -d ' + _json(title="House rules", content_type="text/plain", content=_DOCUMENT),
        f'{call} "$API/v1/documents"    # repeat until the status is "ready"',
        f'{call} "$API/v1/inference" -d '
        + _json(template="default_summary", question="When does the reading room close on Saturdays?"),
    )
    for line in lines:
        console.line(f"  {line}")
    console.heading("Onboard a second tenant and mint its token")
    console.line(f'  {python} -m tools.devstack onboard "Second tenant"')
    console.line(f"  {python} -m tools.devstack.issuer mint --tenant <printed id>")
    console.heading("Use the premium tier, or a silo for one tenant")
    console.line(f'  {python} -m tools.devstack onboard "Third tenant" --tier premium')
    console.line(f"  {python} -m tools.devstack silo acme")
    console.line(f"  {python} -m tools.devstack.issuer mint --tenant <id> --tier premium     # or: --tier acme")
    console.line()
    console.line("  Stop the stack with `make down`.")


def _json(**members: str) -> str:
    return shlex.quote(json.dumps(members))


def _shown(path: Path) -> str:
    """Returns the path relative to the current folder if possible."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _endpoint(options: argparse.Namespace) -> Endpoint | None:
    """Returns the endpoint of the options. Its key is the environment variable `MODEL_KEY`: other users of the machine
    see the arguments of a process.
    """
    if not options.model_url:
        return None
    names = {"chat": options.model_name, "embedding": options.embedding}
    return Endpoint.find(options.model_url, key=os.environ.get("MODEL_KEY", ""), **names)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.devstack", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    starter = commands.add_parser("up", help="start and deploy a stack, onboard a tenant, print commands to try")
    starter.add_argument(
        "--model-url", default="", help="endpoint with OpenAI's interface, such as http://127.0.0.1:11434/v1"
    )
    starter.add_argument("--model-name", default="", help="model there (default: its first)")
    starter.add_argument("--embedding", default="", help="model there that embeds (default: the local AWS's)")
    commands.add_parser("down", help="stop the stack")
    commands.add_parser("status", help="print the running processes and the commands to try")
    commands.add_parser("deploy", help="deploy again to the running stack")
    newcomer = commands.add_parser("onboard", help="onboard one more tenant")
    newcomer.add_argument("name")
    newcomer.add_argument("--tier", default="basic", help="basic (default), premium or the name of a silo")
    commands.add_parser("silo", help="onboard one tenant to a separate stack").add_argument("name")
    options = parser.parse_args(arguments)
    console = Console()
    try:
        match options.command:
            case "up":
                return up(console, _endpoint(options))
            case "down":
                return down(console)
            case "status":
                return status(console)
            case "deploy":
                return deploy(console)
            case "silo":
                return silo(console, options.name)
            case _:
                return onboard(console, options.name, options.tier)
    except StackError as error:
        console.line(console.paint(f"  {error}", "red"))
        return 1
    except KeyboardInterrupt:
        console.line("  Interrupted.")
        return 130


if __name__ == "__main__":
    sys.exit(main())
