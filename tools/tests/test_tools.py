"""The tools around the stack."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest

from tools import suite
from tools.attacks import OPERATIONS, Wrapped
from tools.attacks.forged_tokens import BAD_TOKENS
from tools.demo.corpus import CUSTOMERS
from tools.deploy import expand
from tools.devstack import issuer
from tools.devstack.aws import only_local_aws
from tools.devstack.console import Console
from tools.devstack.poll import TooLate, until
from tools.devstack.process import Child, Known, StackError
from tools.devstack.tokens import ALGORITHMS, AUDIENCE, Issuer

TENANT = "0191f3c0a1b27c3d8e4f5a6b7c8d9e0f"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Any]:
    """A running issuer and its address."""
    listening, url = issuer.server(tmp_path)
    thread = threading.Thread(target=listening.serve_forever, daemon=True)
    thread.start()
    yield Issuer.of(tmp_path), url
    listening.shutdown()
    listening.server_close()
    thread.join()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_minted_token_verifies_with_the_published_key(served: Any, algorithm: str) -> None:
    minter, url = served
    token = minter.mint(TENANT, algorithm=algorithm)
    with urllib.request.urlopen(url + issuer.DISCOVERY_PATH) as answer:
        discovery = json.load(answer)
    assert discovery["issuer"] == url, "a verifier compares the issuer with the address it asked"
    key = jwt.PyJWKClient(discovery["jwks_uri"]).get_signing_key_from_jwt(token)
    claims = jwt.decode(token, key.key, algorithms=[algorithm], audience=AUDIENCE, issuer=url)
    assert (claims["tenant_id"], claims["tier"]) == (TENANT, "basic")


def test_published_keys_contain_no_private_members(served: Any) -> None:
    _, url = served
    with urllib.request.urlopen(url + issuer.JWKS_PATH) as answer:
        keys = json.load(answer)["keys"]
    private = {"d", "p", "q", "dp", "dq", "qi", "k"}
    assert all(not private & set(key) for key in keys), f"private members are published: {keys}"


def test_keys_survive_a_restart_and_only_the_owner_can_read_them(tmp_path: Path) -> None:
    listening, _ = issuer.server(tmp_path)
    listening.server_close()
    first = Issuer.of(tmp_path).keys.jwks()
    listening, _ = issuer.server(tmp_path)
    listening.server_close()
    assert Issuer.of(tmp_path).keys.jwks() == first, "a restart created new keys, so old tokens are invalid"
    modes = {file.stat().st_mode & 0o777 for file in tmp_path.glob("*.pem")}
    assert modes == {0o600}, f"other users can read the private keys: {modes}"


def test_forged_tokens_do_not_verify(served: Any) -> None:
    minter, url = served
    client = jwt.PyJWKClient(url + issuer.JWKS_PATH)
    for bad in BAD_TOKENS:
        if bad.status != 401:
            continue
        token = bad.forge(minter, TENANT)
        with pytest.raises(jwt.PyJWTError):
            key = client.get_signing_key_from_jwt(token)
            jwt.decode(
                token,
                key.key,
                algorithms=[key.algorithm_name],
                audience=AUDIENCE,
                issuer=url,
                options={"require": ["exp", "iss", "aud"]},
            )
            pytest.fail(f"{bad.what!r} verifies: it tests nothing")


def test_removes_settings_of_a_real_account() -> None:
    shell = {
        "AWS_PROFILE": "production",
        "AWS_ENDPOINT_URL_S3": "https://s3.example",
        "AWS_SESSION_TOKEN": "real",
        "PATH": "/bin",
    }
    only_local_aws(shell, "http://127.0.0.1:1")
    assert "real" not in shell.values() and "production" not in shell.values()
    assert "AWS_ENDPOINT_URL_S3" not in shell, "one service would still use another endpoint"
    assert shell["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1" and shell["PATH"] == "/bin"


def test_stops_only_the_process_with_the_recorded_start_time() -> None:
    ours = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        Known(ours.pid, "1").stop()
        assert ours.poll() is None, "stopped a process with another start time"
        Known.of(ours.pid).stop()
        assert ours.wait(5) == -signal.SIGTERM, "the recorded process did not end by SIGTERM"
    finally:
        ours.kill()
        ours.wait()


def test_child_that_exits_early_shows_its_log(tmp_path: Path) -> None:
    child = Child("tools.devstack.issuer", ["nonsense"], tmp_path / "log", detached=False)
    with pytest.raises(StackError, match="before it was ready(.|\n)*invalid choice"):
        child.ready(10, lambda _: None)


def test_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    script = (
        "import time; from pathlib import Path; from tools.devstack.process import Child\n"
        f"c = Child('tools.devstack.issuer', ['serve', '--state', {str(tmp_path)!r}], "
        f"Path({str(tmp_path / 'log')!r}), detached=False)\n"
        "c.ready(20, lambda _: None); print(c.known.pid, flush=True); time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    child = Known.of(int(parent.stdout.readline()))
    assert child.alive()
    parent.kill()
    parent.wait()
    parent.stdout.close()
    until(child.alive, lambda alive: not alive, "the child of a killed parent ends", 10)


def test_timeout_shows_the_last_value() -> None:
    started = time.monotonic()
    with pytest.raises(TooLate, match="the door opens.*last seen 'shut'"):
        until(lambda: "shut", lambda seen: seen == "open", "the door opens", 0.2, 0.05)
    assert time.monotonic() - started < 5


def test_each_canary_word_is_in_one_page_of_one_tenant() -> None:
    for customer in CUSTOMERS:
        where = [
            (other.name, page.title)
            for other in CUSTOMERS
            for page in other.pages()
            if customer.canary.lower() in page.content.lower()
        ]
        assert len(where) == 1 and where[0][0] == customer.name, f"{customer.canary}: {where}"


def test_parses_the_wrapped_key_of_a_sealed_value() -> None:
    head = b"\x01" + (4).to_bytes(2, "big") + (6).to_bytes(4, "big") + b"d" * 16
    sealed = head + b"wrap" + b"n" * 12 + b"cipher"
    assert Wrapped.parse(sealed).key == b"wrap"
    for cut in (9, len(head) + 2, len(head) + 4):
        with pytest.raises(AssertionError):
            Wrapped.parse(sealed[:cut])


def test_attack_names_are_unique() -> None:
    names = [str(each) for each in OPERATIONS]
    assert len(names) == len(set(names)), "two attacks share a name"


def test_log_output_has_no_colour_and_no_rewritten_line() -> None:
    stream = io.StringIO()
    console = Console(stream)
    with console.step("work") as step:
        step.note("half")
    console.line(console.paint("done", "red", "bold"))
    assert "\x1b" not in stream.getvalue() and "\r" not in stream.getvalue()
    assert "ok" in stream.getvalue()


def test_nested_application_expands_to_a_stack(tmp_path: Path) -> None:
    template = tmp_path / "template.yaml"
    template.write_text(
        "Transform: AWS::Serverless-2016-10-31\n"
        "Resources:\n"
        "  Basic:\n"
        "    Type: AWS::Serverless::Application\n"
        "    Properties: {Location: infra/tier.yaml}\n"
        "  Fn:\n"
        "    Type: AWS::Serverless::Function\n"
        "    Properties: {CodeUri: target/x, Handler: b, Runtime: provided.al2023}\n"
    )
    kinds = {each["Type"] for each in expand.expand(template)["Resources"].values()}
    assert {"AWS::CloudFormation::Stack", "AWS::Lambda::Function", "AWS::IAM::Role"} <= kinds


def test_stage_without_tests_fails() -> None:
    assert not suite.Count("nothing").good
    assert suite.Count("some", passed=3).good
    assert not suite.Count("some", passed=3, failed=1).good
