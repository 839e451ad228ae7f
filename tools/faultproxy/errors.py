"""AWS's errors in each protocol: writes them for faults and reads them for the counts.

Protocols: https://smithy.io/2.0/aws/protocols/. Codes that every service may return:
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/CommonErrors.html and its like.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from xml.sax.saxutils import escape

from .effects import Fail
from .services import Service

# Statuses of codes that no model contains or that have no status in the model.
_STATUS = {
    "AccessDenied": 403,
    "DependencyTimeoutException": 503,
    "InternalError": 500,
    "InternalFailure": 500,
    "InternalServerError": 500,
    "KMSInternalException": 500,
    "KeyUnavailableException": 500,
    "RequestThrottled": 403,
    "ServiceUnavailable": 503,
    "SlowDown": 503,
}
_XML_CODE = re.compile(rb"<Code>([^<]+)</Code>")


@dataclass(frozen=True)
class Wire:
    """An HTTP answer."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


def write(service: Service, fault: Fail) -> Wire:
    """Returns the error in the format of the service."""
    status = fault.status or service.status(fault.code) or _STATUS.get(fault.code, 400)
    request = str(uuid.uuid4())
    blame = "Sender" if status < 500 else "Receiver"
    code, message = escape(fault.code), escape(fault.message)
    match service.protocol:
        case "query":
            body = (
                f"<ErrorResponse><Error><Type>{blame}</Type><Code>{code}</Code>"
                f"<Message>{message}</Message></Error><RequestId>{request}</RequestId></ErrorResponse>"
            )
            return _wire(status, "text/xml", body, ("x-amzn-RequestId", request))
        case "rest-xml":
            body = (
                '<?xml version="1.0" encoding="UTF-8"?>\n'
                f"<Error><Code>{code}</Code><Message>{message}</Message>"
                f"<RequestId>{request}</RequestId></Error>"
            )
            return _wire(status, "application/xml", body, ("x-amz-request-id", request))
        case "rest-json":
            body = json.dumps({"message": fault.message})
            named = [("x-amzn-ErrorType", fault.code), ("x-amzn-RequestId", request)]
            return _wire(status, "application/json", body, *named)
        case _:
            body = json.dumps({"__type": fault.code, "message": fault.message})
            named = [("x-amzn-RequestId", request)]
            if service.query_compatible:
                named.append(("x-amzn-query-error", f"{fault.code};{blame}"))
            return _wire(status, f"application/x-amz-json-{service.json_version}", body, *named)


def _wire(status: int, kind: str, body: str, *named: tuple[str, str]) -> Wire:
    data = body.encode()
    return Wire(status, [("Content-Type", kind), ("Content-Length", str(len(data))), *named], data)


def read(status: int, headers: Mapping[str, str], body: bytes) -> str:
    """Returns the code of a service's error, or its status if it has no code."""
    code = headers.get("x-amzn-errortype", "")
    if not code and (found := _XML_CODE.search(body)):
        code = found[1].decode("utf-8", "replace")
    if not code and body[:1] == b"{":
        try:
            parsed = json.loads(body)
        except ValueError:
            parsed = {}
        code = str(parsed.get("__type") or parsed.get("code") or "")
    # `namespace#Code` and `Code:http://…` are both in use.
    return code.partition(":")[0].rpartition("#")[2] or str(status)
