"""Streamed function responses, from the runtime API to the waiting caller.

AWS (runtimes-custom, response-streaming): a runtime posts its response chunked with
`Lambda-Runtime-Function-Response-Mode: streaming`; an error after the first byte is a trailer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, BinaryIO

MODE_HEADER = "Lambda-Runtime-Function-Response-Mode"
ERROR_TRAILER = "lambda-runtime-function-error-type"
_LINE = 64 * 1024


class Sink:
    """A queue for a streamed response, from the runtime API's thread to the event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._chunks: asyncio.Queue[bytes | None] = asyncio.Queue()

    def put(self, chunk: bytes) -> None:
        self._loop.call_soon_threadsafe(self._chunks.put_nowait, chunk)

    def end(self) -> None:
        """Ends the stream, whether the response is complete or missing."""
        self._loop.call_soon_threadsafe(self._chunks.put_nowait, None)

    async def get(self) -> bytes | None:
        """Returns the next chunk, or None at the end."""
        return await self._chunks.get()


_receiving: ContextVar[Sink | None] = ContextVar("sink_of_invocation", default=None)


@contextmanager
def receiving(sink: Sink) -> Iterator[None]:
    """Streams invocations that start inside the context into ``sink``."""
    token = _receiving.set(sink)
    try:
        yield
    finally:
        _receiving.reset(token)


def sink_of_invocation() -> Sink | None:
    return _receiving.get()


def chunks(stream: BinaryIO, trailers: dict[str, str]) -> Iterator[bytes]:
    """Yields the chunks of a chunked body and stores its trailers in ``trailers``."""
    while size := int(stream.readline(_LINE).split(b";")[0].strip() or b"0", 16):
        yield stream.read(size)
        stream.readline(_LINE)
    while line := stream.readline(_LINE).strip():
        name, _, value = line.decode("latin-1").partition(":")
        trailers[name.strip().lower()] = value.strip()


def is_streamed(headers: Any) -> bool:
    return headers.get(MODE_HEADER, "").lower() == "streaming"
