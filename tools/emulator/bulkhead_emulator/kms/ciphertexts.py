"""Symmetric encryption as in KMS: authenticated and bound to the key and the encryption context.

MiniStack uses XOR and does not detect tampering. Here a ciphertext is AES-256-GCM with the encryption
context as additional data. A changed byte, another context or another key fails with the error that AWS
documents for Decrypt: `InvalidCiphertextException`, or `IncorrectKeyException` if the request names
another key.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from ministack.core.responses import error_response_json, json_response
from ministack.services import kms

from ..patch import replace

# MiniStack's router reads the key id from the first 36 bytes, of ciphertexts longer than 68.
_KEY_ID, _SALT, _NONCE = 36, 32, 12
_PLAINTEXT_LIMIT = 4096
_DATA_KEY_LIMIT = 1024


def install() -> None:
    global _encrypt, _decrypt, _data_key, _data_key_pair
    _encrypt = replace(kms, "_encrypt", encrypt)
    _decrypt = replace(kms, "_decrypt", decrypt)
    _data_key = replace(kms, "_generate_data_key_common", generate_data_key)
    _data_key_pair = replace(kms, "_generate_data_key_pair_common", generate_data_key_pair)


_encrypt: Any = None
_decrypt: Any = None
_data_key: Any = None
_data_key_pair: Any = None


def seal(key: dict, plaintext: bytes, context: dict) -> bytes:
    salt, nonce = os.urandom(_SALT), os.urandom(_NONCE)
    sealed = _cipher(key, salt).encrypt(nonce, plaintext, _canonical(context))
    return key["KeyId"].encode() + salt + nonce + sealed


def unseal(key: dict, ciphertext: bytes, context: dict) -> bytes | None:
    """Returns the plaintext, or None if the ciphertext, the context or the key differs."""
    rest = ciphertext[_KEY_ID:]
    salt, nonce, sealed = rest[:_SALT], rest[_SALT : _SALT + _NONCE], rest[_SALT + _NONCE :]
    try:
        return _cipher(key, salt).decrypt(nonce, sealed, _canonical(context))
    except (InvalidTag, ValueError):
        return None


def encrypt(request: dict) -> tuple:
    key = kms._resolve_key(request.get("KeyId", ""))
    if not key or "_symmetric_key" not in key:
        return _encrypt(request)
    plaintext, error = kms._decode_blob(request.get("Plaintext", ""), "plaintext", _PLAINTEXT_LIMIT)
    error = error or kms._check_key_state(key) or (_length_error("plaintext") if not plaintext else None)
    if error:
        return error
    blob = seal(key, plaintext, request.get("EncryptionContext") or {})
    return json_response(
        {
            "KeyId": key["Arn"],
            "CiphertextBlob": base64.b64encode(blob).decode(),
            "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        }
    )


def decrypt(request: dict) -> tuple:
    ciphertext, error = kms._decode_blob(request.get("CiphertextBlob", ""), "ciphertextBlob")
    if error:
        return error
    named = kms._resolve_key(request.get("KeyId", "")) if request.get("KeyId") else None
    if request.get("KeyId") and (named is None or "_symmetric_key" not in named):
        return _decrypt(request)
    key = kms._resolve_key(ciphertext[:_KEY_ID].decode("ascii", "replace"))
    if key is None or "_symmetric_key" not in key:
        return _invalid_ciphertext()
    if named is not None and named["KeyId"] != key["KeyId"]:
        return error_response_json(
            "IncorrectKeyException",
            "The key ID in the request does not identify a CMK that can perform this operation.",
            400,
        )
    state_error = kms._check_key_state(key)
    if state_error:
        return state_error
    plaintext = unseal(key, ciphertext, request.get("EncryptionContext") or {})
    if plaintext is None:
        return _invalid_ciphertext()
    return json_response(
        {
            "KeyId": key["Arn"],
            "Plaintext": base64.b64encode(plaintext).decode(),
            "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
            "KeyMaterialId": kms._key_material_id(key),
        }
    )


def generate_data_key(request: dict, action: str = "GenerateDataKey") -> tuple:
    """Runs MiniStack's checks and seals a data key. Returns (key, data key, ciphertext or error)."""
    spec, length = request.get("KeySpec"), request.get("NumberOfBytes")
    if (spec is None) == (length is None):
        return (
            None,
            None,
            error_response_json("ValidationException", "Please specify either number of bytes or key spec.", 400),
        )
    if length is not None and not 1 <= int(length) <= _DATA_KEY_LIMIT:
        return None, None, _length_error("numberOfBytes")
    key, data_key, result = _data_key(request, action)
    if key is None:
        return None, None, result
    return key, data_key, seal(key, data_key, request.get("EncryptionContext") or {})


def generate_data_key_pair(request: dict, action: str) -> tuple:
    payload, private_der, error = _data_key_pair(request, action)
    if error is None:
        key = kms._resolve_key(request.get("KeyId", ""))
        blob = seal(key, private_der, request.get("EncryptionContext") or {})
        payload["PrivateKeyCiphertextBlob"] = base64.b64encode(blob).decode()
    return payload, private_der, error


def _cipher(key: dict, salt: bytes) -> AESGCM:
    secret = key["_symmetric_key"]
    return AESGCM(hmac.new(secret if isinstance(secret, bytes) else bytes(secret), salt, hashlib.sha256).digest())


def _canonical(context: dict) -> bytes:
    return json.dumps(context, sort_keys=True, ensure_ascii=False).encode()


def _invalid_ciphertext() -> tuple:
    # AWS gives no reason: the message is empty.
    return error_response_json("InvalidCiphertextException", "", 400)


def _length_error(field: str) -> tuple:
    limit = _DATA_KEY_LIMIT if field == "numberOfBytes" else _PLAINTEXT_LIMIT
    return error_response_json(
        "ValidationException",
        f"1 validation error detected: Value at '{field}' failed to satisfy constraint: "
        f"Member must have length between 1 and {limit}",
        400,
    )
