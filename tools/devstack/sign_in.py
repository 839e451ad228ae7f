"""Signs a person in to a Cognito user pool as an app does, and prints the access token.

    python -m tools.devstack.sign_in --pool eu-west-1_… --client … --email … [--endpoint URL]

The password is proven and never sent (Secure Remote Password); it is asked for, or read from the
variable BULKHEAD_PASSWORD. Works against AWS and against the local AWS alike, and needs no AWS
credentials: these are the calls that every app may make.
"""

from __future__ import annotations

import argparse
import base64
import getpass
import hashlib
import hmac
import os
import secrets
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

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
    """One proof that its maker knows a password."""

    def __init__(self, pool: str) -> None:
        self._pool = pool.split("_", 1)[1]
        self._secret = secrets.randbelow(_N - 2) + 1
        self._public = pow(_G, self._secret, _N)

    @property
    def public(self) -> str:
        """What Cognito is sent first."""
        return f"{self._public:x}"

    def answer(self, challenge: dict[str, str], password: str) -> dict[str, str]:
        """The proof, as an answer to PASSWORD_VERIFIER."""
        user, block = challenge["USER_ID_FOR_SRP"], challenge["SECRET_BLOCK"]
        theirs = int(challenge["SRP_B"], 16)
        if theirs % _N == 0:
            raise ValueError("the challenge is not one of SRP")
        mixed = _hash(_padded(self._public), _padded(theirs))
        named = hashlib.sha256(f"{self._pool}{user}:{password}".encode()).digest()
        private = _hash(_padded(int(challenge["SALT"], 16)), named)
        base = (theirs - _hash(_padded(_N), _padded(_G)) * pow(_G, private, _N)) % _N
        shared = pow(base, self._secret + mixed * private, _N)
        key = _hmac(_hmac(_padded(mixed), _padded(shared)), b"Caldera Derived Key\x01")[:16]
        now = datetime.now(UTC)
        # In English whatever the locale, the day without a leading zero.
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
    """Big-endian, with a zero byte in front where the number would look negative."""
    return number.to_bytes(number.bit_length() // 8 + 1, "big")


def _hash(*parts: bytes) -> int:
    return int.from_bytes(hashlib.sha256(b"".join(parts)).digest(), "big")


def _hmac(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, hashlib.sha256).digest()


def cognito(pool: str, endpoint: str | None = None) -> Any:
    """A Cognito client without credentials, in the pool's Region."""
    config = Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1, "mode": "standard"})
    region = pool.split("_", 1)[0]
    return boto3.client("cognito-idp", region_name=region, endpoint_url=endpoint, config=config)


def sign_in(
    idp: Any, pool: str, client: str, email: str, password: str, ask: Ask | None = None, **more: Any
) -> dict[str, str]:
    """The person's tokens. `ask` is asked for a first password or a code, where Cognito wants one.

    `more` goes along with the answers to challenges, as `ClientMetadata` for one.
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
            raise ValueError(f"Cognito wants {challenge}, which is not answered here")
        session = {"Session": answer["Session"]} if answer.get("Session") else {}
        answer = idp.respond_to_auth_challenge(
            ClientId=client, ChallengeName=challenge, ChallengeResponses=responses, **session, **more
        )
    return dict(answer["AuthenticationResult"])


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.devstack.sign_in", description=__doc__.splitlines()[0])
    parser.add_argument("--pool", required=True, help="output UserPoolId of the stack")
    parser.add_argument("--client", required=True, help="output ClientId of the stack")
    parser.add_argument("--email", required=True)
    parser.add_argument("--endpoint", help="the local AWS; AWS itself if not given")
    options = parser.parse_args(arguments)
    # Questions go to the terminal: standard output is the token's alone.
    password = os.environ.get("BULKHEAD_PASSWORD") or getpass.getpass("password: ")
    idp = cognito(options.pool, options.endpoint)
    try:
        tokens = sign_in(
            idp, options.pool, options.client, options.email, password, lambda what: getpass.getpass(f"{what}: ")
        )
    except (ClientError, ValueError) as refused:
        print(refused, file=sys.stderr)
        return 1
    print(tokens["AccessToken"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
