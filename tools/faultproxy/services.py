"""What botocore's own models say of AWS's services: operations, protocols, errors.

The models are AWS's description of its services, so neither a list of S3's operations nor one of
error statuses has to be kept here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

import botocore.session
from botocore.exceptions import UnknownServiceError

# Services whose signatures carry another name than boto3's.
_SIGNED_AS = {"bedrock": "bedrock-runtime"}
_REST = ("rest-json", "rest-xml")
_PLACEHOLDER = re.compile(r"\{(\w+)(\+?)\}")


@dataclass(frozen=True)
class Route:
    """A method and path, and what a request must carry to be this operation and no other."""

    action: str
    method: str
    path: re.Pattern[str]
    literals: frozenset[tuple[str, str]]
    query: frozenset[str]
    headers: frozenset[str]

    def fits(self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str]) -> bool:
        return (
            method == self.method
            and self.path.fullmatch(path) is not None
            and all(query.get(name) == value for name, value in self.literals)
            and self.query <= query.keys()
            and self.headers <= headers.keys()
        )

    def precision(self) -> tuple[int, int]:
        """An operation that demands more is meant before one that demands less."""
        return len(self.literals) + len(self.query) + len(self.headers), len(self.path.pattern)


class Service:
    """One service under boto3's name for it."""

    def __init__(self, name: str, model: Any) -> None:
        self.name = name
        self.protocol: str = model.metadata["protocol"]
        self.json_version: str = model.metadata.get("jsonVersion", "1.0")
        self.query_compatible = "awsQueryCompatible" in model.metadata
        self._statuses = {
            shape.error_code: shape.metadata["error"]["httpStatusCode"]
            for shape in model.error_shapes
            if "httpStatusCode" in shape.metadata.get("error", {})
        }
        routes = [_route(model.operation_model(each)) for each in model.operation_names]
        self._routes = sorted(routes, key=Route.precision, reverse=True) if self.rest else []

    @property
    def rest(self) -> bool:
        """Whether method and path say what is asked, and the body is content."""
        return self.protocol in _REST

    def operation(self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str]) -> str:
        """The operation of a REST request; empty for one that no operation fits."""
        for route in self._routes:
            if route.fits(method, path, query, headers):
                return route.action
        return ""

    def status(self, code: str) -> int | None:
        """The HTTP status the model gives an error."""
        return self._statuses.get(code)


def _route(operation: Any) -> Route:
    path, _, literals = operation.http["requestUri"].partition("?")
    members = operation.input_shape.members if operation.input_shape else {}
    required = operation.input_shape.required_members if operation.input_shape else []
    pattern, start = "", 0
    for found in _PLACEHOLDER.finditer(path):
        pattern += re.escape(path[start : found.start()]) + (".+" if found[2] else "[^/]+")
        start = found.end()
    pattern += re.escape(path[start:])

    def carried(location: str) -> frozenset[str]:
        names = (members[each].serialization for each in required)
        return frozenset(name["name"] for name in names if name.get("location") == location)

    return Route(
        operation.name,
        operation.http["method"],
        re.compile(pattern + "/?", re.DOTALL),
        frozenset(parse_qsl(literals, keep_blank_values=True)),
        carried("querystring"),
        frozenset(name.lower() for name in carried("header")),
    )


@cache
def _session() -> Any:
    return botocore.session.Session()


@cache
def signed_as(name: str) -> Service | None:
    """The service of a signature's scope; None for one that botocore does not know."""
    name = _SIGNED_AS.get(name, name)
    try:
        return Service(name, _session().get_service_model(name))
    except UnknownServiceError:
        return None
