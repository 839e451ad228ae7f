"""A small HTTP client for the public API."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

_TIMEOUT_SECONDS = 60.0
# The stack listens on the loopback interface, so the shell's proxy settings must not apply.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Answer:
    """Status, headers (names in lower case) and body of one response."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")

    @property
    def json(self) -> Any:
        """Returns the body as JSON. An error shows the body that is not JSON."""
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise AssertionError(f"status {self.status}, not JSON: {self.text[:500]!r}") from error

    def expect(self, *statuses: int) -> Any:
        """Returns the decoded body if the status is one of `statuses`, and fails otherwise."""
        assert self.status in statuses, f"expected {statuses}, got {self.status}: {self.text[:1000]}"
        return self.json if self.body else None


def send(method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Answer:
    """Sends one request. An error status is returned, not raised."""
    request = urllib.request.Request(url, data=body, method=method, headers=dict(headers or {}))
    try:
        with _DIRECT.open(request, timeout=_TIMEOUT_SECONDS) as response:
            return _answer(response.status, response.headers, response.read())
    except urllib.error.HTTPError as refused:
        with refused:
            return _answer(refused.code, refused.headers, refused.read())


def _answer(status: int, headers: Any, body: bytes) -> Answer:
    return Answer(status, {name.lower(): value for name, value in headers.items()}, body)


def _events(response: Any) -> Iterator[tuple[str, Any]]:
    name = ""
    for line in response:
        field, _, value = line.decode().rstrip("\n").partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            yield name, json.loads(value)


@dataclass(frozen=True)
class Api:
    """The API with one caller's token; `token=None` sends no Authorization header."""

    base: str
    token: str | None

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        raw: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Sends a request with JSON (`body`) or unchanged bytes (`raw`)."""
        sent: dict[str, str] = {}
        if self.token is not None:
            sent["Authorization"] = f"Bearer {self.token}"
        data = raw
        if body is not None:
            data = json.dumps(body).encode()
        if data is not None:
            sent["Content-Type"] = "application/json"
        sent.update(headers or {})
        return send(method, self.base + path, data, {k: v for k, v in sent.items() if v != ""})

    @contextmanager
    def stream(self, path: str, body: Any) -> Iterator[Iterator[tuple[str, Any]]]:
        """Sends a request and yields the events of its answer, as name and data, when they arrive."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.base + path, json.dumps(body).encode(), headers, method="POST")
        with _DIRECT.open(request, timeout=_TIMEOUT_SECONDS) as response:
            assert response.headers["Content-Type"] == "text/event-stream", response.headers
            yield _events(response)

    def get(self, path: str, **more: Any) -> Answer:
        return self.call("GET", path, **more)

    def put(self, path: str, body: Any = None, **more: Any) -> Answer:
        return self.call("PUT", path, body, **more)

    def post(self, path: str, body: Any = None, **more: Any) -> Answer:
        return self.call("POST", path, body, **more)

    def patch(self, path: str, body: Any = None, **more: Any) -> Answer:
        return self.call("PATCH", path, body, **more)

    def delete(self, path: str, **more: Any) -> Answer:
        return self.call("DELETE", path, **more)

    def save_template(self, key: str, body: str, **more: Any) -> Any:
        return self.put(f"/v1/templates/{key}", {"body": body, **more}).expect(200, 201)

    def add_document(self, title: str, content: str, content_type: str = "text/plain", **more: Any) -> Any:
        body = {"title": title, "content_type": content_type, "content": content, **more}
        return self.post("/v1/documents", body).expect(202)

    def ask(self, question: str, template: str = "default_summary", **more: Any) -> Any:
        return self.post("/v1/inference", {"template": template, "question": question, **more}).expect(200)

    def pages(self, path: str, items: str, limit: int) -> list[list[Any]]:
        """Returns all pages of a listing. Fails after 1000 pages."""
        found: list[list[Any]] = []
        cursor = None
        for _ in range(1000):
            query = f"?limit={limit}" + (f"&cursor={quote(cursor, safe='')}" if cursor else "")
            page = self.get(path + query).expect(200)
            found.append(page[items])
            cursor = page["cursor"]
            if cursor is None:
                return found
        raise AssertionError(f"{path} still had a cursor after 1000 pages")
