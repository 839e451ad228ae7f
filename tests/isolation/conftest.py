"""`bulkhead exec` as an operator, for the tests of the command line."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tools.devstack.aws import REGION, Tenant
from tools.devstack.process import ROOT
from tools.devstack.stack import LocalStack

BULKHEAD = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug" / "bulkhead"


@pytest.fixture(scope="session")
def command_line() -> Path:
    """Builds the command line like `make cli`, unless it is up to date."""
    subprocess.run(["cargo", "build", "--quiet", "--locked", "-p", "bulkhead-cli"], cwd=ROOT, check=True)
    return BULKHEAD


@pytest.fixture
def operators_home(tmp_path: Path) -> Path:
    """A home folder with an AWS profile that the command must not find."""
    settings = tmp_path / "operator" / ".aws"
    (settings / "sso" / "cache").mkdir(parents=True)
    (settings / "credentials").write_text("[default]\naws_access_key_id = test\naws_secret_access_key = test\n")
    (settings / "config").write_text(f"[default]\nregion = {REGION}\n")
    return settings.parent


class Exec:
    """Runs `bulkhead exec` as an operator with a profile."""

    def __init__(self, stack: LocalStack, tenant: Tenant, home: Path, folder: Path) -> None:
        self.stack, self.tenant, self.home, self.folder = stack, tenant, home, folder
        # Runs before the program, for example to take rights away from it.
        self.wrapper: tuple[str, ...] = ()

    def arguments(self, *command: str, options: tuple[str, ...] = ()) -> list[str]:
        """Returns the command line."""
        # This Python may be in a home folder or a virtual environment, so its paths must be readable.
        read = {sys.prefix, sys.base_prefix, os.path.realpath(sys.executable)}
        opened = [part for path in sorted(read) for part in ("--read", path)]
        program = [*self.wrapper, str(BULKHEAD), "exec", "--stage", "local", "--tenant", self.tenant.id]
        return [*program, *opened, *options, "--", *command]

    def environment(self, **more: str) -> dict[str, str]:
        """Returns the operator's environment."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "AWS_ENDPOINT_URL": self.stack.endpoint,
            "MY_OWN_SECRET": "hunter2",
            **more,
        }

    def __call__(
        self, *command: str, options: tuple[str, ...] = (), descriptors: tuple[int, ...] = (), **more: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.arguments(*command, options=options),
            env=self.environment(**more),
            cwd=self.folder,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=90,
            pass_fds=descriptors,
        )

    def python(self, script: str, **more: Any) -> Any:
        """Runs a script and returns its output as JSON."""
        done = self(sys.executable, "-c", script, **more)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def run(command_line: Path, stack: LocalStack, clinic: Tenant, operators_home: Path, tmp_path: Path) -> Exec:
    folder = tmp_path / "work"
    folder.mkdir()
    return Exec(stack, clinic, operators_home, folder)


@pytest.fixture(params=["own processes", "no user namespaces"])
def system(request: pytest.FixtureRequest, run: Exec) -> str:
    """A system that permits user namespaces, or a user namespace that permits no further one."""
    if request.param == "no user namespaces":
        if shutil.which("unshare") is None:
            pytest.skip("needs `unshare` of util-linux")
        forbid = 'echo 0 > /proc/sys/user/max_user_namespaces; exec "$@"'
        run.wrapper = ("unshare", "--user", "--map-root-user", "sh", "-c", forbid, "sh")
    return str(request.param)
