"""Invalid tokens of every kind, each with the expected status.

401: the token is not valid. 403: the token is valid but grants no access. The demo sends some of them, the
tests send all.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jwt

from tools.devstack.tokens import Claims, Issuer, b64url, generate, public_jwk, public_pem


@dataclass(frozen=True)
class BadToken:
    """One invalid token and the status of its refusal."""

    what: str
    status: int
    forge: Callable[[Issuer, str], str]


def raw(header: dict[str, Any], claims: Claims, signature: bytes) -> str:
    """Builds a token by hand, because libraries refuse to build most invalid tokens."""
    head = b64url(json.dumps(header, separators=(",", ":")).encode())
    body = b64url(json.dumps(claims, separators=(",", ":")).encode())
    return f"{head}.{body}.{b64url(signature)}"


def hs256(kid: str, claims: Claims, secret: bytes) -> str:
    """Builds a token signed with a public key as if it were a shared secret (key confusion)."""
    unsigned = raw({"alg": "HS256", "typ": "JWT", "kid": kid}, claims, b"").rstrip(".")
    mac = hmac.new(secret, unsigned.encode(), hashlib.sha256).digest()
    return f"{unsigned}.{b64url(mac)}"


def unsigned(issuer: Issuer, tenant: str, name: str) -> str:
    """Builds an unsigned token with `alg: none` in the given spelling."""
    header = {"alg": name, "typ": "JWT", "kid": issuer.keys.kid("ES256")}
    return raw(header, issuer.claims(tenant), b"")


def changed(issuer: Issuer, tenant: str, **changes: Any) -> str:
    """Builds a correctly signed token with changed claims. A claim set to None is removed."""
    claims = {**issuer.claims(tenant), **changes}
    return issuer.sign({name: value for name, value in claims.items() if value is not None})


def unknown_key(issuer: Issuer, tenant: str, algorithm: str, kid: str | None = None) -> str:
    """Builds a token signed with a key that the issuer does not publish, under the issuer's key id by default."""
    return jwt.encode(
        issuer.claims(tenant),
        generate(algorithm),
        algorithm=algorithm,
        headers={"kid": kid or issuer.keys.kid(algorithm)},
    )


def embedded_key(issuer: Issuer, tenant: str) -> str:
    """Builds a token that carries its verification key in the header."""
    key = generate("ES256")
    header = {"kid": "mine", "jwk": public_jwk(key, "ES256", "mine")}
    return jwt.encode(issuer.claims(tenant), key, algorithm="ES256", headers=header)


def spliced(issuer: Issuer, tenant: str) -> str:
    """Builds a token with the claims of one token and the signature of another."""
    signature = issuer.mint(None).rsplit(".", 1)[1]
    return f"{issuer.mint(tenant).rsplit('.', 1)[0]}.{signature}"


def critical(issuer: Issuer, tenant: str) -> str:
    """Builds a correctly signed token whose header requires an extension."""
    headers = {"kid": issuer.keys.kid("ES256"), "crit": ["urn:example:extension"], "urn:example:extension": True}
    return jwt.encode(issuer.claims(tenant), issuer.keys.private["ES256"], algorithm="ES256", headers=headers)


def confused(issuer: Issuer, tenant: str, algorithm: str, form: str) -> str:
    """Builds an HS256 token whose secret is the published key, as PEM or as JWK."""
    key, kid = issuer.keys.private[algorithm], issuer.keys.kid(algorithm)
    if form == "pem":
        secret = public_pem(key)
    else:
        secret = json.dumps(issuer.keys.jwk(algorithm), separators=(",", ":")).encode()
    return hs256(kid, issuer.claims(tenant), secret)


def _now() -> int:
    return int(time.time())


_NOT_VALID = (
    BadToken("garbage", 401, lambda i, t: "not-a-token"),
    BadToken("two parts only", 401, lambda i, t: i.mint(t).rsplit(".", 1)[0]),
    BadToken("expired an hour ago", 401, lambda i, t: i.mint(t, minutes=-60)),
    BadToken("no expiry", 401, lambda i, t: changed(i, t, exp=None)),
    BadToken("expiry is text", 401, lambda i, t: changed(i, t, exp="tomorrow")),
    BadToken("valid only in an hour", 401, lambda i, t: changed(i, t, nbf=_now() + 3600)),
    BadToken("another issuer", 401, lambda i, t: changed(i, t, iss="https://issuer.example")),
    BadToken("no issuer", 401, lambda i, t: changed(i, t, iss=None)),
    BadToken("another audience", 401, lambda i, t: changed(i, t, aud="another-audience")),
    BadToken("no audience", 401, lambda i, t: changed(i, t, aud=None)),
    BadToken("wrong EC key, same key id", 401, lambda i, t: unknown_key(i, t, "ES256")),
    BadToken("wrong RSA key, same key id", 401, lambda i, t: unknown_key(i, t, "RS256")),
    BadToken("unknown key id", 401, lambda i, t: unknown_key(i, t, "ES256", kid="unknown")),
    BadToken("brings its own key", 401, embedded_key),
    BadToken("signature of another token", 401, spliced),
    BadToken("requires an unknown extension", 401, critical),
    BadToken("alg none", 401, lambda i, t: unsigned(i, t, "none")),
    BadToken("alg None, another spelling", 401, lambda i, t: unsigned(i, t, "None")),
    BadToken("HS256 over the EC key's PEM", 401, lambda i, t: confused(i, t, "ES256", "pem")),
    BadToken("HS256 over the RSA key's PEM", 401, lambda i, t: confused(i, t, "RS256", "pem")),
    BadToken("HS256 over the EC key's JWK", 401, lambda i, t: confused(i, t, "ES256", "jwk")),
    BadToken("HS256 over the RSA key's JWK", 401, lambda i, t: confused(i, t, "RS256", "jwk")),
    BadToken("RSA key under the EC key's id", 401, lambda i, t: unknown_key(i, t, "RS256", i.keys.kid("ES256"))),
)

_NO_ACCESS = (
    BadToken("no tenant", 403, lambda i, t: i.mint(None)),
    BadToken("empty tenant", 403, lambda i, t: i.mint("")),
    BadToken("tenant in capitals", 403, lambda i, t: i.mint(t.upper())),
    BadToken("tenant too short", 403, lambda i, t: i.mint(t[:15])),
    BadToken("tenant too long", 403, lambda i, t: i.mint(t + "0")),
    BadToken("tenant with a slash", 403, lambda i, t: i.mint(t[:20] + "/" + t[20:30])),
    BadToken("tenant with a hash", 403, lambda i, t: i.mint(t[:20] + "#" + t[20:30])),
    BadToken("tenant with a newline", 403, lambda i, t: i.mint(t[:31] + "\n")),
    BadToken("tenant with a wildcard", 403, lambda i, t: i.mint(t[:20] + "*")),
    BadToken("tenant is a policy variable", 403, lambda i, t: i.mint("${aws:PrincipalTag/TenantId}")),
    BadToken("tenant is a list", 403, lambda i, t: changed(i, t, tenant_id=[t])),
    BadToken("tenant is a number", 403, lambda i, t: changed(i, t, tenant_id=12345678901234567890)),
    BadToken("tenant not onboarded", 403, lambda i, t: i.mint("0" * 32)),
    BadToken("another tier", 403, lambda i, t: i.mint(t, tier="premium")),
    BadToken("no tier", 403, lambda i, t: changed(i, t, tier=None)),
    BadToken("tier is a list", 403, lambda i, t: changed(i, t, tier=["basic"])),
    BadToken("tier is a number", 403, lambda i, t: changed(i, t, tier=1)),
)

BAD_TOKENS: tuple[BadToken, ...] = _NOT_VALID + _NO_ACCESS
