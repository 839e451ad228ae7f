"""The operations of S3 Vectors, from parsed request to answer."""

from __future__ import annotations

import base64
import hashlib
import json
import time
import zlib
from dataclasses import dataclass, field
from typing import Any

from ministack.core.responses import get_account_id, get_region

from .errors import conflict, invalid, not_found
from .filters import compile_filter
from .index import Index, Vector
from .names import bucket_arn, bucket_of, index_arn, index_of

_QUERY_PAGE, _TOP_K_LIMIT = 100, 10_000


@dataclass
class Bucket:
    """A vector bucket and its indexes."""

    name: str
    encryption: dict
    default_mode: str = "ENHANCED"
    tags: dict[str, str] = field(default_factory=dict)
    created: float = field(default_factory=time.time)
    policy: str | None = None
    indexes: dict[str, Index] = field(default_factory=dict)


_buckets: dict[tuple[str, str, str], Bucket] = {}


def reset() -> None:
    _buckets.clear()


def find_bucket(name: str | None) -> Bucket | None:
    return _buckets.get((get_account_id(), get_region(), name)) if name else None


def find_index(bucket: str | None, name: str | None) -> Index | None:
    found = find_bucket(bucket)
    return found.indexes.get(name) if found and name else None


def _bucket(request: dict) -> Bucket:
    found = find_bucket(bucket_of(request))
    if found is None:
        raise not_found("vector bucket")
    return found


def _index(request: dict) -> Index:
    bucket, name = index_of(request)
    if find_bucket(bucket) is None:
        raise not_found("vector bucket")
    found = find_index(bucket, name)
    if found is None:
        raise not_found("index")
    return found


def create_vector_bucket(request: dict) -> dict:
    name = bucket_of(request)
    if find_bucket(name):
        raise conflict("A vector bucket with the specified name already exists")
    _buckets[(get_account_id(), get_region(), name)] = Bucket(
        name, _encryption(request), tags=dict(request.get("tags") or {})
    )
    return {"vectorBucketArn": bucket_arn(name)}


def get_vector_bucket(request: dict) -> dict:
    found = _bucket(request)
    return {
        "vectorBucket": {
            **_bucket_summary(found),
            "encryptionConfiguration": found.encryption,
            "defaultIndexMode": found.default_mode,
        }
    }


def list_vector_buckets(request: dict) -> dict:
    scope = (get_account_id(), get_region())
    names = [key[2] for key in _buckets if key[:2] == scope]
    page, token = _page(names, request, 500, 500)
    return {"vectorBuckets": [_bucket_summary(_buckets[(*scope, name)]) for name in page], **token}


def delete_vector_bucket(request: dict) -> dict:
    found = _bucket(request)
    if found.indexes:
        raise conflict("The specified vector bucket is not empty")
    del _buckets[(get_account_id(), get_region(), found.name)]
    return {}


def put_vector_bucket_policy(request: dict) -> dict:
    found = _bucket(request)
    try:
        json.loads(request.get("policy") or "")
    except ValueError:
        raise invalid("policy must be a JSON document") from None
    found.policy = request["policy"]
    return {}


def get_vector_bucket_policy(request: dict) -> dict:
    found = _bucket(request)
    if found.policy is None:
        raise not_found("vector bucket policy")
    return {"policy": found.policy}


def delete_vector_bucket_policy(request: dict) -> dict:
    _bucket(request).policy = None
    return {}


def create_index(request: dict) -> dict:
    bucket, name = _bucket(request), index_of(request)[1]
    dimension, metric = request.get("dimension"), request.get("distanceMetric")
    if request.get("dataType") != "float32":
        raise invalid("dataType must be float32")
    if not isinstance(dimension, int) or isinstance(dimension, bool) or not 1 <= dimension <= 4096:
        raise invalid("dimension must be between 1 and 4096")
    if metric not in ("cosine", "euclidean"):
        raise invalid("distanceMetric must be cosine or euclidean")
    if name in bucket.indexes:
        raise conflict("An index with the specified name already exists")
    bucket.indexes[name] = Index(
        bucket.name,
        name,
        dimension,
        metric,
        _non_filterable(request),
        _encryption(request) if request.get("encryptionConfiguration") else bucket.encryption,
        bucket.default_mode,
        dict(request.get("tags") or {}),
    )
    return {"indexArn": index_arn(bucket.name, name)}


def get_index(request: dict) -> dict:
    found = _index(request)
    described = {
        **_index_summary(found),
        "dataType": "float32",
        "dimension": found.dimension,
        "distanceMetric": found.metric,
        "encryptionConfiguration": found.encryption,
        "indexMode": found.mode,
    }
    if found.non_filterable:
        described["metadataConfiguration"] = {"nonFilterableMetadataKeys": list(found.non_filterable)}
    return {"index": described}


def list_indexes(request: dict) -> dict:
    bucket = _bucket(request)
    page, token = _page(list(bucket.indexes), request, 500, 500)
    return {"indexes": [_index_summary(bucket.indexes[name]) for name in page], **token}


def delete_index(request: dict) -> dict:
    found = _index(request)
    bucket = find_bucket(found.bucket)
    assert bucket is not None
    del bucket.indexes[found.name]
    return {}


def put_vectors(request: dict) -> dict:
    index = _index(request)
    given = _list(request, "vectors", 500)
    checked = {_key(v.get("key")): index.vector(v.get("data"), v.get("metadata")) for v in given}
    if len(checked) != len(given):
        raise invalid("Vector keys of one request must be unique")
    index.vectors.update(checked)
    return {}


def get_vectors(request: dict) -> dict:
    index = _index(request)
    keys = [_key(key) for key in _list(request, "keys", 100)]
    return {"vectors": [_shown(key, index.vectors[key], request) for key in keys if key in index.vectors]}


def delete_vectors(request: dict) -> dict:
    index = _index(request)
    for key in [_key(key) for key in _list(request, "keys", 500)]:
        index.vectors.pop(key, None)
    return {}


def list_vectors(request: dict) -> dict:
    index = _index(request)
    count, segment = request.get("segmentCount"), request.get("segmentIndex")
    whole = count is None and segment is None
    if not whole and (count is None or segment is None or not 0 <= segment < count <= 16):
        raise invalid("segmentCount (1 to 16) and segmentIndex (below segmentCount) belong together")
    keys = [k for k in index.vectors if count is None or zlib.crc32(k.encode()) % count == segment]
    page, token = _page(keys, request, 500, 1000)
    return {"vectors": [_shown(key, index.vectors[key], request) for key in page], **token}


def query_vectors(request: dict) -> dict:
    index = _index(request)
    if "queryTexts" in request:
        raise invalid("this emulator does no full-text or hybrid search; query by vector")
    query = index.vector(request.get("queryVector"))
    top = request.get("topK")
    if not isinstance(top, int) or not 1 <= top <= _TOP_K_LIMIT:
        raise invalid(f"topK must be between 1 and {_TOP_K_LIMIT}")
    wanted = compile_filter(request["filter"], index.non_filterable) if request.get("filter") is not None else None
    ranked = index.ranked(query, wanted)[:top]
    start = _query_offset(request)
    answer: dict[str, Any] = {
        "distanceMetric": index.metric,
        "vectors": [
            _shown(key, index.vectors[key], {**request, "returnData": False}, distance)
            for distance, key in ranked[start : start + _QUERY_PAGE]
        ],
    }
    if start + _QUERY_PAGE < len(ranked):
        answer["nextToken"] = _token(start + _QUERY_PAGE, _query_digest(request))
    return answer


def _shown(key: str, vector: Vector, request: dict, distance: float | None = None) -> dict:
    shown: dict[str, Any] = {"key": key}
    if request.get("returnData"):
        shown["data"] = {"float32": list(vector.data)}
    if request.get("returnMetadata"):
        shown["metadata"] = vector.metadata
    if distance is not None and request.get("returnDistance"):
        shown["distance"] = distance
    return shown


def _bucket_summary(bucket: Bucket) -> dict:
    return {"vectorBucketName": bucket.name, "vectorBucketArn": bucket_arn(bucket.name), "creationTime": bucket.created}


def _index_summary(index: Index) -> dict:
    return {
        "vectorBucketName": index.bucket,
        "indexName": index.name,
        "indexArn": index_arn(index.bucket, index.name),
        "creationTime": index.created,
    }


def _encryption(request: dict) -> dict:
    given = request.get("encryptionConfiguration") or {}
    kind, key = given.get("sseType") or "AES256", given.get("kmsKeyArn")
    if kind not in ("AES256", "aws:kms") or (kind == "aws:kms") != bool(key):
        raise invalid("encryptionConfiguration needs sseType AES256, or aws:kms with kmsKeyArn")
    if key and ":key/" not in key:
        raise invalid("kmsKeyArn must be the full ARN of a key; aliases and key ids are not accepted")
    return {"sseType": kind, **({"kmsKeyArn": key} if key else {})}


def _non_filterable(request: dict) -> tuple[str, ...]:
    configuration = request.get("metadataConfiguration")
    if configuration is None:
        return ()
    keys = configuration.get("nonFilterableMetadataKeys")
    if not isinstance(keys, list) or not 1 <= len(keys) <= 10 or not all(1 <= len(str(k)) <= 63 for k in keys):
        raise invalid("nonFilterableMetadataKeys takes 1 to 10 keys of 1 to 63 characters")
    return tuple(keys)


def _list(request: dict, name: str, limit: int) -> list:
    given = request.get(name)
    if not isinstance(given, list) or not 1 <= len(given) <= limit:
        raise invalid(f"{name} must have between 1 and {limit} entries")
    return given


def _key(key: Any) -> str:
    if not isinstance(key, str) or not 1 <= len(key) <= 1024:
        raise invalid("A vector key must have between 1 and 1024 characters")
    return key


def _page(names: list[str], request: dict, default: int, limit: int) -> tuple[list[str], dict]:
    """Returns one sorted page of ``names`` after the name in the token."""
    size = request.get("maxResults") or default
    if not 1 <= size <= limit:
        raise invalid(f"maxResults must be between 1 and {limit}")
    after = _after(request.get("nextToken"))
    rest = sorted(n for n in names if n.startswith(request.get("prefix") or "") and n > after)
    page = rest[:size]
    return page, ({"nextToken": base64.urlsafe_b64encode(page[-1].encode()).decode()} if len(rest) > size else {})


def _after(token: str | None) -> str:
    try:
        return base64.urlsafe_b64decode(token).decode() if token else ""
    except ValueError:
        raise invalid("Invalid nextToken") from None


def _token(offset: int, digest: str) -> str:
    return base64.urlsafe_b64encode(f"{offset}.{digest}".encode()).decode()


def _query_digest(request: dict) -> str:
    same = {key: value for key, value in request.items() if key != "nextToken"}
    return hashlib.sha256(json.dumps(same, sort_keys=True).encode()).hexdigest()[:32]


def _query_offset(request: dict) -> int:
    if not request.get("nextToken"):
        return 0
    offset, _, digest = _after(request["nextToken"]).partition(".")
    if not offset.isdigit() or digest != _query_digest(request):
        raise invalid("Invalid nextToken: it belongs to another query")
    return int(offset)
