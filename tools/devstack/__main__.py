"""`python -m tools.devstack …`: a stack that stays up, for trying the API by hand."""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import sys
import uuid
from pathlib import Path

from .console import Console
from .process import StackError
from .stack import STATE, LocalStack, running

UP = STATE / "up"
_FIRST_TENANT = "Demo tenant"
_TEMPLATE = 'Answer briefly and from the passages only. Begin every answer with "From our handbook:".'
_DOCUMENT = "The reading room is open on weekdays from 9:00 to 17:30. On Saturdays it closes at noon."


def up(console: Console) -> int:
    """Start, deploy, onboard one tenant, and print lines that work as pasted."""
    if running(UP):
        console.line("  It runs already; `make down` ends it, `python -m tools.devstack deploy` updates it.")
        return status(console)
    # A new emulator is empty, so yesterday's logs only mislead; the issuer's keys stay, so that
    # a token in somebody's shell keeps its signature.
    for stale in UP.glob("*.log"):
        stale.unlink()
    UP.mkdir(parents=True, exist_ok=True)
    stack = LocalStack(UP, console)
    try:
        stack.open(detached=True)
        with console.step("onboard a first tenant"):
            tenant = stack.onboard(_FIRST_TENANT)
    except BaseException:
        stack.stop()
        raise
    (UP / "tenant").write_text(tenant.id + "\n")
    hints(console, stack, tenant.id)
    return 0


def down(console: Console) -> int:
    """End what `up` started."""
    processes = running(UP)
    if not processes:
        console.line("  Nothing of `make up` is running.")
        return 0
    for module, process in reversed(processes):
        with console.step(f"stop {module} (process {process.pid})"):
            process.stop()
    shutil.rmtree(UP / "home", ignore_errors=True)
    return 0


def status(console: Console) -> int:
    """Say what runs, and the lines to try."""
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
    """Deploy the template again onto the stack that is up."""
    if not running(UP):
        raise StackError("nothing runs to deploy to: `make up` starts and deploys")
    LocalStack.attach(UP, console).deploy()
    return 0


def onboard(console: Console, name: str, tier: str) -> int:
    """One more tenant on the stack that is up."""
    if not running(UP):
        raise StackError("nothing runs to onboard to: `make up` first")
    stack = LocalStack.attach(UP, console)
    tenant = stack.onboard(name, tier=tier)
    console.line(tenant.id)
    if tier != "basic":
        console.line(f"  its API: {stack.address(tier)}")
    return 0


def silo(console: Console, name: str) -> int:
    """A tenant with a stack of its own, beside the one that is up."""
    if not running(UP):
        raise StackError("nothing runs to put a silo beside: `make up` first")
    stack = LocalStack.attach(UP, console)
    if name in stack.silos:
        raise StackError(f"there is a silo {name} already; it has one tenant for good")
    stack.deploy_silo(name, uuid.uuid4().hex)
    return onboard(console, name.capitalize(), name)


def hints(console: Console, stack: LocalStack, tenant: str) -> None:
    """Ready-to-paste lines: token, template, document, question."""
    python = shlex.quote(_shown(Path(sys.executable)))
    json_type = "-H 'Content-Type: application/json'"
    call = f'curl -sSw "\\n" -H "Authorization: Bearer $TOKEN" {json_type}'
    console.heading("Try it (paste as it is, from this folder)")
    lines = (
        f"export API={stack.base}",
        f"export TOKEN=$({python} -m tools.devstack.issuer mint --tenant {tenant})",
        f'{call} -X PUT "$API/v1/templates/default_summary" -d {_json(body=_TEMPLATE)}',
        f'{call} "$API/v1/documents" -d ' + _json(title="House rules", content_type="text/plain", content=_DOCUMENT),
        f'{call} "$API/v1/documents"    # until its status is "ready"',
        f'{call} "$API/v1/inference" -d '
        + _json(template="default_summary", question="When does the reading room close on Saturdays?"),
    )
    for line in lines:
        console.line(f"  {line}")
    console.heading("Another tenant, and its token")
    console.line(f'  {python} -m tools.devstack onboard "Second tenant"')
    console.line(f"  {python} -m tools.devstack.issuer mint --tenant <the id it printed>")
    console.heading("The premium tier, and a tenant with a stack of its own")
    console.line(f'  {python} -m tools.devstack onboard "Third tenant" --tier premium')
    console.line(f"  {python} -m tools.devstack silo acme")
    console.line(f"  {python} -m tools.devstack.issuer mint --tenant <id> --tier premium     # or: --tier acme")
    console.line()
    console.line("  `make down` ends it.")


def _json(**members: str) -> str:
    return shlex.quote(json.dumps(members))


def _shown(path: Path) -> str:
    """A path as typed from the project's folder."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.devstack", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="start, deploy, onboard a tenant, print lines to try")
    commands.add_parser("down", help="end what `up` started")
    commands.add_parser("status", help="what runs, and the lines to try")
    commands.add_parser("deploy", help="deploy again onto the stack that is up")
    newcomer = commands.add_parser("onboard", help="one more tenant")
    newcomer.add_argument("name")
    newcomer.add_argument("--tier", default="basic", help="basic (default), premium, or a silo's name")
    commands.add_parser("silo", help="one more tenant, with a stack of its own").add_argument("name")
    options = parser.parse_args(arguments)
    console = Console()
    try:
        match options.command:
            case "up":
                return up(console)
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
