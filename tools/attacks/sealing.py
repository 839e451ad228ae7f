"""A second implementation of the product's sealing, for attacks that need a correctly sealed value.

A forged job must differ from a valid job in the tenant only. The implementation also tests the documented
format: the product opens values that are sealed here.
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
    """Returns the address that a value is bound to: each part after its length."""
    parts = (part.encode() for part in (purpose, store, container, key, attribute))
    return _DOMAIN + b"".join(len(part).to_bytes(8, "big") + part for part in parts)


def seal(session: Account, owner: Target, purpose: str, address: bytes, text: bytes) -> bytes:
    """Seals a value in the owner's session, with the owner's key and context."""
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
    """Opens a sealed value with the data key that KMS unwrapped from its `Wrapped.key`."""
    wrapped = Wrapped.parse(sealed)
    bound = address + len(wrapped.key).to_bytes(8, "big") + wrapped.key
    return AESGCM(key).decrypt(wrapped.rest[:_NONCE_BYTES], wrapped.rest[_NONCE_BYTES:], bound)


def passage_address(index: str, key: str) -> bytes:
    """Returns the address of a passage's text, which is stored with its vector."""
    return authenticated("passage", "s3vectors", index, key, "passage")


def job_address(tenant: str) -> bytes:
    """Returns the address of a tenant's job on the queue."""
    return authenticated("job", "sqs", tenant, "", "job")
