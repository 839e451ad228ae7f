"""Deploys SAM templates with `sam deploy`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from bulkhead_emulator.tests.support.cloud import REGION, ROOT, Cloud
from bulkhead_emulator.tests.support.functions import package

_TEMPLATES = Path(__file__).resolve().parents[1] / "templates"
_DEADLINE = 120


def prepare(directory: Path) -> Path:
    """Copies the test templates, with the test runtime as code."""
    shutil.copytree(_TEMPLATES, directory, dirs_exist_ok=True)
    code = directory / "code"
    code.mkdir(exist_ok=True)
    (directory / "code.zip").write_bytes(package())
    shutil.unpack_archive(directory / "code.zip", code)
    (code / "bootstrap").chmod(0o755)
    return directory


_CAPABILITIES = "CAPABILITY_IAM CAPABILITY_NAMED_IAM CAPABILITY_AUTO_EXPAND"


def sam_deploy(
    cloud: Cloud, directory: Path, template: str, name: str, capabilities: str = _CAPABILITIES, **parameters: str
) -> subprocess.CompletedProcess:
    """Runs `sam deploy` and returns its result."""
    command = [
        str(Path(sys.executable).with_name("sam")),
        "deploy",
        "--template-file",
        str(directory / template),
        "--stack-name",
        name,
        "--resolve-s3",
        "--no-confirm-changeset",
        "--no-fail-on-empty-changeset",
        "--capabilities",
        *capabilities.split(),
    ]
    if parameters:
        command += ["--parameter-overrides", *(f"{key}={value}" for key, value in parameters.items())]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(directory),
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": ROOT["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": ROOT["aws_secret_access_key"],
        "AWS_ENDPOINT_URL": cloud.address,
        "SAM_CLI_TELEMETRY": "0",
        "SAM_CLI_POLL_DELAY": "0.5",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    return subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, timeout=_DEADLINE)


def deploy(cloud: Cloud, directory: Path, template: str, name: str, **parameters: str) -> dict[str, str]:
    """Deploys a stack and returns its outputs. Fails if the deployment fails."""
    done = sam_deploy(cloud, directory, template, name, **parameters)
    assert done.returncode == 0, f"sam deploy failed\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    stack = cloud.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
