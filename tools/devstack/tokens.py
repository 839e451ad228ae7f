"""Signing keys and tokens of the development issuer.

The authorizer trusts nothing but a signature by a key of the issuer's JWKS, so locally there must
be a real issuer with real keys: no back door, no "test mode" that production code could inherit.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

AUDIENCE = "bulkhead-local"
ALGORITHMS = ("ES256", "RS256")
_OWNER_ONLY = 0o600

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
Claims = dict[str, Any]


def b64url(data: bytes) -> str:
    """Base64 for URLs without padding, as tokens use it."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def generate(algorithm: str) -> PrivateKey:
    """A fresh private key for an algorithm."""
    if algorithm == "ES256":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public_jwk(key: PrivateKey, algorithm: str, kid: str) -> dict[str, str]:
    """The public half as a JSON web key."""
    kind: Any = jwt.algorithms.ECAlgorithm if algorithm == "ES256" else jwt.algorithms.RSAAlgorithm
    jwk = kind.to_jwk(key.public_key(), as_dict=True)
    jwk.pop("key_ops", None)
    return {**jwk, "kid": kid, "alg": algorithm, "use": "sig"}


def public_pem(key: PrivateKey) -> bytes:
    """The public half as PEM: what a key-confusion attack uses as an HMAC secret."""
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


@dataclass(frozen=True)
class Keys:
    """One key for each algorithm."""

    private: dict[str, PrivateKey]

    @classmethod
    def load_or_create(cls, folder: Path) -> Keys:
        """Keys kept in a folder, so that a token outlives a restart of the issuer."""
        folder.mkdir(parents=True, exist_ok=True)
        return cls({algorithm: _load_or_create(folder, algorithm) for algorithm in ALGORITHMS})

    def kid(self, algorithm: str) -> str:
        """The key's own thumbprint (RFC 7638): a new key can never carry an old key's name."""
        jwk = public_jwk(self.private[algorithm], algorithm, "")
        members = ("crv", "kty", "x", "y") if algorithm == "ES256" else ("e", "kty", "n")
        canonical = json.dumps({name: jwk[name] for name in members}, separators=(",", ":"))
        return b64url(hashlib.sha256(canonical.encode()).digest())

    def jwk(self, algorithm: str) -> dict[str, str]:
        return public_jwk(self.private[algorithm], algorithm, self.kid(algorithm))

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        return {"keys": [self.jwk(algorithm) for algorithm in ALGORITHMS]}


@dataclass(frozen=True)
class Issuer:
    """Who signs: an address, an audience and keys."""

    url: str
    audience: str
    keys: Keys

    @classmethod
    def of(cls, folder: Path) -> Issuer:
        """The issuer that was last served from a folder."""
        record = folder / "issuer.json"
        if not record.exists():
            raise FileNotFoundError(f"no issuer in {folder}: run `make up` first")
        written = json.loads(record.read_text())
        return cls(written["url"], written["audience"], Keys.load_or_create(folder))

    def claims(self, tenant: str | None, tier: str = "basic", minutes: float = 60) -> Claims:
        """The claims of a good token."""
        now = int(time.time())
        claims: Claims = {
            "iss": self.url,
            "aud": self.audience,
            "sub": "developer",
            "iat": now,
            "exp": now + int(minutes * 60),
            "tier": tier,
        }
        return claims if tenant is None else {**claims, "tenant_id": tenant}

    def sign(self, claims: Claims, algorithm: str = "ES256", **header: str) -> str:
        """Sign any claims; `header` overrides the key id."""
        return jwt.encode(
            claims,
            self.keys.private[algorithm],
            algorithm=algorithm,
            headers={"kid": self.keys.kid(algorithm), **header},
        )

    def mint(self, tenant: str | None, tier: str = "basic", minutes: float = 60, algorithm: str = "ES256") -> str:
        """A token as the real identity provider would issue it."""
        return self.sign(self.claims(tenant, tier, minutes), algorithm)


def _load_or_create(folder: Path, algorithm: str) -> PrivateKey:
    file = folder / f"{algorithm.lower()}.pem"
    if file.exists():
        return serialization.load_pem_private_key(file.read_bytes(), password=None)  # type: ignore[return-value]
    key = generate(algorithm)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    with os.fdopen(descriptor, "wb") as output:
        output.write(pem)
    return key
