"""HTTP/1.1 over asyncio streams, with h11 as parser."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import h11

_CHUNK = 64 * 1024
_LARGEST_HEAD = 64 * 1024
# Shorter than the emulator's idle time-out, so that the emulator does not close a connection in use.
_IDLE_SECONDS = 30.0

_GO_ON = h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue")

Headers = list[tuple[bytes, bytes]]
# Headers of a connection, not of the message. https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1
_HOP_BY_HOP = {b"connection", b"keep-alive", b"proxy-connection"}


class Broken(Exception):
    """The peer closed the connection in the middle of a message."""


class Link:
    """One connection, as client or server."""

    def __init__(
        self,
        role: type[h11.CLIENT] | type[h11.SERVER],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._h11 = h11.Connection(role, max_incomplete_event_size=_LARGEST_HEAD)
        self._reader, self._writer = reader, writer
        self.used = time.monotonic()

    async def event(self) -> h11.Event | type[h11.PAUSED]:
        """Returns the next event of a message."""
        try:
            while (event := self._h11.next_event()) is h11.NEED_DATA:
                if self._h11.they_are_waiting_for_100_continue:
                    await self.send(_GO_ON)
                self._h11.receive_data(await self._reader.read(_CHUNK))
        except (OSError, h11.RemoteProtocolError) as error:
            raise Broken from error
        return event  # type: ignore[return-value] # mypy cannot tell NEED_DATA from PAUSED

    async def body(self) -> AsyncIterator[bytes]:
        """Returns the body of the current message."""
        while not isinstance(event := await self.event(), h11.EndOfMessage):
            if not isinstance(event, h11.Data):
                raise Broken
            yield bytes(event.data)

    async def send(self, event: h11.Event) -> None:
        data = self._h11.send(event)
        try:
            if data:
                self._writer.write(data)
                await self._writer.drain()
        except OSError as error:
            raise Broken from error

    def next_message(self) -> bool:
        """Prepares the connection for another exchange. Returns false if it must be closed."""
        if self._h11.our_state is not h11.DONE or self._h11.their_state is not h11.DONE:
            return False
        self._h11.start_next_cycle()
        self.used = time.monotonic()
        return True

    def stale(self) -> bool:
        return self._reader.at_eof() or time.monotonic() - self.used > _IDLE_SECONDS

    def close(self) -> None:
        self._writer.close()

    def abort(self) -> None:
        """Resets the connection."""
        self._writer.transport.abort()


class Pool:
    """A pool of connections to one address."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._idle: list[Link] = []

    async def take(self) -> Link:
        while self._idle:
            link = self._idle.pop()
            if not link.stale():
                return link
            link.close()
        try:
            reader, writer = await asyncio.open_connection(self._host, self._port)
        except OSError as error:
            raise Broken from error
        return Link(h11.CLIENT, reader, writer)

    def give_back(self, link: Link) -> None:
        if link.next_message():
            self._idle.append(link)
        else:
            link.close()


def end_to_end(message: h11.Request | h11.Response) -> Headers:
    """Returns a message's headers, unchanged, without those of the connection."""
    found = message.headers.raw_items()
    return [(name, value) for name, value in found if name.lower() not in _HOP_BY_HOP]
