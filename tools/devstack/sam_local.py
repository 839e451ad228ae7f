"""`sam local invoke`: a function in a container, before the local AWS of a running stack.

Nothing is pulled: where the base image is not at hand, or no container engine, this says so and
somebody else has to run the events.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from .aws import only_local_aws
from .process import ROOT
from .stack import LocalStack

if TYPE_CHECKING:
    from tools.harness.driver import Hosted

IMAGE = "public.ecr.aws/lambda/provided:al2023-x86_64"
_SECONDS = 120
_GATEWAY = "{{(index .IPAM.Config 0).Gateway}}"


class Unusable(Exception):
    """Why `sam local` cannot be used here, in one line."""


class SamLocalFailed(AssertionError):
    """An invocation came to no answer."""


def _docker(*arguments: str) -> str:
    """The output of a docker command; a failure is a reason not to use containers."""
    if not shutil.which("docker"):
        raise Unusable("there is no docker")
    try:
        done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=20)
    except subprocess.TimeoutExpired as error:
        raise Unusable("docker does not answer") from error
    if done.returncode != 0:
        raise Unusable(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "docker fails")
    return done.stdout.strip()


@contextmanager
def reachable(stack: LocalStack) -> Iterator[str]:
    """An address at which containers reach the stack's local AWS, which listens on loopback alone.

    The way is open on the containers' bridge only, and only while this lasts.
    """
    _docker("info")
    try:
        _docker("image", "inspect", IMAGE)
    except Unusable as error:
        raise Unusable(f"the image {IMAGE} is not here, and nothing is pulled") from error
    gateway = _docker("network", "inspect", "bridge", "--format", _GATEWAY)
    target = urlsplit(stack.endpoint)
    assert target.hostname and target.port
    try:
        listener = socket.create_server((gateway, 0))
    except OSError as error:
        raise Unusable(f"containers cannot reach this machine at {gateway!r}: {error}") from error
    with listener:
        arguments = (listener, (target.hostname, target.port))
        threading.Thread(target=_accept, args=arguments, daemon=True).start()
        yield f"http://{gateway}:{listener.getsockname()[1]}"
        # Wakes the thread, which closing alone would leave waiting.
        listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, target: tuple[str, int]) -> None:
    while True:
        try:
            here, _ = listener.accept()
            there = socket.create_connection(target)
        except OSError:
            return
        for source, sink in ((here, there), (there, here)):
            threading.Thread(target=_copy, args=(source, sink), daemon=True).start()


def _copy(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        source.close()
        sink.close()


def _resource(function: Hosted, endpoint: str) -> dict[str, Any]:
    """A function as it is deployed, but for where it finds AWS.

    Not out of `infra/tier.yaml`: SAM makes an empty variable of one that a condition leaves out.
    """
    properties: dict[str, Any] = {
        "Runtime": "provided.al2023",
        "Handler": "bootstrap",
        "Architectures": ["x86_64"],
        "CodeUri": str(function.bootstrap.parent),
        "MemorySize": function.memory,
        "Timeout": function.timeout,
        "Environment": {"Variables": {**function.environment, "AWS_ENDPOINT_URL": endpoint}},
    }
    if function.isolation == "PER_TENANT":
        properties["TenancyConfig"] = {"TenantIsolationMode": "PER_TENANT"}
    return {"Type": "AWS::Serverless::Function", "Properties": properties}


class SamLocal:
    """Invokes functions as they are deployed."""

    def __init__(self, stack: LocalStack, functions: dict[str, Hosted], endpoint: str) -> None:
        self._functions = functions
        self._home = stack.state / "home"
        self._files = stack.state / "sam-local"
        self._files.mkdir(exist_ok=True)
        resources = {name.title(): _resource(each, endpoint) for name, each in functions.items()}
        self._template = self._file(
            "template",
            {
                "AWSTemplateFormatVersion": "2010-09-09",
                "Transform": "AWS::Serverless-2016-10-31",
                "Resources": resources,
            },
        )

    def invoke(self, function: str, event: Any, tenant: str | None) -> Any:
        logical = function.title()
        command = [
            str(Path(sys.executable).parent / "sam"),
            "local",
            "invoke",
            logical,
            "--template",
            self._template,
            "--skip-pull-image",
            "--event",
            self._file("event", event),
            *(["--tenant-id", tenant] if tenant else []),
        ]
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=self._environment(function),
            capture_output=True,
            text=True,
            timeout=_SECONDS,
        )
        if done.returncode != 0:
            raise SamLocalFailed(f"{' '.join(command[1:4])}: {done.stderr[-1500:]}")
        try:
            return json.loads(done.stdout.strip().splitlines()[-1])
        except (IndexError, ValueError) as error:
            raise SamLocalFailed(f"{logical} answered {done.stdout!r}\n{done.stderr[-1500:]}") from error

    def _file(self, name: str, content: Any) -> str:
        file = self._files / f"{name}.json"
        file.write_text(json.dumps(content))
        return str(file)

    def _environment(self, function: str) -> dict[str, str]:
        """SAM hands the credentials it finds to the container: the function's own role's."""
        docker = os.environ.get("DOCKER_CONFIG", str(Path.home() / ".docker"))
        environment = dict(os.environ)
        only_local_aws(environment)
        credentials = self._functions[function].credentials
        environment.update(
            HOME=str(self._home),
            DOCKER_CONFIG=docker,
            SAM_CLI_TELEMETRY="0",
            PYTHONWARNINGS="ignore",
            AWS_ACCESS_KEY_ID=credentials.key,
            AWS_SECRET_ACCESS_KEY=credentials.secret,
            AWS_SESSION_TOKEN=credentials.token or "",
        )
        return environment
