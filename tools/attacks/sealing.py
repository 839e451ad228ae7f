"""Sealing as the product does it, written a second time, for attacks that need a genuine seal.

A forged job is only a good forgery if it would open were it not for the tenant. It also keeps the
documented form of sealed values honest: what this makes, the product opens.
"""

from __future__ import annotations

import hashlib
import os

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tools.devstack.aws import Account

from .target import Target, Wrapped

_DOMAIN = b"bulkhead sealed value 1"
_VERSION = b"\x01"
_NONCE_BYTES = 12


def authenticated(purpose: str, store: str, container: str, key: str, attribute: str) -> bytes:
    """The address of a value, as it is authenticated with it: every part after its length."""
    parts = (part.encode() for part in (purpose, store, container, key, attribute))
    return _DOMAIN + b"".join(len(part).to_bytes(8, "big") + part for part in parts)


def seal(session: Account, owner: Target, purpose: str, address: bytes, text: bytes) -> bytes:
    """Seal a value in the owner's session, under the owner's key and context."""
    made = session.client("kms").generate_data_key(
        KeyId=owner.key_arn, KeySpec="AES_256", EncryptionContext=owner.context(purpose)
    )
    wrapped: bytes = made["CiphertextBlob"]
    nonce = os.urandom(_NONCE_BYTES)
    bound = address + len(wrapped).to_bytes(8, "big") + wrapped
    sealed = AESGCM(made["Plaintext"]).encrypt(nonce, text, bound)
    return b"".join(
        (
            _VERSION,
            len(wrapped).to_bytes(2, "big"),
            len(sealed).to_bytes(4, "big"),
            hashlib.sha256(address).digest()[:16],
            wrapped,
            nonce,
            sealed,
        )
    )


def unseal(key: bytes, address: bytes, sealed: bytes) -> bytes:
    """Open a sealed value with the data key that KMS made of its `Wrapped.key`."""
    wrapped = Wrapped.parse(sealed)
    bound = address + len(wrapped.key).to_bytes(8, "big") + wrapped.key
    return AESGCM(key).decrypt(wrapped.rest[:_NONCE_BYTES], wrapped.rest[_NONCE_BYTES:], bound)


def passage_address(index: str, key: str) -> bytes:
    """Where the text of a passage lies: with its vector."""
    return authenticated("passage", "s3vectors", index, key, "passage")


def job_address(tenant: str) -> bytes:
    """Where a tenant's job lies: on the queue, in the tenant's group."""
    return authenticated("job", "sqs", tenant, "", "job")
