"""Signing keys and tokens of the development issuer.

The authorizer accepts only tokens signed by a key of the issuer's JWKS. A local stack therefore needs a real
issuer with real keys, and production code needs no test mode.
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
    """Encodes as URL-safe Base64 without padding, as tokens do."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def generate(algorithm: str) -> PrivateKey:
    """Generates a private key for an algorithm."""
    if algorithm == "ES256":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public_jwk(key: PrivateKey, algorithm: str, kid: str) -> dict[str, str]:
    """Returns the public key as a JSON Web Key."""
    kind: Any = jwt.algorithms.ECAlgorithm if algorithm == "ES256" else jwt.algorithms.RSAAlgorithm
    jwk = kind.to_jwk(key.public_key(), as_dict=True)
    jwk.pop("key_ops", None)
    return {**jwk, "kid": kid, "alg": algorithm, "use": "sig"}


def public_pem(key: PrivateKey) -> bytes:
    """Returns the public key as PEM, which a key-confusion attack uses as an HMAC secret."""
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


@dataclass(frozen=True)
class Keys:
    """One key for each algorithm."""

    private: dict[str, PrivateKey]

    @classmethod
    def load_or_create(cls, folder: Path) -> Keys:
        """Loads the keys from a folder or creates them there. Tokens stay valid after a restart of the issuer."""
        folder.mkdir(parents=True, exist_ok=True)
        return cls({algorithm: _load_or_create(folder, algorithm) for algorithm in ALGORITHMS})

    def kid(self, algorithm: str) -> str:
        """Returns the key's thumbprint (RFC 7638), so that a new key never has an old key's id."""
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
    """The issuer's address, audience and keys."""

    url: str
    audience: str
    keys: Keys

    @classmethod
    def of(cls, folder: Path) -> Issuer:
        """Returns the issuer that was last served from a folder."""
        record = folder / "issuer.json"
        if not record.exists():
            raise FileNotFoundError(f"no issuer in {folder}: run `make up` first")
        written = json.loads(record.read_text())
        return cls(written["url"], written["audience"], Keys.load_or_create(folder))

    def claims(self, tenant: str | None, tier: str = "basic", minutes: float = 60, role: str = "admin") -> Claims:
        """Returns the claims of a valid token."""
        now = int(time.time())
        claims: Claims = {
            "iss": self.url,
            "aud": self.audience,
            "sub": "developer",
            "iat": now,
            "exp": now + int(minutes * 60),
            "tier": tier,
            "role": role,
        }
        return claims if tenant is None else {**claims, "tenant_id": tenant}

    def sign(self, claims: Claims, algorithm: str = "ES256", **header: str) -> str:
        """Signs any claims; `header` adds or overrides header members."""
        return jwt.encode(
            claims,
            self.keys.private[algorithm],
            algorithm=algorithm,
            headers={"kid": self.keys.kid(algorithm), **header},
        )

    def mint(
        self,
        tenant: str | None,
        tier: str = "basic",
        minutes: float = 60,
        algorithm: str = "ES256",
        role: str = "admin",
    ) -> str:
        """Returns a valid token."""
        return self.sign(self.claims(tenant, tier, minutes, role), algorithm)


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
