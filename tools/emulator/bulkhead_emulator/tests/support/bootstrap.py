"""A custom runtime in one file, the function code of every test. The event says what to do.

Runs as `bootstrap` in a deployment package, so it imports no module of this project.
"""

import contextlib
import http.client
import json
import os
import sys
import time
import urllib.request

API = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/"


def post(path, payload):
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    with contextlib.suppress(urllib.error.HTTPError):
        urllib.request.urlopen(urllib.request.Request(API + path, body, method="POST")).read()


class Stream(Exception):
    """Answers with a stream instead of a value."""


def post_stream(path, command):
    """Posts metadata, eight NUL bytes and the parts. Waits for the file `wait_for` before each part but the first."""
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    connection.putrequest("POST", f"/2018-06-01/runtime/{path}")
    for name, value in (
        ("Transfer-Encoding", "chunked"),
        ("Lambda-Runtime-Function-Response-Mode", "streaming"),
        ("Content-Type", "application/vnd.awslambda.http-integration-response"),
        ("Trailer", "Lambda-Runtime-Function-Error-Type"),
    ):
        connection.putheader(name, value)
    connection.endheaders()

    def chunk(data):
        connection.send(b"%x\r\n%s\r\n" % (len(data), data))

    chunk(json.dumps({"statusCode": 201, "headers": {"content-type": "text/event-stream"}}).encode() + b"\0" * 8)
    for number, part in enumerate(command["stream"]):
        while number and command.get("wait_for") and not os.path.exists(command["wait_for"]):
            time.sleep(0.01)
        chunk(part.encode())
    trailer = b"Lambda-Runtime-Function-Error-Type: Broken\r\n" if command.get("break") else b""
    connection.send(b"0\r\n" + trailer + b"\r\n")
    connection.getresponse().read()


class Failure(Exception):
    """Reported to the runtime API as a function error."""


def call_aws(call):
    import boto3

    client = boto3.client(call["service"], endpoint_url=os.environ["ENDPOINT"])
    try:
        answer = getattr(client, call["operation"])(**call.get("arguments", {}))
        answer.pop("ResponseMetadata", None)
        return json.loads(json.dumps(answer, default=str))
    except Exception as error:
        return {"error": type(error).__name__, "message": str(error)}


def authorize(event):
    token = {name.lower(): value for name, value in event["headers"].items()}.get("authorization", "")
    kind, _, tenant = token.partition(" ")
    if kind == "error":
        raise Failure(tenant)
    if kind == "malformed":
        return {"principalId": "x"}
    resource = event["methodArn"] if kind == "exact" else event["methodArn"].split("/")[0] + "/*"
    return {
        "principalId": tenant or "none",
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {"Action": "execute-api:Invoke", "Effect": "Deny" if kind == "deny" else "Allow", "Resource": resource}
            ],
        },
        "context": {"tenantId": tenant, "number": 7, "flag": True, "issued": str(time.time())},
        "usageIdentifierKey": f"usage-key-of-tenant-{tenant}",
    }


def handle(event, headers, count):
    if isinstance(event, dict) and event.get("type") == "REQUEST":
        return authorize(event)
    if isinstance(event, dict) and "triggerSource" in event:
        return trigger(event)
    command = event
    http = isinstance(event, dict) and "httpMethod" in event
    if http:
        try:
            command = json.loads(event.get("body") or "{}")
        except ValueError:
            command = {}
    if isinstance(event, dict) and "Records" in event:
        return records(event["Records"])
    command = command if isinstance(command, dict) else {}
    if "sleep" in command:
        time.sleep(command["sleep"])
    if "log" in command:
        print(command["log"], flush=True)
    if "exit" in command:
        os._exit(command["exit"])
    if "fail" in command:
        raise Failure(command["fail"])
    if "stream" in command:
        raise Stream(command)
    if "raw" in command:
        return command["raw"]
    if "big" in command:
        return "x" * command["big"]
    answer = {
        "pid": os.getpid(),
        "count": count,
        "event": event,
        "tenant": headers.get("Lambda-Runtime-Aws-Tenant-Id"),
        "env": dict(os.environ) if command.get("env") else None,
        "aws": call_aws(command["aws"]) if "aws" in command else None,
    }
    if os.environ.get("JOURNAL"):
        with open(os.environ["JOURNAL"], "a") as journal:
            journal.write(json.dumps(answer) + "\n")
    if http:
        return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(answer)}
    return answer


def trigger(event):
    """Answers a Cognito trigger; the variable TRIGGER contains the answer."""
    if os.environ.get("JOURNAL"):
        with open(os.environ["JOURNAL"], "a") as journal:
            journal.write(json.dumps(event) + "\n")
    command = json.loads(os.environ["TRIGGER"])
    if "fail" in command:
        raise Failure(command["fail"])
    return command["raw"] if "raw" in command else {**event, "response": command["response"]}


def records(found):
    failed, started = [], time.time()
    time.sleep(float(os.environ.get("BATCH_SECONDS", "0")))
    if os.environ.get("BATCHES"):
        with open(os.environ["BATCHES"], "a") as batches:
            batches.write(json.dumps({"started": started, "ended": time.time(), "size": len(found)}) + "\n")
    for record in found:
        if os.environ.get("JOURNAL"):
            with open(os.environ["JOURNAL"], "a") as journal:
                journal.write(json.dumps(record) + "\n")
        if "poison" in record.get("body", ""):
            failed.append({"itemIdentifier": record["messageId"]})
    return json.loads(os.environ["ANSWER"]) if "ANSWER" in os.environ else {"batchItemFailures": failed}


def main():
    if os.environ.get("FAIL_INIT"):
        sys.exit(1)
    count = 0
    while True:
        with urllib.request.urlopen(API + "invocation/next") as answer:
            headers, event = answer.headers, json.loads(answer.read())
        count += 1
        request = headers["Lambda-Runtime-Aws-Request-Id"]
        try:
            post(f"invocation/{request}/response", handle(event, headers, count))
        except Stream as stream:
            post_stream(f"invocation/{request}/response", stream.args[0])
        except Failure as failure:
            post(f"invocation/{request}/error", {"errorMessage": str(failure), "errorType": "Failure"})


main()
