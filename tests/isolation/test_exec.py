"""`bulkhead exec` limits a one-off script to one tenant, even if the script forgets the filter.

The scripts list "all" prompt templates, scan the table and look for other credentials. The real command line
starts each of them with boto3. The operator has credentials in the environment, in a profile and in a
metadata service.
"""

from __future__ import annotations

import http.server
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.isolation.conftest import BULKHEAD, Exec
from tools.devstack.aws import Tenant
from tools.devstack.stack import LocalStack

EXIT_NOT_RUN = 125

LIST_ALL = """
import boto3, json, os
from botocore.exceptions import ClientError
table = boto3.client("dynamodb")
def attempt(call, **arguments):
    try:
        return [item["sk"]["S"] for item in call(TableName=os.environ["BULKHEAD_TABLE"], **arguments)["Items"]]
    except ClientError as error:
        return error.response["Error"]["Code"]
own = {":p": {"S": os.environ["BULKHEAD_PARTITION"]}, ":s": {"S": "TEMPLATE#"}}
other = {":p": {"S": "TENANT#" + os.environ["OTHER"]}, ":s": {"S": "TEMPLATE#"}}
wanted = "pk = :p AND begins_with(sk, :s)"
print(json.dumps({
    "own": attempt(table.query, KeyConditionExpression=wanted, ExpressionAttributeValues=own),
    "other": attempt(table.query, KeyConditionExpression=wanted, ExpressionAttributeValues=other),
    "scan": attempt(table.scan),
}))
"""


def test_script_lists_only_one_tenants_templates(
    stack: LocalStack, run: Exec, clinic: Tenant, bicycles: Tenant
) -> None:
    stack.api(bicycles).save_template("not-for-the-clinic", "The bicycles' own.")
    found = run.python(LIST_ALL, options=("--env", "OTHER"), OTHER=bicycles.id)
    assert "TEMPLATE#default_summary" in found["own"]
    assert "TEMPLATE#not-for-the-clinic" not in found["own"]
    assert found["other"] == found["scan"] == "AccessDeniedException"


def test_command_gets_the_session_but_no_operator_credentials(run: Exec, clinic: Tenant) -> None:
    found = run.python(
        "import boto3, json, os;print(json.dumps([boto3.client('sts').get_caller_identity()['Arn'], dict(os.environ)]))"
    )
    identity, environment = found
    assert identity.endswith(f"assumed-role/bulkhead-local-basic-tenant/{clinic.id}")
    assert environment["AWS_ACCESS_KEY_ID"].startswith("ASIA")
    assert "test" not in (environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"])
    assert "MY_OWN_SECRET" not in environment and str(run.home) not in str(environment)
    assert environment["BULKHEAD_TENANT"] == clinic.id
    assert environment["BULKHEAD_PREFIX"] == clinic.prefix


def test_command_can_read_the_tenants_objects_and_vectors(run: Exec, clinic: Tenant) -> None:
    found = run.python(
        "import boto3, json, os;"
        "objects = boto3.client('s3').list_objects_v2(Bucket=os.environ['BULKHEAD_BUCKET'],"
        " Prefix=os.environ['BULKHEAD_PREFIX'])['Contents'];"
        "found = boto3.client('s3vectors').query_vectors(vectorBucketName=os.environ['BULKHEAD_VECTOR_BUCKET'],"
        " indexName=os.environ['BULKHEAD_INDEX'], topK=3, queryVector={'float32': [0.1] * 512})['vectors'];"
        "print(json.dumps([[each['Key'] for each in objects], len(found)]))"
    )
    keys, vectors = found
    assert keys and all(key.startswith(clinic.prefix) for key in keys)
    assert vectors == 3


FILES = """
import json, os, pathlib, sys
def attempt(look):
    try:
        look()
        return "reached"
    except OSError as error:
        return type(error).__name__
home = pathlib.Path(os.environ["OPERATORS_HOME"])
print(json.dumps({
    "profile": attempt((home / ".aws" / "credentials").read_text),
    "folder": attempt(lambda: os.listdir(home)),
    "parent": attempt(pathlib.Path(f"/proc/{os.getppid()}/environ").read_bytes),
    "signal": attempt(lambda: os.kill(os.getppid(), 0)),
    "memory": attempt(lambda: open(f"/proc/{os.getppid()}/mem", "rb")),
    "elsewhere": attempt(lambda: (home.parent / "planted").write_text("x")),
    "here": attempt(lambda: pathlib.Path("note").write_text("x")),
    "home": attempt(lambda: pathlib.Path.home().joinpath("note").write_text("x")),
}))
"""


def test_sandbox_blocks_the_operators_files_and_process(run: Exec) -> None:
    found = run.python(FILES, options=("--env", "OPERATORS_HOME"), OPERATORS_HOME=str(run.home))
    assert found["here"] == found["home"] == "reached", "the command cannot write its own folders"
    refused = {name: how for name, how in found.items() if name not in ("here", "home")}
    assert set(refused.values()) == {"PermissionError"}, refused


def test_without_sandbox_files_and_process_are_reachable(run: Exec) -> None:
    """The control: the sandbox refuses access, not the machine."""
    found = run.python(FILES, options=("--no-sandbox", "--env", "OPERATORS_HOME"), OPERATORS_HOME=str(run.home))
    assert set(found.values()) == {"reached"}, found


@pytest.fixture
def metadata_service() -> Iterator[int]:
    """A server that gives out credentials like 169.254.169.254:80."""

    class Metadata(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"credentials")

        def log_message(self, *_: object) -> None:
            """Writes no log."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Metadata)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()


def test_sandbox_blocks_a_metadata_service(run: Exec, metadata_service: int) -> None:
    script = (
        "import json, urllib.request\n"
        f"try: print(json.dumps(urllib.request.urlopen('http://127.0.0.1:{metadata_service}/').read().decode()))\n"
        "except OSError as error: print(json.dumps(str(error)))"
    )
    assert "Permission denied" in run.python(script)
    assert run.python(script, options=("--port", str(metadata_service))) == "credentials", (
        "the sandbox was not the reason for the refusal"
    )


def test_run_is_recorded_at_start_and_end(stack: LocalStack, run: Exec, clinic: Tenant, clinic_session: Any) -> None:
    done = run("sh", "-c", "exit 7")
    assert done.returncode == 7, done.stderr
    latest = stack.control("runs", tenant=clinic.id)["runs"][0]
    assert latest["command"] == ["sh", "-c", "exit 7"]
    assert latest["status"] == 7 and latest["sandboxed"] is True
    assert latest["operator"].endswith(":root") and latest["started_at"] <= latest["ended_at"]
    shown = subprocess.run(
        [str(BULKHEAD), "runs", "--stage", "local", "--tenant", clinic.id],
        env={"HOME": str(run.home), "AWS_ENDPOINT_URL": stack.endpoint},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert json.loads(shown.stdout)["runs"][0] == latest, shown.stderr


def test_command_line_is_stored_sealed(stack: LocalStack, run: Exec, clinic: Tenant) -> None:
    run("echo", "a name from the clinic's files")
    items = stack.account.client("dynamodb").scan(TableName=stack.outputs["RunsTable"])["Items"]
    assert any(item["pk"]["S"] == clinic.partition for item in items)
    assert "clinic's files" not in str(items)


def test_session_cannot_read_or_change_run_records(stack: LocalStack, run: Exec) -> None:
    table = stack.outputs["RunsTable"]
    script = (
        "import boto3, json, os\n"
        "from botocore.exceptions import ClientError\n"
        "codes = []\n"
        "client = boto3.client('dynamodb')\n"
        f"table = '{table}'\n"
        "pk = {'S': os.environ['BULKHEAD_PARTITION']}\n"
        "for call in (lambda: client.query(TableName=table, KeyConditionExpression='pk = :p', ExpressionAttributeValues={':p': pk}),\n"
        "             lambda: client.delete_item(TableName=table, Key={'pk': pk, 'sk': {'S': 'RUN#1'}}),\n"
        "             lambda: client.put_item(TableName=table, Item={'pk': pk, 'sk': {'S': 'RUN#1'}})):\n"
        "    try: call(); codes.append('allowed')\n"
        "    except ClientError as error: codes.append(error.response['Error']['Code'])\n"
        "print(json.dumps(codes))"
    )
    assert run.python(script) == ["AccessDeniedException"] * 3


def test_command_that_cannot_be_recorded_does_not_run(run: Exec, stack: LocalStack) -> None:
    run.tenant = Tenant("0" * 32, "missing", "", "", "")
    done = run("touch", "it-ran")
    assert done.returncode == EXIT_NOT_RUN and not (run.folder / "it-ran").exists()
    assert "there is no tenant with this id" in done.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--env", "AWS_PROFILE"), "not passed on"),
        (("--read", "{home}"), "may not be opened"),
        (("--read", "{home}/.aws"), "may not be opened"),
        (("--read", "{home}/.aws/sso/cache"), "may not be opened"),
        (("--read", "{home}/.aws/credentials"), "may not be opened"),
        (("--read", "/"), "may not be opened"),
    ],
)
def test_options_that_expose_the_operators_access_are_refused(
    run: Exec, options: tuple[str, ...], message: str
) -> None:
    done = run("touch", "it-ran", options=tuple(each.format(home=run.home) for each in options))
    assert done.returncode == EXIT_NOT_RUN and message in done.stderr, done.stderr
    assert not (run.folder / "it-ran").exists()


def test_command_does_not_run_in_the_operators_home(run: Exec) -> None:
    run.folder = run.home
    done = run("touch", "it-ran")
    assert done.returncode == EXIT_NOT_RUN and "another folder" in done.stderr


@pytest.mark.parametrize("folder", ["{home}/.aws", "{home}/.aws/sso/cache", "{home}/link"])
def test_command_does_not_run_within_the_operators_credentials(run: Exec, folder: str) -> None:
    (run.home / "link").symlink_to(run.home / ".aws" / "sso")
    run.folder = Path(folder.format(home=run.home))
    done = run("touch", "it-ran")
    assert done.returncode == EXIT_NOT_RUN and "another folder" in done.stderr
    assert not (run.folder / "it-ran").exists()
    assert run("touch", "it-ran", options=("--no-sandbox",)).returncode == 0, "the control did not run"


def test_folders_beside_the_credentials_can_be_opened(run: Exec) -> None:
    project = run.home / "project"
    project.mkdir()
    run.folder = project
    assert run("touch", "it-ran").returncode == 0
    assert (project / "it-ran").exists()


def test_credentials_in_a_system_folder_are_refused(run: Exec) -> None:
    """`/etc` is open to every command, so it must not hold the operator's credentials."""
    done = run("touch", "it-ran", AWS_WEB_IDENTITY_TOKEN_FILE="/etc/hostname", AWS_PROFILE="default")
    assert done.returncode == EXIT_NOT_RUN and "out of the system folders" in done.stderr, done.stderr


def test_missing_program_error_names_the_option(run: Exec) -> None:
    done = run("no-such-program")
    assert done.returncode == EXIT_NOT_RUN and "--read" in done.stderr


@pytest.mark.parametrize("kind", ["link", "script"])
def test_closed_interpreter_error_names_the_option(run: Exec, tmp_path: Path, kind: str) -> None:
    """A virtual environment links to a Python that is elsewhere."""
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "bin").mkdir(parents=True)
    (elsewhere / "lib").mkdir()
    tool = elsewhere / "bin" / "tool"
    shutil.copy2("/bin/cat", tool)
    program = run.folder / "program"
    if kind == "link":
        program.symlink_to(tool)
    else:
        program.write_text(f"#!{tool}\n")
        program.chmod(0o755)
    closed = run("./program", "/dev/null")
    assert closed.returncode == EXIT_NOT_RUN
    assert f"needs `{tool}`" in closed.stderr and f"--read {elsewhere}" in closed.stderr, closed.stderr
    opened = run("./program", "/dev/null", options=("--read", str(elsewhere)))
    assert opened.returncode == 0, opened.stderr


def test_list_of_runs_ends_quietly_if_its_reader_has_enough(stack: LocalStack, run: Exec) -> None:
    assert run("true").returncode == 0
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [str(BULKHEAD), "runs", "--stage", "local", "--tenant", run.tenant.id],
            env={"PATH": os.environ["PATH"], "HOME": str(run.home), "AWS_ENDPOINT_URL": stack.endpoint},
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            timeout=90,
        )
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


def test_user_without_the_operator_role_gets_no_session(stack: LocalStack, run: Exec, clinic: Tenant) -> None:
    """The user may not assume the operator role."""
    iam = stack.account.client("iam")
    iam.create_user(UserName="other-user")
    key = iam.create_access_key(UserName="other-user")["AccessKey"]
    done = run("touch", "it-ran", AWS_ACCESS_KEY_ID=key["AccessKeyId"], AWS_SECRET_ACCESS_KEY=key["SecretAccessKey"])
    assert done.returncode == EXIT_NOT_RUN and not (run.folder / "it-ran").exists()
    assert "AccessDenied" in done.stderr, done.stderr


def test_control_function_ends_only_runs_of_its_tier(stack: LocalStack) -> None:
    """The records of all tiers are in one table."""
    tenant = stack.onboard("runs elsewhere", tier="premium")
    run = {"operator": "ada", "command": ["true"], "sandboxed": True}
    begun = stack.control("begin_run", tier="premium", tenant=tenant.id, **run)["run"]
    end = {"tenant": tenant.id, "run": begun, "status": 0}
    assert stack.control("end_run", **end)["error"]["code"] == "unknown_tenant"
    assert stack.control("end_run", tenant="0" * 32, run=begun, status=0)["error"]["code"] == "unknown_tenant"
    assert "ended_at" not in stack.control("runs", tier="premium", tenant=tenant.id)["runs"][0]
    assert stack.control("end_run", tier="premium", **end) == {}
    assert stack.control("runs", tier="premium", tenant=tenant.id)["runs"][0]["status"] == 0
