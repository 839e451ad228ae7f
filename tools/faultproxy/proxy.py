"""The proxy: applies rules to calls and counts them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator

import h11

from . import effects, errors
from .call import Call, Head, recognise
from .effects import Cut, DropAfter, DropBefore, Duplicate, Fail, Hold
from .ledger import OK, Ledger
from .rules import Rules
from .services import Service
from .wire import Broken, Link, Pool, end_to_end

_NO_ANSWER = ""
# How often a held answer looks for its rule.
_HELD_SECONDS = 0.02


class Proxy:
    """Passes every request to one address unchanged, unless a rule applies."""

    def __init__(self, target: str) -> None:
        self._pool = Pool(target)
        self.rules = Rules()
        self.ledger = Ledger()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serves one connection of a client."""
        link = Link(h11.SERVER, reader, writer)
        try:
            while isinstance(request := await link.event(), h11.Request):
                await self._exchange(link, request)
                if not link.next_message():
                    break
            link.close()
        except Broken:
            link.abort()

    async def _exchange(self, link: Link, request: h11.Request) -> None:
        head = Head(
            request.method.decode(),
            request.target.decode("latin-1"),
            {name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers},
        )
        body = link.body()
        form = b""
        if head.action_in_body:
            form = await _whole(body)
            body = _parts(form)
        call, service = recognise(head, form, self.ledger.sessions)
        wait, effect = self.rules.judge(call)
        if wait:
            await asyncio.sleep(wait / 1000)
        match effect:
            case Fail() if service:
                await self._fail(link, body, call, service, effect)
            case DropBefore():
                self.ledger.count(call, _NO_ANSWER, effects.kind(effect))
                raise Broken
            case DropAfter():
                upstream, answer = await self._send(request, body)
                self._read(call, answer, await self._rest(upstream), effects.kind(effect))
                raise Broken
            case Duplicate():
                await self._twice(link, request, await _whole(body), call, effects.kind(effect))
            case Cut() | Hold():
                upstream, answer = await self._send(request, body)
                await self._relay(link, call, upstream, answer, effects.kind(effect), effect)
            case _:
                upstream, answer = await self._send(request, body)
                await self._relay(link, call, upstream, answer, "Delay" if wait else "")

    async def _fail(self, link: Link, body: AsyncIterator[bytes], call: Call, service: Service, fault: Fail) -> None:
        await _whole(body)
        self.ledger.count(call, fault.code, effects.kind(fault))
        answer = errors.write(service, fault)
        await link.send(h11.Response(status_code=answer.status, headers=answer.headers))
        await link.send(h11.Data(answer.body))
        await link.send(h11.EndOfMessage())

    async def _twice(self, link: Link, request: h11.Request, body: bytes, call: Call, fault: str) -> None:
        upstream, first = await self._send(request, _parts(body))
        data = await self._rest(upstream)
        self._read(call, first, data, "")
        upstream, second = await self._send(request, _parts(body))
        self._read(call, second, await self._rest(upstream), fault)
        await _answer(link, first, _parts(data))

    async def _send(self, request: h11.Request, body: AsyncIterator[bytes]) -> tuple[Link, h11.Response]:
        """Sends a request and returns the head of the answer."""
        upstream = await self._pool.take()
        try:
            headers = end_to_end(request)
            await upstream.send(h11.Request(method=request.method, target=request.target, headers=headers))
            async for part in body:
                await upstream.send(h11.Data(part))
            await upstream.send(h11.EndOfMessage())
            while isinstance(answer := await upstream.event(), h11.InformationalResponse):
                pass
            if not isinstance(answer, h11.Response):
                raise Broken
        except BaseException:
            upstream.abort()
            raise
        return upstream, answer

    async def _relay(
        self,
        link: Link,
        call: Call,
        upstream: Link,
        answer: h11.Response,
        fault: str,
        effect: Cut | Hold | None = None,
    ) -> None:
        """Sends an answer to the client and counts it first."""
        if answer.status_code >= 400 or call.action == "AssumeRole":
            data = await self._rest(upstream)
            self._read(call, answer, data, fault)
            await _answer(link, answer, _parts(data))
            return
        self.ledger.count(call, OK, fault)
        try:
            body = self._interrupted(upstream.body(), effect) if effect else upstream.body()
            await _answer(link, answer, body)
        except BaseException:
            upstream.abort()
            raise
        self._pool.give_back(upstream)

    async def _interrupted(self, body: AsyncIterator[bytes], effect: Cut | Hold) -> AsyncIterator[bytes]:
        """Yields the first bytes of a body, and the rest when the rule is removed."""
        left = effect.after_bytes
        async for part in body:
            if left < len(part):
                if left:
                    yield part[:left]
                if isinstance(effect, Cut):
                    raise Broken
                while self.rules.has(effect):
                    await asyncio.sleep(_HELD_SECONDS)
                part, left = part[left:], sys.maxsize
            left -= len(part)
            yield part

    async def _rest(self, upstream: Link) -> bytes:
        """Returns the body of an answer."""
        try:
            data = await _whole(upstream.body())
        except BaseException:
            upstream.abort()
            raise
        self._pool.give_back(upstream)
        return data

    def _read(self, call: Call, answer: h11.Response, data: bytes, fault: str) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in answer.headers}
        failed = answer.status_code >= 400
        if call.action == "AssumeRole" and not failed:
            self.ledger.learn(data)
        outcome = errors.read(answer.status_code, headers, data) if failed else OK
        self.ledger.count(call, outcome, fault)


async def _answer(link: Link, answer: h11.Response, body: AsyncIterator[bytes]) -> None:
    await link.send(h11.Response(status_code=answer.status_code, headers=end_to_end(answer), reason=answer.reason))
    async for part in body:
        await link.send(h11.Data(part))
    await link.send(h11.EndOfMessage())


async def _whole(parts: AsyncIterator[bytes]) -> bytes:
    return b"".join([part async for part in parts])


async def _parts(data: bytes) -> AsyncIterator[bytes]:
    if data:
        yield data
