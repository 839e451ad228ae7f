"""Reads the stores as the account's root user."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag

from tools.attacks.sealing import passage_address, unseal
from tools.attacks.target import Wrapped
from tools.devstack.aws import Account
from tools.devstack.stack import LocalStack

from .reconcile import Document, Observation, Tenancy, leaks
from .tenants import Customer

# Logs of the local AWS, which must contain no tenant's word either.
_FILES = ("emulator.log", "aws.log", "faults.log", "issuer.log")


def items(stack: LocalStack, customer: Customer, first: str, last: str, names: str = "") -> Iterator[dict[str, Any]]:
    """Returns a tenant's items between two sort keys, with all attributes or those in `names`."""
    client = stack.account.client("dynamodb")
    attributes = [f"#{number}" for number, _ in enumerate(names.split())]
    more: dict[str, Any] = {}
    if attributes:
        more["ProjectionExpression"] = ", ".join(attributes)
        more["ExpressionAttributeNames"] = dict(zip(attributes, names.split(), strict=True))
    while True:
        page = client.query(
            TableName=stack.outputs["DataTable"],
            ConsistentRead=True,
            KeyConditionExpression="pk = :pk AND sk BETWEEN :first AND :last",
            ExpressionAttributeValues={
                ":pk": {"S": customer.tenant.partition},
                ":first": {"S": first},
                ":last": {"S": last},
            },
            **more,
        )
        yield from page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        more["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def document_id(item: dict[str, Any]) -> str:
    return item["sk"]["S"].rpartition("#")[2]


def findable(document: dict[str, Any]) -> int:
    """Returns the number of searchable passages in a document's record."""
    return int(document["live"]["M"]["passages"]["N"]) if "live" in document else 0


@dataclass(frozen=True)
class StoreContents:
    """One tenant's stores, and when its documents became ready."""

    tenancy: Tenancy
    # Timestamps by document, as stored.
    ready: dict[str, str]


def read(stack: LocalStack, customer: Customer) -> StoreContents:
    """Reads all stores of a tenant."""
    documents, ready = {}, {}
    opened: list[str] = []
    waiting: list[str] = []
    dead: list[tuple[str, str]] = []
    for item in items(stack, customer, "D", "X"):
        kind = item["sk"]["S"].partition("#")[0]
        if kind == "DOCUMENT":
            status, found = item["status"]["S"], document_id(item)
            documents[found] = Document(status, findable(item), item.get("last_error", {}).get("S", ""))
            if status == "ready":
                ready[found] = item["updated_at"]["S"]
        elif kind == "JOB":
            opened.append(document_id(item))
        elif kind == "WAITING":
            waiting.append(document_id(item))
        elif kind == "DEAD":
            dead.append((document_id(item), item.get("last_error", {}).get("S", "")))
    vectors = dict(_vectors(stack, customer))
    texts = dict(_texts(stack.session(customer.tenant), customer, vectors))
    tenancy = Tenancy(customer.name, documents, tuple(opened), tuple(waiting), tuple(dead), tuple(vectors), texts)
    return StoreContents(tenancy, ready)


def _vectors(stack: LocalStack, customer: Customer) -> Iterator[tuple[str, bytes]]:
    """Returns every vector key of a tenant's index with its sealed text."""
    about = {"vectorBucketName": customer.tenant.vector_bucket, "indexName": customer.tenant.index}
    for page in stack.account.client("s3vectors").get_paginator("list_vectors").paginate(**about, returnMetadata=True):
        for each in page["vectors"]:
            yield each["key"], base64.b64decode(each["metadata"]["sealed"])


def _texts(session: Account, customer: Customer, vectors: dict[str, bytes]) -> Iterator[tuple[str, str]]:
    """Returns the passages' texts, opened in the tenant's session. Passages that do not open are left out."""
    keys: dict[bytes, bytes] = {}
    for key, sealed in vectors.items():
        wrapped = Wrapped.parse(sealed).key
        if wrapped not in keys:
            context = {"tenant": customer.tenant.id, "purpose": "passage"}
            keys[wrapped] = session.client("kms").decrypt(CiphertextBlob=wrapped, EncryptionContext=context)[
                "Plaintext"
            ]
        try:
            text = unseal(keys[wrapped], passage_address(customer.tenant.index, key), sealed)
        except InvalidTag:
            continue
        yield key, text.decode()


def logged(stack: LocalStack, words: dict[str, str]) -> tuple[list[Observation], int]:
    """Returns the log lines that contain a tenant's word, and the number of all lines."""
    found, lines = [], 0
    for where, line in _lines(stack):
        lines += 1
        observed = Observation(where, None, line)
        if leaks(words, observed):
            found.append(observed)
    return found, lines


def _lines(stack: LocalStack) -> Iterator[tuple[str, str]]:
    yield from stack.log_lines()
    for file in _FILES:
        path: Path = stack.state / file
        if path.exists():
            with path.open(errors="replace") as text:
                for line in text:
                    yield file, line


def circuit_of(item: dict[str, Any] | None) -> str:
    """Returns the state of a stored circuit: `closed`, `open` or `half_open`."""
    if not item or "circuit" not in item:
        return "closed"
    return next(iter(json.loads(item["circuit"]["S"])["state"]))
