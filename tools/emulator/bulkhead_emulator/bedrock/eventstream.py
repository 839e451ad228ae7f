"""The `application/vnd.amazon.eventstream` framing of streamed answers."""

from __future__ import annotations

import json
import struct
import zlib

_STRING = 7


def message(event_type: str, payload: dict) -> bytes:
    """One event: prelude, headers, JSON payload, checksums."""
    named = {":event-type": event_type, ":content-type": "application/json", ":message-type": "event"}
    headers = b"".join(_header(name, value) for name, value in named.items())
    body = json.dumps(payload).encode()
    prelude = struct.pack(">II", 16 + len(headers) + len(body), len(headers))
    framed = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + body
    return framed + struct.pack(">I", zlib.crc32(framed))


def _header(name: str, value: str) -> bytes:
    return struct.pack(">B", len(name)) + name.encode() + struct.pack(">BH", _STRING, len(value)) + value.encode()
