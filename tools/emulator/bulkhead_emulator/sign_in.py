"""Signs a user in to a Cognito user pool as an app does, against the emulator or AWS.

The password is proven and never sent (Secure Remote Password). These calls need no AWS credentials.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config

# The group of Cognito's SRP: the 3072-bit prime of RFC 3526 with the generator 2.
_N = int(
    "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404dd"
    "ef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7ed"
    "ee386bfb5a899fa5ae9f24117c4b1fe649286651ece45b3dc2007cb8a163bf0598da48361c55d39a69163fa8fd24cf5f"
    "83655d23dca3ad961c62f356208552bb9ed529077096966d670c354e4abc9804f1746c08ca18217c32905e462e36ce3b"
    "e39e772c180e86039b2783a2ec07a28fb5c55df06f4c52c9de2bcbf6955817183995497cea956ae515d2261898fa0510"
    "15728e5a8aaac42dad33170d04507a33a85521abdf1cba64ecfb850458dbef0a8aea71575d060c7db3970f85a6e1e4c7"
    "abf5ae8cdb0933d71e8c94e04a25619dcee3d2261ad2ee6bf12ffa06d98a0864d87602733ec86a64521f2b18177b200c"
    "bbe117577a615d6c770988c0bad946e208e24fa074e5ab3143db5bfce0fd108e4b82d120a93ad2caffffffffffffffff",
    16,
)
_G = 2
Ask = Callable[[str], str]


class Srp:
    """The client half of one Secure Remote Password exchange."""

    def __init__(self, pool: str) -> None:
        self._pool = pool.split("_", 1)[1]
        self._secret = secrets.randbelow(_N - 2) + 1
        self._public = pow(_G, self._secret, _N)

    @property
    def public(self) -> str:
        """The public value SRP_A, which the client sends first."""
        return f"{self._public:x}"

    def answer(self, challenge: dict[str, str], password: str) -> dict[str, str]:
        """Returns the answer to the challenge PASSWORD_VERIFIER."""
        user, block = challenge["USER_ID_FOR_SRP"], challenge["SECRET_BLOCK"]
        server_public = int(challenge["SRP_B"], 16)
        if server_public % _N == 0:
            raise ValueError("SRP_B is a multiple of N: the server does not follow SRP")
        # u, x and S of RFC 5054.
        u = _hash(_padded(self._public), _padded(server_public))
        identity = hashlib.sha256(f"{self._pool}{user}:{password}".encode()).digest()
        x = _hash(_padded(int(challenge["SALT"], 16)), identity)
        base = (server_public - _hash(_padded(_N), _padded(_G)) * pow(_G, x, _N)) % _N
        shared = pow(base, self._secret + u * x, _N)
        key = _hmac(_hmac(_padded(u), _padded(shared)), b"Caldera Derived Key\x01")[:16]
        now = datetime.now(UTC)
        # Always English, and the day without a leading zero.
        day, month = _DAYS[now.weekday()], _MONTHS[now.month - 1]
        at = f"{day} {month} {now.day} {now:%H:%M:%S} UTC {now.year}"
        proof = _hmac(key, f"{self._pool}{user}".encode() + base64.b64decode(block) + at.encode())
        return {
            "USERNAME": user,
            "TIMESTAMP": at,
            "PASSWORD_CLAIM_SECRET_BLOCK": block,
            "PASSWORD_CLAIM_SIGNATURE": base64.b64encode(proof).decode(),
        }


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _padded(number: int) -> bytes:
    """Returns the number big-endian, with a leading zero byte if it would look negative."""
    return number.to_bytes(number.bit_length() // 8 + 1, "big")


def _hash(*parts: bytes) -> int:
    return int.from_bytes(hashlib.sha256(b"".join(parts)).digest(), "big")


def _hmac(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, hashlib.sha256).digest()


def cognito(pool: str, endpoint: str | None = None) -> Any:
    """Returns a Cognito client without credentials in the pool's Region."""
    config = Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1, "mode": "standard"})
    region = pool.split("_", 1)[0]
    return boto3.client("cognito-idp", region_name=region, endpoint_url=endpoint, config=config)


def sign_in(
    idp: Any, pool: str, client: str, email: str, password: str, ask: Ask | None = None, **more: Any
) -> dict[str, str]:
    """Returns the user's tokens.

    `ask` supplies a new password or an authenticator code if Cognito wants one. `more` is added to every
    answer to a challenge, for example `ClientMetadata`.
    """
    srp = Srp(pool)
    answer = idp.initiate_auth(
        ClientId=client, AuthFlow="USER_SRP_AUTH", AuthParameters={"USERNAME": email, "SRP_A": srp.public}
    )
    user = email
    while challenge := answer.get("ChallengeName"):
        if challenge == "PASSWORD_VERIFIER":
            responses = srp.answer(answer["ChallengeParameters"], password)
            user = responses["USERNAME"]
        elif challenge == "NEW_PASSWORD_REQUIRED" and ask:
            responses = {"USERNAME": user, "NEW_PASSWORD": ask("new password")}
        elif challenge == "SOFTWARE_TOKEN_MFA" and ask:
            responses = {"USERNAME": user, "SOFTWARE_TOKEN_MFA_CODE": ask("code of the authenticator app")}
        else:
            raise ValueError(f"unsupported challenge `{challenge}`")
        session = {"Session": answer["Session"]} if answer.get("Session") else {}
        answer = idp.respond_to_auth_challenge(
            ClientId=client, ChallengeName=challenge, ChallengeResponses=responses, **session, **more
        )
    return dict(answer["AuthenticationResult"])
