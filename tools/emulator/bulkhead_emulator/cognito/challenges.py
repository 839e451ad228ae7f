"""Checks of answers to challenges.

AWS (cognito-user-identity-pools: RespondToAuthChallenge): the session must be the session of the challenge. It
is valid for one client and user, for `AuthSessionValidity` minutes and for one success. A new password follows
the pool's policy, and attributes in the answer follow the client's permissions. MiniStack checks none of this,
so any caller could set a user's first password or skip the second factor. Answers to challenges that MiniStack
never issues are refused.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import cognito

from ..patch import replace
from . import attributes

_CHECKED = ("NEW_PASSWORD_REQUIRED", "SOFTWARE_TOKEN_MFA", "MFA_SETUP", "SMS_MFA")
_ATTRIBUTE = "userAttributes."
_DEFAULT_MINUTES = 3


@dataclass(frozen=True)
class _Session:
    client: str
    challenge: str
    username: str
    ends: float


_sessions: dict[str, _Session] = {}
_password_auth_result: Any = None


def install() -> None:
    global _password_auth_result
    _password_auth_result = replace(cognito, "_password_auth_result", password_auth_result)
    for name in ("_respond_to_auth_challenge", "_admin_respond_to_auth_challenge"):
        replace(cognito, name, _checked(getattr(cognito, name)))


def password_auth_result(pool: dict, pool_id: str, client: str, user: dict, *more: Any, **options: Any) -> tuple:
    """Calls MiniStack and remembers the session of the challenge in its answer."""
    answer = _password_auth_result(pool, pool_id, client, user, *more, **options)
    said = json.loads(answer[2])
    if "Session" in said:
        minutes = (pool["_clients"].get(client) or {}).get("AuthSessionValidity") or _DEFAULT_MINUTES
        _sessions[said["Session"]] = _Session(
            client, said["ChallengeName"], user["Username"], time.time() + 60 * float(minutes)
        )
    return answer


def _checked(respond: Any) -> Any:
    def respond_to_auth_challenge(data: dict) -> tuple:
        challenge, client = data.get("ChallengeName"), data.get("ClientId", "")
        if challenge not in _CHECKED:
            return respond(data)
        responses = data.get("ChallengeResponses") or {}
        pool, _ = cognito._pool_for_client(client)
        session = _sessions.get(data.get("Session") or "")
        user = cognito._resolve_user(pool, responses.get("USERNAME"))[0] if pool else None
        if (
            session is None
            or user is None
            or time.time() > session.ends
            or (session.client, session.challenge, session.username) != (client, challenge, user["Username"])
        ):
            return error_response_json("NotAuthorizedException", "Invalid session for the user.", 400)
        if challenge == "NEW_PASSWORD_REQUIRED":
            error = _first_password(pool, client, user, responses)
            if error:
                return error
        answer = respond(data)
        if answer[0] == 200:
            _sessions.pop(data["Session"], None)
        return answer

    return respond_to_auth_challenge


def _first_password(pool: dict, client: str, user: dict, responses: dict) -> tuple | None:
    """Returns why the first password is refused; otherwise writes the attributes in the answer."""
    error = cognito._validate_password(pool, responses.get("NEW_PASSWORD") or "")
    if error:
        return error
    sent = {name.removeprefix(_ATTRIBUTE): value for name, value in responses.items() if name.startswith(_ATTRIBUTE)}
    error = attributes.refusal(pool, list(sent), client=client, exists=True)
    if error is None:
        user["Attributes"] = cognito._merge_attributes(
            user["Attributes"], [{"Name": name, "Value": value} for name, value in sent.items()]
        )
    return error
