"""The admin API for rules and counts, on a separate port that functions do not know."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import h11

from .proxy import Proxy
from .rules import ActiveRule, Rule
from .wire import Broken, Link


class Admin:
    """`POST /rules`, `GET` and `DELETE /rules/<number>`, `GET /calls`."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = Link(h11.SERVER, reader, writer)
        try:
            while isinstance(request := await link.event(), h11.Request):
                body = b"".join([part async for part in link.body()])
                status, answer = self._act(request.method.decode(), request.target.decode(), body)
                data = json.dumps(answer).encode()
                headers = [("Content-Type", "application/json"), ("Content-Length", str(len(data)))]
                await link.send(h11.Response(status_code=status, headers=headers))
                await link.send(h11.Data(data))
                await link.send(h11.EndOfMessage())
                if not link.next_message():
                    break
        except Broken:
            pass
        link.close()

    def _act(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        rules = self._proxy.rules
        match method, path.strip("/").split("/"):
            case "GET", ["calls"]:
                return 200, self._proxy.ledger.calls.to_json()
            case "POST", ["rules"]:
                try:
                    return 201, {"number": rules.add(Rule.from_json(json.loads(body)))}
                except (KeyError, TypeError, ValueError) as error:
                    return 400, {"error": f"not a rule: {error!r}"}
            case "GET", ["rules", number] if number.isdigit():
                return _seen(rules.get(int(number)))
            case "DELETE", ["rules", number] if number.isdigit():
                return _seen(rules.remove(int(number)))
            case _:
                return 404, {"error": f"unknown request {method} {path}"}


def _seen(active: ActiveRule | None) -> tuple[int, Any]:
    if active is None:
        return 404, {"error": "no such rule"}
    return 200, {"matched": active.matched, "hits": active.hits}
