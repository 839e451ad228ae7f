"""Reads what the stores hold: all of it at the end, seen by the account's root, and counts meanwhile."""

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

from .reconcile import Document, Overheard, Tenancy, crossings
from .tenants import Customer

# Logs of the local AWS itself, which is AWS here: what it notes of calls must be as blind.
_FILES = ("emulator.log", "aws.log", "faults.log", "issuer.log")


def items(stack: LocalStack, customer: Customer, first: str, last: str, names: str = "") -> Iterator[dict[str, Any]]:
    """A tenant's items between two sort keys, all of them or those attributes."""
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
    """How many passages a document's record lets be found."""
    return int(document["live"]["M"]["passages"]["N"]) if "live" in document else 0


@dataclass(frozen=True)
class Everything:
    """One tenant's stores, and when its documents became ready."""

    tenancy: Tenancy
    # Of each document that is ready the moment, as the product writes it.
    ready: dict[str, str]


def read(stack: LocalStack, customer: Customer) -> Everything:
    """All that the stores hold of a tenant."""
    documents, ready = {}, {}
    opened: list[str] = []
    parked: list[str] = []
    dead: list[tuple[str, str]] = []
    for item in items(stack, customer, "D", "Q"):
        kind = item["sk"]["S"].partition("#")[0]
        if kind == "DOCUMENT":
            status, found = item["status"]["S"], document_id(item)
            documents[found] = Document(status, findable(item), item.get("reason", {}).get("S", ""))
            if status == "ready":
                ready[found] = item["updated_at"]["S"]
        elif kind == "JOB":
            opened.append(document_id(item))
        elif kind == "PARKED":
            parked.append(document_id(item))
        elif kind == "DEAD":
            dead.append((document_id(item), item.get("reason", {}).get("S", "")))
    vectors = dict(_vectors(stack, customer))
    texts = dict(_texts(stack.session(customer.tenant), customer, vectors))
    tenancy = Tenancy(customer.name, documents, tuple(opened), tuple(parked), tuple(dead), tuple(vectors), texts)
    return Everything(tenancy, ready)


def _vectors(stack: LocalStack, customer: Customer) -> Iterator[tuple[str, bytes]]:
    """Every vector of a tenant's index and its sealed text."""
    about = {"vectorBucketName": customer.tenant.vector_bucket, "indexName": customer.tenant.index}
    for page in stack.account.client("s3vectors").get_paginator("list_vectors").paginate(**about, returnMetadata=True):
        for each in page["vectors"]:
            yield each["key"], base64.b64decode(each["metadata"]["sealed"])


def _texts(session: Account, customer: Customer, vectors: dict[str, bytes]) -> Iterator[tuple[str, str]]:
    """The passages' texts, opened in the tenant's own session. What does not open is left out."""
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


def logged(stack: LocalStack, words: dict[str, str]) -> tuple[list[Overheard], int]:
    """The lines of all logs that hold a tenant's word, and how many lines there were."""
    found, lines = [], 0
    for where, line in _lines(stack):
        lines += 1
        heard = Overheard(where, None, line)
        if crossings(words, heard):
            found.append(heard)
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
    """`closed`, `open` or `half_open`, of a tenant's circuit as it is stored."""
    if not item or "circuit" not in item:
        return "closed"
    return next(iter(json.loads(item["circuit"]["S"])["state"]))
