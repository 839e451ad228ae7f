"""S3 Vectors: ranking, filters, limits, pages, and IAM on bucket and index ARNs."""

from __future__ import annotations

import contextlib
import math
from typing import Any

import pytest

from bulkhead_emulator.tests.support.cloud import ACCOUNT, Cloud, allow, denied, error, policy, unique

pytestmark = pytest.mark.extension
ARN = f"arn:aws:s3vectors:us-east-1:{ACCOUNT}:bucket/"


class Store:
    """A vector bucket with one index."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud, self.api, self.bucket = cloud, cloud.client("s3vectors"), unique("vectors")

    def make(self, index: str = "t-acme-docs", dimension: int = 3, metric: str = "cosine", **more: Any) -> Any:
        with contextlib.suppress(self.api.exceptions.ConflictException):
            self.api.create_vector_bucket(vectorBucketName=self.bucket)
        self.api.create_index(
            vectorBucketName=self.bucket,
            indexName=index,
            dataType="float32",
            dimension=dimension,
            distanceMetric=metric,
            **more,
        )
        return {"vectorBucketName": self.bucket, "indexName": index}

    def put(self, where: Any, vectors: Any, metadata: Any = None) -> None:
        self.api.put_vectors(
            **where,
            vectors=[
                {"key": key, "data": {"float32": data}, "metadata": (metadata or {}).get(key, {})}
                for key, data in vectors.items()
            ],
        )

    def keys(self, where: Any, query: Any, **more: Any) -> Any:
        found = self.api.query_vectors(**where, queryVector={"float32": query}, topK=more.pop("topK", 10), **more)
        return [vector["key"] for vector in found["vectors"]]


@pytest.fixture
def store(cloud: Cloud) -> Any:
    return Store(cloud)


def test_cosine_ranking_and_distances(store: Any) -> None:
    where = store.make()
    store.put(where, {"x": [2, 0, 0], "xy": [1, 1, 0], "z": [0, 0, 5], "-x": [-1, 0, 0]})
    found = store.api.query_vectors(**where, queryVector={"float32": [1, 0, 0]}, topK=3, returnDistance=True)
    assert [v["key"] for v in found["vectors"]] == ["x", "xy", "z"] and found["distanceMetric"] == "cosine"
    assert [v["distance"] for v in found["vectors"]] == pytest.approx([0, 1 - math.sqrt(0.5), 1], abs=1e-6)


def test_euclidean_ranking(store: Any) -> None:
    where = store.make(metric="euclidean")
    store.put(where, {"near": [1, 1, 0], "far": [9, 0, 0]})
    found = store.api.query_vectors(**where, queryVector={"float32": [1, 0, 0]}, topK=2, returnDistance=True)
    assert [(v["key"], v["distance"]) for v in found["vectors"]] == [("near", 1.0), ("far", 8.0)]


@pytest.mark.parametrize(
    "expression, expected",
    [
        ({"kind": "a"}, "13"),
        ({"kind": {"$eq": "a"}}, "13"),
        ({"kind": {"$ne": "a"}}, "2"),
        ({"year": {"$gte": 2001}}, "23"),
        ({"year": {"$gt": 2000, "$lt": 2002}}, "2"),
        ({"year": {"$lte": 2000}}, "1"),
        ({"kind": {"$in": ["b", "c"]}}, "2"),
        ({"kind": {"$nin": ["b"]}}, "13"),
        ({"only": {"$exists": True}}, "3"),
        ({"only": {"$exists": False}}, "12"),
        ({"tags": "red"}, "12"),
        ({"name": {"$startsWith": "al"}}, "1"),
        ({"flag": True}, "1"),
        ({"flag": 1}, ""),
        ({"$and": [{"kind": "a"}, {"year": {"$gt": 2000}}]}, "3"),
        ({"$or": [{"kind": "b"}, {"only": 1}]}, "23"),
        ({"kind": "a", "year": 2000}, "1"),
    ],
)
def test_filters(store: Any, expression: str, expected: Any) -> None:
    where = store.make()
    store.put(
        where,
        {"1": [1, 0, 0], "2": [1, 1, 0], "3": [0, 1, 0]},
        {
            "1": {"kind": "a", "year": 2000, "tags": ["red", "blue"], "name": "alpha", "flag": True},
            "2": {"kind": "b", "year": 2001, "tags": ["red"], "name": "beta"},
            "3": {"kind": "a", "year": 2002, "only": 1},
        },
    )
    assert "".join(sorted(store.keys(where, [1, 0, 0], filter=expression))) == expected


@pytest.mark.parametrize(
    "expression",
    [
        {},
        {"kind": {"$like": "a"}},
        {"$not": [{"a": 1}]},
        {"$and": []},
        {"a": {"$in": []}},
        {"a": {"$gt": "x"}},
        {"a": {"$exists": 1}},
        {"text": "x"},
        {"a": {"$in": [{}]}},
        {f"k{n}": n for n in range(101)},
    ],
)
def test_invalid_filters(store: Any, expression: str) -> None:
    where = store.make(metadataConfiguration={"nonFilterableMetadataKeys": ["text"]})
    query = {"queryVector": {"float32": [1, 0, 0]}, "topK": 1, "filter": expression}
    assert error(store.api.query_vectors, **where, **query)[0] == "ValidationException"


def test_returns_vectors_as_stored(store: Any) -> None:
    where = store.make()
    store.put(where, {"a": [1, 2, 3], "b": [4, 5, 6]}, {"a": {"n": 1}})
    got = store.api.get_vectors(**where, keys=["b", "a", "missing"], returnData=True, returnMetadata=True)["vectors"]
    assert got == [
        {"key": "b", "data": {"float32": [4, 5, 6]}, "metadata": {}},
        {"key": "a", "data": {"float32": [1, 2, 3]}, "metadata": {"n": 1}},
    ]
    assert store.api.get_vectors(**where, keys=["a"])["vectors"] == [{"key": "a"}]
    store.put(where, {"a": [9, 9, 9]})
    assert store.api.get_vectors(**where, keys=["a"], returnData=True)["vectors"][0]["data"]["float32"] == [9, 9, 9]
    store.api.delete_vectors(**where, keys=["a", "missing"])
    assert store.api.get_vectors(**where, keys=["a"])["vectors"] == []


@pytest.mark.parametrize(
    "data, metadata",
    [
        ([1, 2], {}),
        ([0, 0, 0], {}),
        ([1, 2, 1e39], {}),
        ([1, 2, 3], {"a": "x" * 2100}),
        ([1, 2, 3], {f"k{n}": 1 for n in range(51)}),
        ([1, 2, 3], {"a": {"b": 1}}),
        ([1, 2, 3], {"text": "x" * 41_000}),
    ],
)
def test_put_limits(store: Any, data: Any, metadata: Any) -> None:
    where = store.make(metadataConfiguration={"nonFilterableMetadataKeys": ["text"]})
    vectors = [{"key": "a", "data": {"float32": data}, "metadata": metadata}]
    assert error(store.api.put_vectors, **where, vectors=vectors)[0] == "ValidationException"


def test_non_filterable_metadata_may_be_large(store: Any) -> None:
    where = store.make(metadataConfiguration={"nonFilterableMetadataKeys": ["text"]})
    store.put(where, {"a": [1, 2, 3]}, {"a": {"text": "x" * 30_000}})


@pytest.mark.parametrize(
    "operation, arguments",
    [
        ("put_vectors", {"vectors": [{"key": str(n), "data": {"float32": [1, 1, 1]}} for n in range(501)]}),
        ("get_vectors", {"keys": [str(n) for n in range(101)]}),
        ("delete_vectors", {"keys": [str(n) for n in range(501)]}),
        ("query_vectors", {"queryVector": {"float32": [1, 1, 1]}, "topK": 10_001}),
        ("query_vectors", {"queryVector": {"float32": [1, 1]}, "topK": 1}),
        ("list_vectors", {"maxResults": 1001}),
        ("list_vectors", {"segmentCount": 2, "segmentIndex": 2}),
    ],
)
def test_request_limits(store: Any, operation: str, arguments: Any) -> None:
    where = store.make()
    api = store.cloud.client("s3vectors", parameter_validation=False)
    assert error(getattr(api, operation), **where, **arguments)[0] == "ValidationException"


def test_query_pages_of_a_hundred(store: Any) -> None:
    where = store.make()
    store.put(where, {f"{n:03}": [1, n / 1000, 0] for n in range(250)})
    query = {**where, "queryVector": {"float32": [1, 0, 0]}, "topK": 230}
    pages: list[Any] = []
    token: dict[str, str] = {}
    while True:
        page = store.api.query_vectors(**query, **token)
        pages.append([v["key"] for v in page["vectors"]])
        if "nextToken" not in page:
            break
        token = {"nextToken": page["nextToken"]}
    assert [len(page) for page in pages] == [100, 100, 30]
    assert [key for page in pages for key in page] == [f"{n:03}" for n in range(230)]
    assert error(store.api.query_vectors, **{**query, "topK": 229}, **token)[0] == "ValidationException"


def test_list_vectors_in_pages_and_segments(store: Any) -> None:
    where = store.make()
    store.put(where, {f"{n:02}": [1, 1, 1] for n in range(25)})
    pages = store.api.get_paginator("list_vectors").paginate(**where, PaginationConfig={"PageSize": 10})
    assert [v["key"] for page in pages for v in page["vectors"]] == [f"{n:02}" for n in range(25)]
    segments = [store.api.list_vectors(**where, segmentCount=3, segmentIndex=n)["vectors"] for n in range(3)]
    assert sorted(v["key"] for s in segments for v in s) == [f"{n:02}" for n in range(25)]


def test_buckets_and_indexes(store: Any) -> None:
    where = store.make()
    api = store.api
    assert api.get_vector_bucket(vectorBucketName=store.bucket)["vectorBucket"]["vectorBucketArn"] == ARN + store.bucket
    index = api.get_index(indexArn=f"{ARN}{store.bucket}/index/t-acme-docs")["index"]
    assert (index["dimension"], index["distanceMetric"], index["indexName"]) == (3, "cosine", "t-acme-docs")
    store.make("t-other-docs")
    listed = api.list_indexes(vectorBucketName=store.bucket, prefix="t-acme")["indexes"]
    assert [i["indexName"] for i in listed] == ["t-acme-docs"]
    assert store.bucket in [b["vectorBucketName"] for b in api.list_vector_buckets()["vectorBuckets"]]
    assert error(api.delete_vector_bucket, vectorBucketName=store.bucket)[0] == "ConflictException"
    again = error(api.create_index, **where, dataType="float32", dimension=3, distanceMetric="cosine")
    assert again[:2] == ("ConflictException", 409)
    for name in ("t-acme-docs", "t-other-docs"):
        api.delete_index(vectorBucketName=store.bucket, indexName=name)
    assert error(api.get_index, **where)[0] == "NotFoundException"
    api.delete_vector_bucket(vectorBucketName=store.bucket)
    assert error(api.list_indexes, vectorBucketName=store.bucket)[0] == "NotFoundException"


@pytest.mark.parametrize("name", ["Upper", "a_b", "-ab", "ab-", "a" * 64, "ab"])
def test_names(store: Any, name: str) -> None:
    api = store.cloud.client("s3vectors", parameter_validation=False)
    assert error(api.create_vector_bucket, vectorBucketName=name)[0] == "ValidationException"


def test_refuses_aliases_as_keys(store: Any) -> None:
    api = store.cloud.client("s3vectors", parameter_validation=False)
    encryption = {"sseType": "aws:kms", "kmsKeyArn": f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/x"}
    code = error(api.create_vector_bucket, vectorBucketName=unique("kms"), encryptionConfiguration=encryption)[0]
    assert code == "ValidationException"


def tenant_policy(bucket: str, *actions: Any) -> Any:
    return allow([f"s3vectors:{a}" for a in actions], f"{ARN}{bucket}/index/t-${{aws:PrincipalTag/TenantId}}-*")


def test_tenant_reaches_only_its_own_index(cloud: Cloud, store: Any) -> None:
    own, other = store.make("t-acme-docs"), store.make("t-other-docs")
    session = cloud.tenant("acme", tenant_policy(store.bucket, "*")).client("s3vectors")
    vector = [{"key": "a", "data": {"float32": [1, 0, 0]}}]
    query = {"queryVector": {"float32": [1, 0, 0]}, "topK": 1, "returnMetadata": True}
    for where, refused in ((own, False), (other, True)):
        by_arn = {"indexArn": f"{ARN}{store.bucket}/index/{where['indexName']}"}
        for naming in (where, by_arn):
            assert denied(session.put_vectors, **naming, vectors=vector) == refused
            assert denied(session.query_vectors, **naming, **query) == refused
            assert denied(session.get_vectors, **naming, keys=["a"]) == refused
            assert denied(session.list_vectors, **naming) == refused
            assert denied(session.delete_vectors, **naming, keys=["a"]) == refused
            assert denied(session.get_index, **naming) == refused
    assert denied(session.list_indexes, vectorBucketName=store.bucket)
    assert denied(session.list_vector_buckets)


def test_query_with_filter_or_metadata_needs_get_vectors(cloud: Cloud, store: Any) -> None:
    where = store.make()
    store.put(where, {"a": [1, 0, 0]}, {"a": {"k": 1}})
    query = {**where, "queryVector": {"float32": [1, 0, 0]}, "topK": 1}
    only_query = cloud.tenant("acme", tenant_policy(store.bucket, "QueryVectors")).client("s3vectors")
    assert not denied(only_query.query_vectors, **query, returnDistance=True)
    assert denied(only_query.query_vectors, **query, returnMetadata=True)
    assert denied(only_query.query_vectors, **query, filter={"k": 1})
    both = cloud.tenant("acme", tenant_policy(store.bucket, "QueryVectors", "GetVectors")).client("s3vectors")
    assert not denied(both.query_vectors, **query, returnMetadata=True, filter={"k": 1})


def test_list_with_data_needs_get_vectors(cloud: Cloud, store: Any) -> None:
    where = store.make()
    session = cloud.tenant("acme", tenant_policy(store.bucket, "ListVectors")).client("s3vectors")
    assert not denied(session.list_vectors, **where)
    assert denied(session.list_vectors, **where, returnData=True)


def test_index_with_a_key_needs_decrypt(cloud: Cloud, store: Any) -> None:
    key = cloud.client("kms").create_key()["KeyMetadata"]["Arn"]
    where = store.make(encryptionConfiguration={"sseType": "aws:kms", "kmsKeyArn": key})
    query = {**where, "queryVector": {"float32": [1, 0, 0]}, "topK": 1}
    without = cloud.tenant("acme", tenant_policy(store.bucket, "*")).client("s3vectors")
    assert denied(without.query_vectors, **query)
    via = {"StringEquals": {"kms:ViaService": "s3vectors.us-east-1.amazonaws.com"}}
    having = cloud.tenant("acme", tenant_policy(store.bucket, "*"), allow("kms:Decrypt", key, Condition=via))
    assert not denied(having.client("s3vectors").query_vectors, **query)
    assert denied(having.client("kms").decrypt, CiphertextBlob=b"x" * 100, KeyId=key)


def test_bucket_policies(cloud: Cloud, store: Any) -> None:
    where = store.make()
    session = cloud.tenant("acme", tenant_policy(store.bucket, "*")).client("s3vectors")
    store.api.put_vector_bucket_policy(
        vectorBucketName=store.bucket,
        policy=policy(
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3vectors:DeleteVectors",
                "Resource": f"{ARN}{store.bucket}/*",
            }
        ),
    )
    assert denied(session.delete_vectors, **where, keys=["a"])
    assert not denied(session.list_vectors, **where)


@pytest.mark.extension
def test_numbers_in_metadata_come_back_as_floats(store: Any) -> None:
    """A reader that needs integers must not take them from the metadata."""
    where = store.make()
    store.put(where, {"a": [1, 0, 0]}, {"a": {"number": 3, "list": [1], "flag": True, "text": "3"}})
    found = store.api.get_vectors(**where, keys=["a"], returnMetadata=True)["vectors"][0]["metadata"]
    assert {name: type(value) for name, value in found.items()} == {
        "number": float,
        "list": list,
        "flag": bool,
        "text": str,
    }
    assert type(found["list"][0]) is float
