"""Runs a function in a container by `sam local invoke`, against the local AWS of a running stack.

Pulls no image. If the base image or the container engine is missing, raises `Unusable`, and the caller
runs the function elsewhere.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tools.devstack.aws import only_local_aws
from tools.devstack.process import ROOT
from tools.devstack.stack import LocalStack

if TYPE_CHECKING:
    from tools.harness.driver import Hosted

IMAGE = "public.ecr.aws/lambda/provided:al2023-x86_64"
_SECONDS = 120
_GATEWAY = "{{(index .IPAM.Config 0).Gateway}}"


class Unusable(Exception):
    """`sam local` cannot be used; the message gives the reason in one line."""


class SamLocalFailed(AssertionError):
    """An invocation returned no answer."""


def _docker(*arguments: str) -> str:
    """Returns the output of a docker command. A failure raises `Unusable`."""
    if not shutil.which("docker"):
        raise Unusable("docker is not installed")
    try:
        done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=20)
    except subprocess.TimeoutExpired as error:
        raise Unusable("docker does not answer") from error
    if done.returncode != 0:
        raise Unusable(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "docker fails")
    return done.stdout.strip()


@contextmanager
def reachable(stack: LocalStack) -> Iterator[str]:
    """Forwards a port of the containers' bridge to the stack's local AWS, which listens on loopback only.

    Yields the address for containers. The port closes with the context.
    """
    _docker("info")
    try:
        _docker("image", "inspect", IMAGE)
    except Unusable as error:
        raise Unusable(f"the image {IMAGE} is missing and is not pulled") from error
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
        # Wakes the accepting thread; closing the socket does not.
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
    """Returns the template of a function as deployed, with another AWS endpoint.

    It does not use `infra/tier.yaml`: SAM sets a variable that a condition removes to an empty text.
    """
    # A function treats an empty variable as one that is not set.
    variables = {name: value for name, value in function.environment.items() if value}
    properties: dict[str, Any] = {
        "Runtime": "provided.al2023",
        "Handler": "bootstrap",
        "Architectures": ["x86_64"],
        "CodeUri": str(function.bootstrap.parent),
        "MemorySize": function.memory,
        "Timeout": function.timeout,
        "Environment": {"Variables": {**variables, "AWS_ENDPOINT_URL": endpoint}},
    }
    if function.isolation == "PER_TENANT":
        properties["TenancyConfig"] = {"TenantIsolationMode": "PER_TENANT"}
    return {"Type": "AWS::Serverless::Function", "Properties": properties}


def template(functions: Mapping[str, Hosted], endpoint: str) -> dict[str, Any]:
    """Returns a template with functions as deployed, under their names with a capital."""
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Transform": "AWS::Serverless-2016-10-31",
        "Resources": {name.title(): _resource(each, endpoint) for name, each in functions.items()},
    }


class SamLocal:
    """Invokes functions with their deployed configuration."""

    def __init__(self, stack: LocalStack, functions: dict[str, Hosted], endpoint: str) -> None:
        self._functions = functions
        self._home = stack.state / "home"
        self._files = stack.state / "sam-local"
        self._files.mkdir(exist_ok=True)
        self._template = self._file("template", template(functions, endpoint))

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
            raise SamLocalFailed(f"{logical} returned {done.stdout!r}\n{done.stderr[-1500:]}") from error

    def _file(self, name: str, content: Any) -> str:
        file = self._files / f"{name}.json"
        file.write_text(json.dumps(content))
        return str(file)

    def _environment(self, function: str) -> dict[str, str]:
        """Returns the environment of SAM, which passes these credentials of the function's role to the container."""
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
