"""The terminal of a command of `bulkhead exec`: it works as the operator's, and it is not the operator's."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import shutil
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.isolation.conftest import Exec

pytestmark = pytest.mark.usefixtures("system")

_SECONDS = 60


class Operator:
    """An operator at a terminal, with one program in the foreground."""

    def __init__(self, arguments: list[str], environment: dict[str, str], folder: Path) -> None:
        # The program is the leader of a session whose terminal is `self.terminal`.
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            os.chdir(folder)
            os.execvpe(arguments[0], arguments, environment)
        self.shown = ""
        self.before = termios.tcgetattr(self.terminal)

    def type(self, keys: str) -> None:
        os.write(self.terminal, keys.encode())

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        os.kill(self.process, signal.SIGWINCH)

    def wait_for(self, text: str) -> None:
        """Reads until the terminal shows a text."""
        deadline = time.monotonic() + _SECONDS
        while text not in self.shown:
            assert time.monotonic() < deadline, f"no {text!r} in {self.shown!r}"
            if not self._read():
                raise AssertionError(f"ended without {text!r}: {self.shown!r}")

    def status(self) -> int:
        """Waits for the end and returns the exit status."""
        while self._read():
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])

    def mode(self) -> list[object]:
        return termios.tcgetattr(self.terminal)

    def _read(self) -> bool:
        ready, _, _ = select.select([self.terminal], [], [], _SECONDS)
        assert ready, f"nothing more after {self.shown!r}"
        try:
            found = os.read(self.terminal, 65536)
        except OSError:
            return False
        self.shown += found.decode(errors="replace")
        return bool(found)


Start = Callable[..., Operator]


@pytest.fixture
def start(run: Exec) -> Iterator[Start]:
    """Starts a command at a terminal."""
    operators = []

    def begin(*command: str, options: tuple[str, ...] = (), keep: bool = False, **more: str) -> Operator:
        arguments = run.arguments(*command, options=options)
        if keep:
            # A shell keeps the terminal open after the program.
            arguments = ["sh", "-c", '"$@"; code=$?; stty -a; exit $code', "sh", *arguments]
        operator = Operator(arguments, run.environment(TERM="xterm", **more), run.folder)
        operators.append(operator)
        return operator

    yield begin
    for operator in operators:
        try:
            os.kill(operator.process, signal.SIGKILL)
            os.waitpid(operator.process, 0)
        except (ProcessLookupError, ChildProcessError):
            pass
        os.close(operator.terminal)


def test_command_has_its_own_terminal_and_session(start: Start) -> None:
    script = (
        "import os; print('TTY', [os.isatty(n) for n in range(3)], os.tcgetpgrp(0) == os.getpgrp(),"
        " os.getsid(0) == os.getpgrp(), 'END')"
    )
    operator = start(sys.executable, "-c", script)
    operator.wait_for("TTY [True, True, True] True True END")
    assert operator.status() == 0


ATTACK = """
import ctypes, errno, fcntl, json, os, termios
def attempt(act):
    try:
        act()
        return "reached"
    except OSError as error:
        return errno.errorcode[error.errno]
def open_terminal():
    os.close(os.open(os.environ["OPERATORS_TERMINAL"], os.O_RDWR | os.O_NOCTTY))
def type_with_unused_bits():
    # The kernel ignores the upper half of the command.
    ctypes.set_errno(0)
    libc = ctypes.CDLL(None, use_errno=True)
    number = 16 if os.uname().machine == "x86_64" else 29
    if libc.syscall(number, 0, ctypes.c_long(1 << 32 | termios.TIOCSTI), b"x"):
        raise OSError(ctypes.get_errno(), "ioctl")
found = {
    "type": attempt(lambda: fcntl.ioctl(0, termios.TIOCSTI, b"x")),
    "type, with unused bits": attempt(type_with_unused_bits),
    "open": attempt(open_terminal),
    "list": attempt(lambda: os.listdir("/dev/pts")),
}
print("FOUND" + json.dumps(found) + "END")
"""


def attack(start: Start, terminal: str, *options: str) -> dict[str, str]:
    options = (*options, "--env", "OPERATORS_TERMINAL")
    operator = start(sys.executable, "-c", ATTACK, options=options, OPERATORS_TERMINAL=terminal)
    operator.wait_for("END\r\n")
    found: dict[str, str] = json.loads(operator.shown.split("FOUND")[1].split("END")[0])
    return found


@pytest.fixture
def operators_terminal() -> Iterator[str]:
    """Another terminal of the operator."""
    ours, theirs = pty.openpty()
    yield os.ttyname(theirs)
    os.close(ours)
    os.close(theirs)


def test_command_cannot_type_into_a_terminal(start: Start, operators_terminal: str) -> None:
    found = attack(start, operators_terminal)
    assert found == {"type": "EPERM", "type, with unused bits": "EPERM", "open": "EACCES", "list": "EACCES"}


def test_without_sandbox_a_command_types_into_the_terminal(start: Start, operators_terminal: str, run: Exec) -> None:
    legacy = Path("/proc/sys/dev/tty/legacy_tiocsti")
    if not legacy.exists() or legacy.read_text().strip() != "1":
        pytest.skip("this kernel refuses TIOCSTI to all programs")
    run.wrapper = ()
    found = attack(start, operators_terminal, "--no-sandbox")
    assert set(found.values()) == {"reached"}, found


def test_interactive_shell_works(start: Start) -> None:
    operator = start("bash", "--norc", "-i")
    operator.type("echo answer $((6 * 7))\n")
    operator.wait_for("answer 42")
    operator.type("sleep 50\n")
    time.sleep(0.5)
    operator.type("\x1a")
    operator.wait_for("Stopped")
    operator.type("kill -9 %1; sleep 0.5\n")
    operator.wait_for("Killed")
    operator.type("exit 3\n")
    assert operator.status() == 3
    assert "job control" not in operator.shown


def test_ctrl_c_interrupts_the_command_once(start: Start) -> None:
    script = (
        "import signal, time\n"
        "count = []\n"
        "signal.signal(signal.SIGINT, lambda *_: count.append(1))\n"
        "print('READY')\n"
        "deadline = time.monotonic() + 60\n"
        "while not count and time.monotonic() < deadline: time.sleep(0.05)\n"
        "time.sleep(0.5)\n"
        "print('COUNT', len(count), 'END')\n"
    )
    operator = start(sys.executable, "-u", "-c", script)
    operator.wait_for("READY")
    operator.type("\x03")
    operator.wait_for("COUNT 1 END")
    assert operator.status() == 0
    operator = start("sh", "-c", "echo READY; sleep 60")
    operator.wait_for("READY")
    operator.type("\x03")
    assert operator.status() == 130


def test_window_size_follows(start: Start) -> None:
    script = "import os; print('READY'); input(); print('SIZE', os.get_terminal_size(), 'END')"
    operator = start(sys.executable, "-u", "-c", script)
    operator.wait_for("READY")
    operator.resize(33, 99)
    time.sleep(0.5)
    operator.type("\r")
    operator.wait_for("SIZE os.terminal_size(columns=99, lines=33) END")


@pytest.mark.parametrize("end", ["success", "failure", "no program", "SIGTERM", "SIGHUP"])
def test_terminal_mode_is_restored(start: Start, end: str) -> None:
    program = {
        "success": ("true",),
        "failure": ("sh", "-c", "stty raw -echo; exit 4"),
        "no program": ("no-such-program",),
    }.get(end, ("sh", "-c", "echo READY; sleep 60"))
    operator = start(*program, keep=True)
    before = operator.mode()
    if end.startswith("SIG"):
        operator.wait_for("READY")
        assert operator.mode() != before, "the terminal was not raw"
        children = Path(f"/proc/{operator.process}/task/{operator.process}/children").read_text().split()
        os.kill(int(children[0]), getattr(signal, end))
    operator.wait_for("-iutf8" if "-iutf8" in operator.shown else "echoke")
    assert operator.mode() == before
    status = {"success": 0, "failure": 4, "no program": 125, "SIGTERM": 143, "SIGHUP": 129}[end]
    assert operator.status() == status


@pytest.mark.parametrize(
    ("program", "keys"), [(["less", "text"], "q"), (["vim", "-u", "NONE", "text"], ":q!\r")], ids=["less", "vim"]
)
def test_programs_that_draw_the_screen_work(start: Start, run: Exec, program: list[str], keys: str) -> None:
    if shutil.which(program[0]) is None:
        pytest.skip(f"needs {program[0]}")
    (run.folder / "text").write_text("".join(f"line {number}\n" for number in range(500)))
    operator = start(*program)
    operator.wait_for("line 9")
    time.sleep(0.5)
    operator.type(keys)
    assert operator.status() == 0
    assert "line 400" not in operator.shown, "the program did not know the size of the terminal"


def test_large_output_is_complete(start: Start) -> None:
    operator = start(sys.executable, "-c", "print('x' * 300_000 + 'END')")
    operator.status()
    assert operator.shown.count("x") >= 300_000 and "END" in operator.shown


def test_pipeline_leaves_the_terminal_to_its_last_program(start: Start, run: Exec) -> None:
    """`bulkhead exec … | less`: the last program reads the keys."""
    arguments = run.arguments(sys.executable, "-c", "import os; print([os.isatty(n) for n in range(3)])")
    last = "import sys; print('GOT', sys.stdin.read().strip(), open('/dev/tty').readline().strip(), 'END')"
    shell = ["sh", "-c", 'last=$1; shift; "$@" | ' + sys.executable + ' -c "$last"', "sh", last, *arguments]
    operator = Operator(shell, run.environment(), run.folder)
    try:
        time.sleep(1)
        operator.type("typed\n")
        operator.wait_for("GOT [False, False, False] typed END")
        assert operator.status() == 0
    finally:
        os.close(operator.terminal)
