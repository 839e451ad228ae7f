"""The attacks of the demo: tenant B tries to reach tenant A.

Each attack first shows that the same call works for A. Without that control a refusal proves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tools.attacks import NotRefused, Target, operation, refused, refused_by
from tools.attacks.forged_tokens import BAD_TOKENS
from tools.devstack.aws import Account, Tenant, error_code
from tools.devstack.client import Answer
from tools.devstack.poll import TooLate, until
from tools.devstack.stack import LocalStack

# Shown for A if the operation is refused for every tenant.
ALSO_REFUSED = "refused too"


@dataclass(frozen=True)
class Shown:
    """One line of the report."""

    what: str
    owner: str
    intruder: str
    by: str


@dataclass(frozen=True)
class Attack:
    """One attack; `run` returns the result of A's call, the refusal of B's call, and who refused it."""

    what: str
    # The layer that must refuse. If it lets the call pass and a later one refuses, the attack fails.
    layer: str
    run: Callable[[], tuple[str, str, str]]

    def show(self) -> Shown:
        owner, intruder, by = self.run()
        if by != self.layer:
            raise NotRefused(f"refused by {by}, but {self.layer} let it pass")
        return Shown(self.what, owner, intruder, by)


_STORES = (
    ("read an item of A's partition", "table-GetItem"),
    ("query A's partition", "table-Query"),
    ("A's item hidden among B's own in one call", "table-TransactGetItems-mixed"),
    ("write into A's partition", "table-PutItem"),
    ("scan the whole table", "table-Scan"),
    ("read A's uploaded file", "objects-GetObject"),
    ("list A's prefix", "objects-List-prefix"),
    ("list the bucket without a prefix", "objects-List-without-prefix"),
    ("put a file under A's prefix", "objects-PutObject"),
    ("delete a file under A's prefix", "objects-DeleteObject"),
    ("query A's vector index", "vectors-QueryVectors"),
    ("get a vector of A by its key", "vectors-GetVectors"),
    ("open A's sealed template, as A", "keys-Decrypt"),
    ("open A's sealed template, as B", "keys-Decrypt-as-mine"),
)

# A function's log is readable soon after the function ends.
_LOG_SECONDS = 5.0
_ASSUME = "IAM sts:AssumeRole"
# API Gateway refuses what cannot be a token: no three parts, no signature, or one that is too short.
_TOKENS = (
    ("garbage", "API Gateway"),
    ("expired an hour ago", "the authorizer"),
    ("wrong EC key, same key id", "the authorizer"),
    ("alg none", "API Gateway"),
    ("HS256 over the RSA key's PEM", "API Gateway"),
    ("no tenant", "the authorizer"),
    ("tenant with a slash", "the authorizer"),
    ("tenant not onboarded", "the authorizer"),
    ("another tier", "the authorizer"),
)


class Attacks:
    """All attacks of tenant B on tenant A in one stack."""

    def __init__(self, stack: LocalStack, owner: Tenant, intruder: Tenant) -> None:
        self._stack, self._a, self._b = stack, owner, intruder

    @cached_property
    def _session_a(self) -> Account:
        return self._stack.session(self._a)

    @cached_property
    def _session_b(self) -> Account:
        return self._stack.session(self._b)

    @cached_property
    def _control(self) -> Account:
        """The role of a function that may take tenants' sessions."""
        return self._stack.role_of("ControlFunction")

    @cached_property
    def _target_a(self) -> Target:
        return Target.of(self._stack, self._a)

    @cached_property
    def _target_b(self) -> Target:
        return Target.of(self._stack, self._b)

    def groups(self) -> Iterator[tuple[str, list[Attack]]]:
        """Returns the attacks grouped by entry point."""
        yield "Through the API, with B's token", self._api()
        yield "At the stores, with B's AWS session", self._stores()
        yield "To get a session of A", self._sessions()
        yield "With invalid tokens", self._tokens()

    # ── API ─────────────────────────────────────────────────────────────────

    def _api(self) -> list[Attack]:
        def document(method: str) -> Callable[[], tuple[str, str, str]]:
            def run() -> tuple[str, str, str]:
                a, b = self._stack.api(self._a), self._stack.api(self._b)
                path = f"/v1/documents/{a.get('/v1/documents').expect(200)['documents'][0]['id']}"
                tried = b.call(method, path)
                # A's control call is last: it shows that B's DELETE changed nothing.
                own = a.get(path)
                own.expect(200)
                return str(own.status), _must_be(404, tried.status), self._answered_by(tried)

            return run

        def spoofed() -> tuple[str, str, str]:
            a, b = self._stack.api(self._a), self._stack.api(self._b)
            spoof = {"X-Amz-Tenant-Id": self._a.id}
            seen = _ids(b.get("/v1/documents", headers=spoof).expect(200))
            if seen != _ids(b.get("/v1/documents").expect(200)):
                raise NotRefused(f"a client's X-Amz-Tenant-Id header changed the answer: {seen}")
            return f"{len(_ids(a.get('/v1/documents').expect(200)))} documents", "B's own documents", "the token"

        return [
            Attack("read A's document by its id", "the API", document("GET")),
            Attack("delete A's document by its id", "the API", document("DELETE")),
            Attack("header X-Amz-Tenant-Id: A", "the token", spoofed),
        ]

    def _answered_by(self, answer: Answer, refusals: int | None = None) -> str:
        """Returns who answered a request: a function, API Gateway itself, or the authorizer before it.

        API Gateway marks its own answers. The authorizer logs each refusal; `refusals` is the number before.
        """
        if "x-amzn-errortype" not in answer.headers:
            return "the API"
        if refusals is None:
            return "API Gateway"
        try:
            until(self._refusals, lambda seen: seen > refusals, "the authorizer's log of the refusal", _LOG_SECONDS)
        except TooLate:
            return "API Gateway"
        return "the authorizer"

    def _refusals(self) -> int:
        """Returns how many requests the authorizer has refused."""
        group = self._stack.outputs["BasicFunctionLog"]
        return sum("token refused" in line or "tenant refused" in line for _, line in self._stack.log_lines(group))

    # ── stores ──────────────────────────────────────────────────────────────

    def _stores(self) -> list[Attack]:
        def attempt(name: str) -> Callable[[], tuple[str, str, str]]:
            def run() -> tuple[str, str, str]:
                known = operation(name)
                known.control(self._session_a, self._target_a)
                error = known.attack(self._session_b, self._target_a, self._target_b)
                return ("works" if known.owner_may else ALSO_REFUSED), error_code(error), refused_by(error)

            return run

        return [Attack(what, operation(name).layer, attempt(name)) for what, name in _STORES]

    # ── sessions ────────────────────────────────────────────────────────────

    def _sessions(self) -> list[Attack]:
        role = self._stack.outputs["BasicTenantRole"]
        tag = {"TenantId": self._a.id}

        def assume(account: Callable[[], Account], name: str, tags: dict[str, str] | None) -> Any:
            def run() -> tuple[str, str, str]:
                self._control.assume(role, self._a.id, tag)
                error = refused("assuming the tenant role", lambda: account().assume(role, name, tags))
                return "works", error_code(error), refused_by(error)

            return run

        def read() -> tuple[str, str, str]:
            known = operation("table-GetItem")
            known.control(self._session_a, self._target_a)
            error = known.attack(self._stack.operator(), self._target_a, self._target_b)
            return "works", error_code(error), refused_by(error)

        def control() -> Account:
            return self._control

        return [
            Attack("a function, without a tag", _ASSUME, assume(control, self._a.id, None)),
            Attack("a function, with a second tag", _ASSUME, assume(control, self._a.id, {**tag, "Tier": "gold"})),
            Attack("a function, under B's name", _ASSUME, assume(control, self._b.id, tag)),
            Attack("the operator, without a recorded run", _ASSUME, assume(self._stack.operator, self._a.id, tag)),
            Attack("B's session asks for A's tag", _ASSUME, assume(lambda: self._session_b, self._a.id, tag)),
            Attack("the operator reads A without a session", operation("table-GetItem").layer, read),
        ]

    # ── tokens ──────────────────────────────────────────────────────────────

    def _tokens(self) -> list[Attack]:
        def attempt(token: str | None, status: int) -> Callable[[], tuple[str, str, str]]:
            def run() -> tuple[str, str, str]:
                self._stack.api(self._a).get("/v1/documents").expect(200)
                # Without a token API Gateway does not ask the authorizer.
                refusals = None if token is None else self._refusals()
                answer = self._stack.api(token=token).get("/v1/documents")
                return "200", _must_be(status, answer.status), self._answered_by(answer, refusals)

            return run

        issuer = self._stack.issuer
        bad = {each.what: each for each in BAD_TOKENS}
        return [Attack("no token at all", "API Gateway", attempt(None, 401))] + [
            Attack(name, layer, attempt(bad[name].forge(issuer, self._a.id), bad[name].status))
            for name, layer in _TOKENS
        ]


def _ids(listing: dict[str, Any]) -> list[str]:
    return sorted(each["id"] for each in listing["documents"])


def _must_be(expected: int, status: int) -> str:
    if status != expected:
        raise NotRefused(f"expected {expected}, got {status}")
    return str(status)
