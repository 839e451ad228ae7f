"""Attacks on S3 Vectors: another tenant's index and the bucket of all indexes."""

from __future__ import annotations

from typing import Any

from tools.devstack.aws import Account

from .target import Operation, Target


def _unit(target: Target) -> dict[str, list[float]]:
    return {"float32": [1.0] + [0.0] * (target.dimension - 1)}


def _delete_vector(session: Account, own: Target) -> None:
    session.client("s3vectors").delete_vectors(**own.index, keys=["probe"])


def _vectors(name: str, call: Any, action: str | None = None, **more: Any) -> Operation:
    return Operation("vectors", name, f"s3vectors:{action or name}", call, **more)


VECTORS = (
    _vectors(
        "QueryVectors",
        lambda s, v, o: s.client("s3vectors").query_vectors(
            **v.index, queryVector=_unit(v), topK=5, returnMetadata=True
        ),
    ),
    _vectors(
        "GetVectors",
        lambda s, v, o: s.client("s3vectors").get_vectors(**v.index, keys=list(v.vectors[:1]), returnMetadata=True),
    ),
    _vectors("ListVectors", lambda s, v, o: s.client("s3vectors").list_vectors(**v.index), owner_may=False),
    _vectors("GetIndex", lambda s, v, o: s.client("s3vectors").get_index(**v.index), owner_may=False),
    _vectors(
        "PutVectors",
        lambda s, v, o: s.client("s3vectors").put_vectors(**v.index, vectors=[{"key": "probe", "data": _unit(v)}]),
        undo=_delete_vector,
    ),
    _vectors(
        "DeleteVectors",
        lambda s, v, o: s.client("s3vectors").delete_vectors(**v.index, keys=["probe"]),
    ),
    _vectors(
        "ListIndexes",
        lambda s, v, o: s.client("s3vectors").list_indexes(vectorBucketName=v.tenant.vector_bucket),
        owner_may=False,
    ),
    _vectors("DeleteIndex", lambda s, v, o: s.client("s3vectors").delete_index(**v.index), owner_may=False),
)
