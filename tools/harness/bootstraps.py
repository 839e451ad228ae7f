"""Small test functions that wait, crash or stream, which no function of the product does."""

from __future__ import annotations

import sys
from pathlib import Path

# The runtime. `handle(event, headers)` returns a value, or chunks and an error to stream.
_RUNTIME = """\
#!{python}
import http.client, json, os, signal, sys, time
{handle}
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
while True:
    api.request("GET", "/2018-06-01/runtime/invocation/next")
    answer = api.getresponse()
    headers = {{name.lower(): value for name, value in answer.getheaders()}}
    event = json.loads(answer.read())
    url = "/2018-06-01/runtime/invocation/" + headers["lambda-runtime-aws-request-id"]
    said = handle(event, headers)
    if isinstance(said, tuple):
        chunks, error = said
        api.putrequest("POST", url + "/response")
        api.putheader("Lambda-Runtime-Function-Response-Mode", "streaming")
        api.putheader("Transfer-Encoding", "chunked")
        api.putheader("Trailer", "Lambda-Runtime-Function-Error-Type")
        api.endheaders()
        for chunk in chunks:
            api.send(b"%x\\r\\n%s\\r\\n" % (len(chunk), chunk))
        trailer = b"Lambda-Runtime-Function-Error-Type: %s\\r\\n" % error.encode() if error else b""
        api.send(b"0\\r\\n" + trailer + b"\\r\\n")
    else:
        api.request("POST", url + "/response", json.dumps(said))
    api.getresponse().read()
"""


def write(folder: Path, handle: str) -> Path:
    """Writes a bootstrap with the given Python source of `handle` and returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "bootstrap"
    file.write_text(_RUNTIME.format(python=sys.executable, handle=handle))
    file.chmod(0o755)
    return file


ECHO = """
def handle(event, headers):
    return {"event": event, "tenant": headers.get("lambda-runtime-aws-tenant-id"), "pid": os.getpid(),
            "headers": headers, "variables": dict(os.environ)}
"""

# Keeps the events of earlier invocations, which the product must never do.
REMEMBERS = """
kept = []
def handle(event, headers):
    kept.append(event)
    return kept
"""

# Does what the event says; `gate` is a folder shared with the test.
OBEDIENT = """
def handle(event, headers):
    gate = event.get("gate")
    if gate:
        open(os.path.join(gate, "began-" + str(os.getpid())), "w").close()
        while not os.path.exists(os.path.join(gate, "open")):
            time.sleep(0.01)
    if event.get("exit") is not None:
        os._exit(event["exit"])
    if event.get("abort"):
        os.abort()
    if event.get("large"):
        return "x" * event["large"]
    return {"pid": os.getpid()}
"""

# Counts while the environment is not frozen.
TICKS = """
import threading
ticks = 0
def count():
    global ticks
    while True:
        ticks += 1
        time.sleep(0.005)
threading.Thread(target=count, daemon=True).start()
def handle(event, headers):
    return ticks
"""

# Sends the second chunk after the caller confirms the first.
STREAMS = """
def parts(event):
    yield b"first "
    gate = event["gate"]
    while not os.path.exists(os.path.join(gate, "first-seen")):
        time.sleep(0.01)
    if event.get("die"):
        os.kill(os.getpid(), signal.SIGKILL)
    yield b"second"
def handle(event, headers):
    return parts(event), event.get("error", "")
"""

FAILS_TO_START = """
sys.exit(3)
"""
