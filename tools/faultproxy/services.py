"""Operations, protocols and errors of AWS's services, read from botocore's models."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

import botocore.session
from botocore.exceptions import UnknownServiceError

# Services whose name in signatures differs from boto3's.
_SIGNED_AS = {"bedrock": "bedrock-runtime"}
_REST = ("rest-json", "rest-xml")
_PLACEHOLDER = re.compile(r"\{(\w+)(\+?)\}")


@dataclass(frozen=True)
class Route:
    """Method, path and required parameters of an operation."""

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
        """Sort key: an operation with more required parameters is tried first."""
        return len(self.literals) + len(self.query) + len(self.headers), len(self.path.pattern)


class Service:
    """One service; `name` is boto3's."""

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
        """Whether method and path determine the operation."""
        return self.protocol in _REST

    def operation(self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str]) -> str:
        """Returns the operation of a REST request, or an empty text if none fits."""
        for route in self._routes:
            if route.fits(method, path, query, headers):
                return route.action
        return ""

    def status(self, code: str) -> int | None:
        """Returns the HTTP status of an error in the model."""
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
    """Returns the service of a signature's scope, or None if botocore does not know it."""
    name = _SIGNED_AS.get(name, name)
    try:
        return Service(name, _session().get_service_model(name))
    except UnknownServiceError:
        return None
