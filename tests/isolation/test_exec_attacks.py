"""A command of `bulkhead exec` attacks the operator's machine. Each attack succeeds without the sandbox.

The attacks run twice: in the command's own process namespace, and on a system that permits no user namespaces.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.isolation.conftest import Exec

ATTACKS = """
import ctypes, errno, json, os, pathlib, socket, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
target = json.loads(os.environ["TARGET"])
X86 = os.uname().machine == "x86_64"

def call(x86, arm, *arguments):
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(x86 if X86 else arm), *map(ctypes.c_long, arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result

def connect(family, kind, protocol, address):
    with socket.socket(family, kind, protocol) as client:
        client.settimeout(5)
        client.connect(address)

def datagram():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.sendto(b"x", ("127.0.0.1", target["port"]))

def fast_open():
    # Opens the connection without `connect`.
    with socket.socket() as client:
        client.sendto(b"x", socket.MSG_FASTOPEN, ("127.0.0.1", target["port"]))

def datagram_pair():
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    one.sendto(b"x", target["datagrams"])

buffer, parameters = ctypes.create_string_buffer(256), ctypes.create_string_buffer(256)
pid = target["process"]
attacks = {
    "multipath TCP": lambda: connect(socket.AF_INET, socket.SOCK_STREAM, 262, ("127.0.0.1", target["port"])),
    "a port that is not open": lambda: connect(socket.AF_INET, socket.SOCK_STREAM, 0, ("127.0.0.1", target["port"])),
    "TCP fast open": fast_open,
    "UDP": datagram,
    "an abstract socket": lambda: connect(socket.AF_UNIX, socket.SOCK_STREAM, 0, "\\0" + target["abstract"]),
    "a socket in the file system": lambda: connect(socket.AF_UNIX, socket.SOCK_STREAM, 0, target["socket"]),
    "a datagram through a pair": datagram_pair,
    "netlink": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0).close(),
    "the command line of a process": lambda: pathlib.Path(f"/proc/{pid}/cmdline").read_bytes(),
    "the environment of a process": lambda: pathlib.Path(f"/proc/{pid}/environ").read_bytes(),
    "the working folder of a process": lambda: os.readlink(f"/proc/{pid}/cwd"),
    "a signal": lambda: os.kill(pid, 0),
    "the limits of a process": lambda: call(302, 261, pid, 7, 0, ctypes.addressof(buffer)),
    "trace": lambda: call(101, 117, 0x4206, pid, 0, 0),
    "the memory of a process": lambda: call(310, 270, pid, 0, 0, 0, 0, 0),
    "io_uring": lambda: os.close(call(425, 425, 1, ctypes.addressof(parameters))),
    "the keyring": lambda: call(250, 219, 0, -3, 1, 0, 0),
    "shared memory": lambda: call(29, 194, 0x42424242, 4096, 0o1600),
    "a namespace": lambda: call(272, 97, 0x04000000 | 0x10000000),
    "an inherited descriptor": lambda: os.read(target["descriptor"], 1),
    "the AWS profile": lambda: pathlib.Path(target["profile"]).read_text(),
}
found = {}
for name, attack in attacks.items():
    try:
        attack()
        found[name] = "reached"
    except (OSError, AttributeError) as error:
        found[name] = errno.errorcode.get(getattr(error, "errno", None), str(error))
print(json.dumps(found))
"""
# The kernel reports a process of another namespace as missing.
REFUSALS = {"EPERM", "EACCES", "ESRCH", "ENOENT", "EBADF"}


@pytest.fixture
def target(run: Exec) -> Iterator[dict[str, Any]]:
    """What a command attacks: servers, a process, a file that the operator has open."""
    name = f"bulkhead-attack-{os.getpid()}"
    path, datagrams = run.folder / "socket", run.folder / "datagrams"
    tcp = socket.create_server(("127.0.0.1", 0))
    port = tcp.getsockname()[1]
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", port))
    abstract, named = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
    abstract.bind("\0" + name)
    named.bind(str(path))
    unconnected = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    unconnected.bind(str(datagrams))
    for server in (abstract, named):
        server.listen()
    process = subprocess.Popen(["sleep", "300"])
    opened = os.open(run.home / ".aws" / "credentials", os.O_RDONLY)
    yield {
        "port": port,
        "abstract": name,
        "socket": str(path),
        "datagrams": str(datagrams),
        "process": process.pid,
        "descriptor": opened,
        "profile": str(run.home / ".aws" / "credentials"),
    }
    process.kill()
    process.wait()
    os.close(opened)
    for server in (tcp, udp, abstract, named, unconnected):
        server.close()


def attack(run: Exec, target: dict[str, Any], *options: str) -> dict[str, str]:
    found: dict[str, str] = run.python(
        ATTACKS,
        options=(*options, "--env", "TARGET"),
        descriptors=(target["descriptor"],),
        TARGET=json.dumps(target),
    )
    return found


def test_attacks_are_refused(run: Exec, target: dict[str, Any], system: str) -> None:
    found = attack(run, target)
    assert {name: how for name, how in found.items() if how not in REFUSALS} == {}, system


def test_attacks_succeed_without_the_sandbox(run: Exec, target: dict[str, Any]) -> None:
    found = attack(run, target, "--no-sandbox")
    assert {name: how for name, how in found.items() if how != "reached"} == {}


def test_udp_option_allows_udp_and_nothing_else(run: Exec, target: dict[str, Any]) -> None:
    found = attack(run, target, "--udp")
    assert [name for name, how in found.items() if how == "reached"] == ["UDP"]


METADATA = """
import json, socket
try:
    socket.create_connection(("169.254.169.254", 80), timeout=1)
    print(json.dumps("reached"))
except OSError as error:
    print(json.dumps(type(error).__name__))
"""


def test_metadata_address_is_refused(run: Exec, system: str) -> None:
    assert run.python(METADATA) == "PermissionError"
    run.wrapper = ()
    assert run.python(METADATA, options=("--no-sandbox",)) != "PermissionError", "the machine refused it"


# System calls that only an attack uses: x32, `finit_module`, `pidfd_getfd`.
ONLY_ATTACKS = [("finit_module", 313, 273), ("pidfd_getfd", 438, 438)]
if platform.machine() == "x86_64":
    ONLY_ATTACKS.append(("x32 getpid", 0x40000000 | 39, 0))


@pytest.mark.parametrize(("name", "x86", "arm"), ONLY_ATTACKS, ids=[each[0] for each in ONLY_ATTACKS])
def test_system_calls_of_attacks_end_the_command(run: Exec, name: str, x86: int, arm: int) -> None:
    number = x86 if platform.machine() == "x86_64" else arm
    script = f"import ctypes; ctypes.CDLL(None).syscall(ctypes.c_long({number}), -1, 0, 0)"
    assert run(sys.executable, "-c", script).returncode == 128 + signal.SIGSYS
    assert run(sys.executable, "-c", script, options=("--no-sandbox",)).returncode == 0, "the control was killed"


def test_new_system_calls_do_not_exist(run: Exec) -> None:
    """`file_getattr` of Linux 6.17, which the filter does not know."""
    script = "import ctypes, errno; l = ctypes.CDLL(None, use_errno=True); l.syscall(468, -1, 0, 0, 0, 0); print(ctypes.get_errno() == errno.ENOSYS)"
    assert run(sys.executable, "-c", script).stdout == "True\n"


PROGRAMS = """
import concurrent.futures, json, multiprocessing, os, socket, subprocess, sys, tempfile, threading
one, other = socket.socketpair()
one.sendall(b"x")
thread = threading.Thread(target=lambda: None)
thread.start()
thread.join()
with tempfile.NamedTemporaryFile() as file:
    file.write(b"x")
nested = subprocess.run(["sh", "-c", "echo nested | cat"], capture_output=True, text=True, check=True).stdout
process = multiprocessing.get_context("fork").Process(target=os._exit, args=(5,))
process.start()
process.join()
print(json.dumps([nested, process.exitcode, os.path.exists("/proc/self/exe"), os.getsid(0) != os.getppid()]))
"""


def test_programs_work_inside(run: Exec, system: str) -> None:
    assert run.python(PROGRAMS) == ["nested\n", 5, True, True], system


@pytest.mark.parametrize(
    "command",
    [
        ["git", "init", "--quiet", "repository"],
        ["sh", "-c", "git init -q r && cd r && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m x"],
        ["bash", "-c", "cat <(echo substituted) | grep -q substituted"],
        ["sh", "-c", "sleep 0.1 & wait && df . >/dev/null && id >/dev/null && date >/dev/null"],
    ],
    ids=["git init", "git commit", "process substitution", "tools"],
)
def test_real_programs_work_inside(run: Exec, system: str, command: list[str]) -> None:
    if shutil.which(command[0]) is None or (command[0] == "sh" and shutil.which("git") is None):
        pytest.skip(f"needs {command[0]}")
    done = run(*command)
    assert done.returncode == 0, done.stderr


def test_command_reaches_a_server_on_an_open_port(run: Exec, system: str) -> None:
    server = socket.create_server(("127.0.0.1", 0))
    port = server.getsockname()[1]

    def answer() -> None:
        client, _ = server.accept()
        client.recv(4096)
        client.sendall(b"HTTP/1.0 200 OK\r\n\r\nhello")
        client.close()

    threading.Thread(target=answer, daemon=True).start()
    if shutil.which("curl") is None:
        pytest.skip("needs curl")
    done = run("curl", "-sS", "-m", "10", f"http://127.0.0.1:{port}/", options=("--port", str(port)))
    assert done.stdout == "hello", done.stderr
    server.close()


def test_command_ends_with_a_killed_parent(run: Exec, system: str) -> None:
    """A command must not use its session after `bulkhead` was killed."""
    marker = run.folder / "alive"
    script = f"while :; do echo x >> {marker}; sleep 0.1; done"
    parent = subprocess.Popen(
        run.arguments("sh", "-c", script), env=run.environment(), cwd=run.folder, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    while not marker.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    parent.kill()
    parent.wait()
    time.sleep(0.5)
    size = marker.stat().st_size
    time.sleep(1)
    assert marker.stat().st_size == size


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)])
def test_signals_reach_the_command(run: Exec, system: str, sent: signal.Signals, status: int) -> None:
    started = run.folder / "started"
    parent = subprocess.Popen(
        run.arguments("sh", "-c", f"touch {started}; sleep 60"),
        env=run.environment(),
        cwd=run.folder,
        stderr=subprocess.DEVNULL,
        # A shell ignores interrupts of background programs.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler) and None,
    )
    deadline = time.monotonic() + 60
    while not started.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    parent.send_signal(sent)
    assert parent.wait(timeout=30) == status


def test_pipes_pass_through_unchanged(run: Exec, system: str) -> None:
    content = bytes(range(256)) * 4096
    done = subprocess.run(
        run.arguments("cat"), env=run.environment(), cwd=run.folder, input=content, capture_output=True, timeout=90
    )
    assert done.returncode == 0 and done.stdout == content


def test_reader_that_has_enough_ends_the_command(run: Exec, system: str) -> None:
    arguments = run.arguments("sh", "-c", "yes")
    done = subprocess.run(
        ["sh", "-c", '"$@" | head -n 1', "sh", *arguments],
        env=run.environment(),
        cwd=run.folder,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == "y\n", done.stderr
