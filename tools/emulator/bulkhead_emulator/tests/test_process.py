"""Starting and stopping the emulator."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bulkhead_emulator.tests.support.cloud import Cloud
from bulkhead_emulator.tests.support.functions import invoke, make
from bulkhead_emulator.tests.support.process import Emulator, eventually


def alive(pid: Any) -> Any:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"


def test_sigterm_stops_the_emulator_and_its_functions() -> None:
    emulator = Emulator.start()
    cloud = Cloud(emulator.address)
    function = invoke(cloud, make(cloud))["pid"]
    scratch = Path(f"/proc/{function}/cwd").readlink().parents[1]
    assert alive(function) and scratch.name.startswith("local-aws-")
    assert emulator.stop() == 0
    eventually(lambda: not alive(function), within=5)
    assert not scratch.exists()


def test_listens_on_the_loopback_interface_only(cloud: Cloud) -> None:
    port = int(cloud.address.rpartition(":")[2])
    listeners = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    listening = [entry[1].split(":") for entry in listeners if entry[3] == "0A"]
    assert {address for address, number in listening if int(number, 16) == port} == {"0100007F"}


def test_refuses_a_port_in_use() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "bulkhead_emulator", "--port", str(port)],
            capture_output=True,
            text=True,
            timeout=30,
        )
    assert done.returncode == 1 and "in use" in done.stderr


def test_refuses_another_ministack_version(monkeypatch: pytest.MonkeyPatch) -> None:
    from bulkhead_emulator import version

    monkeypatch.setattr(version.metadata, "version", lambda name: "1.5.34")
    with pytest.raises(version.WrongMiniStack, match=r"found 1\.5\.34.*pip install"):
        version.require_pinned_ministack()


@pytest.mark.extension
@pytest.mark.parametrize("path", ["/_ministack/reset", "/_ministack/config", "/_ministack/sqs/messages"])
def test_closes_ministacks_own_endpoints(cloud: Cloud, path: str) -> None:
    """They read and change everything without credentials, and AWS has no such endpoints."""
    import urllib.error

    for method in ("GET", "POST"):
        request = urllib.request.Request(cloud.address + path, b"{}" if method == "POST" else None, method=method)
        with pytest.raises(urllib.error.HTTPError) as raised:
            urllib.request.urlopen(request)
        assert raised.value.code == 404
