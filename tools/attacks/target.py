"""Targets of attacks, and the check of refusals.

An attack proves isolation only if the same call works for the owner and if the service refuses it for the
right reason: "access denied", not an invalid parameter. The demo and the tests check both for every attack.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from tools.devstack.aws import Account, Tenant, error_code
from tools.devstack.stack import LocalStack

# The services' codes for a refusal by policy. A HEAD request of S3 has no body, so its code is 403.
DENIED = frozenset({"AccessDenied", "AccessDeniedException", "403", "AuthorizationError"})


_DENIED_ACTION = re.compile(r"not authorized to perform: ([a-z0-9-]+:\w+)")


class NotRefused(AssertionError):
    """An attack succeeded, or failed for another reason than a refusal."""


def refusal(what: str, call: Callable[[], Any], codes: frozenset[str] = DENIED) -> str:
    """Makes a call that must be refused and returns the error code of the refusal."""
    return error_code(refused(what, call, codes))


def refused(what: str, call: Callable[[], Any], codes: frozenset[str] = DENIED) -> ClientError:
    """Makes a call that must be refused and returns the error."""
    try:
        answer = call()
    except ClientError as error:
        if error_code(error) not in codes:
            raise NotRefused(f"{what} failed for another reason: {error}") from error
        return error
    raise NotRefused(f"{what} was NOT refused; the answer: {str(answer)[:160]}")


def refused_by(error: ClientError) -> str:
    """Returns who refused a call, as the error says: IAM or a resource's policy with the denied action, or KMS.

    S3 asks KMS on behalf of its caller. So an object may be refused for `s3:GetObject` or for `kms:Decrypt`.
    """
    message = error.response.get("Error", {}).get("Message", "")
    denied = _DENIED_ACTION.search(message)
    if denied:
        return f"{'resource policy' if 'resource-based policy' in message else 'IAM'} {denied[1]}"
    return "KMS" if error_code(error) == "InvalidCiphertextException" else f"{error_code(error)}, no reason given"


# Version, length of the wrapped key, length of the ciphertext, hash of the address.
_HEAD = 1 + 2 + 4 + 16


@dataclass(frozen=True)
class Wrapped:
    """A sealed value, split into the wrapped data key and the rest."""

    key: bytes
    rest: bytes

    @classmethod
    def parse(cls, sealed: bytes) -> Wrapped:
        """Parses the layout of `shared/sealing`: a head of 23 bytes, wrapped data key, nonce, ciphertext."""
        assert len(sealed) > _HEAD, f"{len(sealed)} bytes are too short for a sealed value"
        length = int.from_bytes(sealed[1:3], "big")
        key, rest = sealed[_HEAD : _HEAD + length], sealed[_HEAD + length :]
        assert len(key) == length and len(rest) > 12, "a sealed value ends within its header"
        return cls(key, rest)


@dataclass(frozen=True)
class Target:
    """One tenant's data in the stores, read by the account's root user."""

    tenant: Tenant
    table: str
    api_keys: str
    registry: str
    bucket: str
    key_arn: str
    queue_url: str
    items: tuple[dict[str, Any], ...]
    objects: tuple[str, ...]
    vectors: tuple[str, ...]
    dimension: int

    @classmethod
    def of(cls, stack: LocalStack, tenant: Tenant) -> Target:
        account = stack.account
        table, bucket = stack.outputs["DataTable"], stack.outputs["BasicBucket"]
        items = account.client("dynamodb").query(
            TableName=table,
            ConsistentRead=True,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": tenant.partition}},
        )["Items"]
        listed = account.client("s3").list_objects_v2(Bucket=bucket, Prefix=tenant.prefix)
        index = {"vectorBucketName": tenant.vector_bucket, "indexName": tenant.index}
        vectors = account.client("s3vectors")
        return cls(
            tenant=tenant,
            table=table,
            api_keys=stack.outputs["ApiKeysTable"],
            registry=stack.outputs["RegistryTable"],
            bucket=bucket,
            key_arn=stack.outputs["BasicKeyArn"],
            queue_url=stack.outputs["BasicQueueUrl"],
            items=tuple(items),
            objects=tuple(each["Key"] for each in listed.get("Contents", [])),
            vectors=tuple(
                each["key"]
                for page in vectors.get_paginator("list_vectors").paginate(**index)
                for each in page["vectors"]
            ),
            dimension=vectors.get_index(**index)["index"]["dimension"],
        )

    def item(self, prefix: str) -> dict[str, Any]:
        """Returns the last item whose sort key starts with `prefix`."""
        found = [each for each in self.items if each["sk"]["S"].startswith(prefix)]
        assert found, f"{self.tenant.name} has no item {prefix}…; it has {self.sort_keys()}"
        return max(found, key=lambda each: each["sk"]["S"])

    def sort_keys(self) -> list[str]:
        return [each["sk"]["S"] for each in self.items]

    def key(self, prefix: str = "") -> dict[str, Any]:
        found = self.item(prefix)
        return {"pk": found["pk"], "sk": found["sk"]}

    def sealed(self, prefix: str) -> bytes:
        """Returns the sealed bytes of an item."""
        found = [value["B"] for value in self.item(prefix).values() if "B" in value]
        assert len(found) == 1, f"expected one sealed value in {prefix}…, found {len(found)}"
        return found[0]

    @property
    def index(self) -> dict[str, str]:
        return {
            "vectorBucketName": self.tenant.vector_bucket,
            "indexName": self.tenant.index,
        }

    def context(self, purpose: str) -> dict[str, str]:
        return {"tenant": self.tenant.id, "purpose": purpose}


@dataclass(frozen=True)
class Operation:
    """One call to a store, for any caller and any tenant's data.

    `call(session, victim, own)`: in the owner's control, `victim` and `own` are the same.
    `undo` cleans up after the owner's control of a write.
    """

    store: str
    name: str
    action: str
    call: Callable[[Account, Target, Target], Any]
    undo: Callable[[Account, Target], Any] | None = None
    owner_may: bool = True
    codes: frozenset[str] = DENIED
    # Which policy refuses: IAM's, or an explicit Deny in the policy of the resource.
    policy: str = "IAM"

    def __str__(self) -> str:
        return f"{self.store}-{self.name}"

    def control(self, session: Account, own: Target) -> Any:
        """Makes the owner's call, which must work, or must be refused if no tenant may make it."""
        if not self.owner_may:
            return refusal(f"{self} by its owner", lambda: self.call(session, own, own), self.codes)
        try:
            answer = self.call(session, own, own)
        except ClientError as error:
            raise NotRefused(f"the control {self} fails for its owner, so a refusal proves nothing: {error}") from error
        if self.undo:
            self.undo(session, own)
        return answer

    @property
    def layer(self) -> str:
        """Returns who must refuse the attacker's call. Later layers do not count: each must hold alone."""
        return "KMS" if self.codes == {"InvalidCiphertextException"} else f"{self.policy} {self.action}"

    def attack(self, session: Account, victim: Target, own: Target) -> ClientError:
        """Makes the attacker's call, which its layer must refuse, and returns the error."""
        what = f"{self} on {victim.tenant.name} by {own.tenant.name}"
        error = refused(what, lambda: self.call(session, victim, own), self.codes)
        # The answer to a HEAD request has no body, so it does not say who refused.
        if error_code(error) != "403" and refused_by(error) != self.layer:
            raise NotRefused(f"{what} was refused by {refused_by(error)}, but {self.layer} let it pass")
        return error
