"""Prepares `sam local invoke` by hand, against the running stack of `make up`.

The templates of the project do not work there: `sam local` does not resolve outputs of nested stacks, and sets a
variable that a condition removes to an empty text. So this module writes a template with the functions as deployed,
the events with all placeholders filled in, and a profile with the credentials of each function's role.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.devstack.aws import REGION
from tools.devstack.poll import until
from tools.devstack.process import StackError
from tools.devstack.stack import LocalStack

from .events import load, names, signed_url, tenant_of
from .sam_local import template

if TYPE_CHECKING:
    from tools.harness.driver import Hosted

_CREDENTIALS, _TEMPLATE = "credentials", "template.json"
_INDEXING_SECONDS = 60.0


@dataclass(frozen=True)
class Prepared:
    """A sample event that is ready to send."""

    name: str
    function: str
    event: Any
    tenant: str | None

    @property
    def command(self) -> str:
        """The command line that sends the event, for the folder of the files."""
        tenant = f" --tenant-id {self.tenant}" if self.tenant else ""
        return f"sam local invoke {self.function.title()} --event {self.name}.json{tenant} --profile {self.function}"


def prepare(stack: LocalStack, endpoint: str) -> list[Prepared]:
    """Creates what the events refer to, and returns all events with their placeholders filled in.

    `endpoint` is the local AWS as the functions see it.
    """
    values = _values(stack)
    values["signed_url"] = signed_url(stack, endpoint, values["tenant"], values["document"])
    functions = {name: name.partition("-")[0] for name in names()}
    return [
        Prepared(name, function, load(name, **values), tenant_of(function, values["tenant"]))
        for name, function in functions.items()
    ]


def _values(stack: LocalStack) -> dict[str, str]:
    """Creates two tenants, each with an indexed document. Returns the value of every placeholder."""
    own, other = (_of_tenant(stack, name) for name in ("Sample tenant", "Second sample tenant"))
    _invoke(stack, "Templates", "templates-put", own)
    return own | {f"other_{name}": other[name] for name in ("tenant", "document")}


def _of_tenant(stack: LocalStack, name: str) -> dict[str, str]:
    """Onboards a tenant and adds a document. Returns the values once the document can answer questions."""
    tenant = stack.onboard(name).id
    values = {"bucket": stack.outputs["BasicBucket"], "tenant": tenant, "token": stack.issuer.mint(tenant)}
    document = _invoke(stack, "Documents", "documents-create", values)["id"]
    until(
        lambda: [each["status"] for each in _invoke(stack, "Documents", "documents-list", values)["documents"]],
        lambda statuses: statuses == ["ready"],
        "the sample document is indexed",
        _INDEXING_SECONDS,
    )
    return {**values, "document": document}


def _invoke(stack: LocalStack, function: str, event: str, values: Mapping[str, str]) -> Any:
    """Sends an event to the deployed function and returns the body of the answer."""
    name = stack.outputs[f"Basic{function}Function"]
    answer = stack.account.invoke(name, load(event, **values), values["tenant"])
    if not (isinstance(answer, dict) and answer.get("statusCode", 500) < 300):
        raise StackError(f"{function} refused {event}: {answer}")
    return json.loads(answer["body"])


def write(folder: Path, prepared: list[Prepared], functions: Mapping[str, Hosted], endpoint: str) -> None:
    """Writes the files for `sam local invoke`. `endpoint` is the local AWS as a container reaches it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / _TEMPLATE).write_text(json.dumps(template(functions, endpoint), indent=2) + "\n")
    for each in prepared:
        (folder / f"{each.name}.json").write_text(json.dumps(each.event, indent=2) + "\n")
    profiles = folder / _CREDENTIALS
    profiles.touch(mode=0o600)
    profiles.write_text("\n".join(_profile(name, function) for name, function in functions.items()))
    (folder / "samconfig.toml").write_text(
        "version = 0.1\n\n[default.local_invoke.parameters]\n"
        f'template_file = "{_TEMPLATE}"\nskip_pull_image = true\nregion = "{REGION}"\n'
    )


def settings(folder: Path) -> list[str]:
    """Returns the shell lines that must precede the commands of the events."""
    return [
        f"export PATH={Path(sys.executable).parent}:$PATH SAM_CLI_TELEMETRY=0",
        f"cd {folder}",
        f"export AWS_SHARED_CREDENTIALS_FILE=$PWD/{_CREDENTIALS}",
    ]


def _profile(name: str, function: Hosted) -> str:
    found = function.credentials
    return (
        f"[{name}]\naws_access_key_id = {found.key}\naws_secret_access_key = {found.secret}\n"
        f"aws_session_token = {found.token or ''}\n"
    )
