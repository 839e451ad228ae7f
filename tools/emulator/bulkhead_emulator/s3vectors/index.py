"""One vector index: limits and ranking.

AWS (s3-vectors-limitations): float32, dimension 1 to 4,096, cosine or euclidean; metadata 40 KB in total,
2 KB filterable, 50 keys; cosine needs non-zero vectors. Ranking is exact here; on AWS it is approximate with a
recall of 90 % or more.
"""

from __future__ import annotations

import json
import math
import struct
import time
from dataclasses import dataclass, field
from operator import mul
from typing import Any

from .errors import invalid
from .filters import Predicate

_METADATA_LIMIT, _FILTERABLE_LIMIT, _KEY_LIMIT = 40 * 1024, 2 * 1024, 50


@dataclass(frozen=True)
class Vector:
    """A stored vector. ``norm`` is cached for searches."""

    data: tuple[float, ...]
    norm: float
    metadata: dict


@dataclass
class Index:
    """An index and its vectors."""

    bucket: str
    name: str
    dimension: int
    metric: str
    non_filterable: tuple[str, ...]
    encryption: dict
    mode: str
    tags: dict[str, str] = field(default_factory=dict)
    created: float = field(default_factory=time.time)
    vectors: dict[str, Vector] = field(default_factory=dict)

    def vector(self, data: Any, metadata: Any = None) -> Vector:
        """Returns a vector after checking it against the index's limits."""
        values = data.get("float32") if isinstance(data, dict) else None
        if not isinstance(values, list) or not all(isinstance(v, (int, float)) for v in values):
            raise invalid("Vector data must be given as float32")
        if len(values) != self.dimension:
            raise invalid(f"vector must have length {self.dimension}, but has length {len(values)}")
        try:
            single = struct.unpack(f"<{len(values)}f", struct.pack(f"<{len(values)}f", *values))
        except OverflowError:
            raise invalid("vector contains a value outside float32") from None
        if not all(map(math.isfinite, single)):
            raise invalid("vector contains invalid values: NaN or infinity")
        norm = math.sqrt(sum(map(mul, single, single)))
        if self.metric == "cosine" and norm == 0:
            raise invalid("vectors of a cosine index must be non-zero")
        return Vector(single, norm, self._metadata(metadata))

    def ranked(self, query: Vector, wanted: Predicate | None) -> list[tuple[float, str]]:
        """Returns (distance, key) of every vector that passes the filter, nearest first."""
        distance = self._cosine if self.metric == "cosine" else self._euclidean
        return sorted(
            (distance(query, vector), key)
            for key, vector in self.vectors.items()
            if wanted is None or wanted(vector.metadata)
        )

    @staticmethod
    def _cosine(left: Vector, right: Vector) -> float:
        return 1.0 - sum(map(mul, left.data, right.data)) / (left.norm * right.norm)

    @staticmethod
    def _euclidean(left: Vector, right: Vector) -> float:
        return math.dist(left.data, right.data)

    def _metadata(self, metadata: Any) -> dict:
        if metadata is None:
            return {}
        if not isinstance(metadata, dict):
            raise invalid("metadata must be an object")
        if len(metadata) > _KEY_LIMIT:
            raise invalid(f"metadata can hold at most {_KEY_LIMIT} keys")
        for key, value in metadata.items():
            self._check_metadata_value(key, value)
        if _size(metadata) > _METADATA_LIMIT:
            raise invalid(f"Total metadata must have at most {_METADATA_LIMIT} bytes")
        if _size({k: v for k, v in metadata.items() if k not in self.non_filterable}) > _FILTERABLE_LIMIT:
            raise invalid(f"Filterable metadata must have at most {_FILTERABLE_LIMIT} bytes")
        return {key: _as_floats(value) for key, value in metadata.items()}

    def _check_metadata_value(self, key: str, value: Any) -> None:
        items = value if isinstance(value, list) else [value]
        plain = not key.startswith("$") and all(isinstance(item, (str, int, float, bool)) for item in items)
        if not plain and key not in self.non_filterable:
            raise invalid(f"Filterable metadata {key!r} must be a string, number, boolean or a list of these")


def _as_floats(value: Any) -> Any:
    """Returns numbers as floats. Metadata is a JSON document without integers, so no reader may rely on them."""
    if isinstance(value, list):
        return [_as_floats(each) for each in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _size(metadata: dict) -> int:
    return len(json.dumps(metadata, ensure_ascii=False, separators=(",", ":")).encode())
