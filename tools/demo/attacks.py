"""The attacks of the demo: tenant B tries to reach tenant A.

Each attack first shows that the same call works for A. Without that control a refusal proves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tools.attacks import NotRefused, Target, operation, refusal
from tools.attacks.forged_tokens import BAD_TOKENS
from tools.devstack.aws import Account, Tenant
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
    """One attack; `run` returns the result of A's call and the refusal of B's call."""

    what: str
    by: str
    run: Callable[[], tuple[str, str]]

    def show(self) -> Shown:
        owner, intruder = self.run()
        return Shown(self.what, owner, intruder, self.by)


_STORES = (
    ("read an item of A's partition", "table-GetItem", "IAM"),
    ("query A's partition", "table-Query", "IAM"),
    ("A's item hidden among B's own in one call", "table-TransactGetItems-mixed", "IAM"),
    ("write into A's partition", "table-PutItem", "IAM"),
    ("scan the whole table", "table-Scan", "IAM"),
    ("read A's uploaded file", "objects-GetObject", "IAM"),
    ("list A's prefix", "objects-List-prefix", "IAM"),
    ("list the bucket without a prefix", "objects-List-without-prefix", "IAM"),
    ("put a file under A's prefix", "objects-PutObject", "IAM"),
    ("query A's vector index", "vectors-QueryVectors", "IAM"),
    ("get a vector of A by its key", "vectors-GetVectors", "IAM"),
    ("open A's sealed template, as A", "keys-Decrypt", "IAM"),
    ("open A's sealed template, as B", "keys-Decrypt-as-mine", "KMS"),
)

_TOKENS = (
    "garbage",
    "expired an hour ago",
    "wrong EC key, same key id",
    "alg none",
    "HS256 over the RSA key's PEM",
    "no tenant",
    "tenant with a slash",
    "tenant not onboarded",
    "another tier",
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
        def document(method: str) -> Callable[[], tuple[str, str]]:
            def run() -> tuple[str, str]:
                a, b = self._stack.api(self._a), self._stack.api(self._b)
                path = f"/v1/documents/{a.get('/v1/documents').expect(200)['documents'][0]['id']}"
                tried = b.call(method, path)
                # A's control call is last: it shows that B's DELETE changed nothing.
                own = a.get(path)
                own.expect(200)
                return str(own.status), _must_be(404, tried.status)

            return run

        def spoofed() -> tuple[str, str]:
            a, b = self._stack.api(self._a), self._stack.api(self._b)
            spoof = {"X-Amz-Tenant-Id": self._a.id}
            seen = _ids(b.get("/v1/documents", headers=spoof).expect(200))
            if seen != _ids(b.get("/v1/documents").expect(200)):
                raise NotRefused(f"a client's X-Amz-Tenant-Id header changed the answer: {seen}")
            return f"{len(_ids(a.get('/v1/documents').expect(200)))} documents", "B's own documents"

        return [
            Attack("read A's document by its id", "the API", document("GET")),
            Attack("delete A's document by its id", "the API", document("DELETE")),
            Attack("header X-Amz-Tenant-Id: A", "API Gateway", spoofed),
        ]

    # ── stores ──────────────────────────────────────────────────────────────

    def _stores(self) -> list[Attack]:
        def attempt(name: str) -> Callable[[], tuple[str, str]]:
            def run() -> tuple[str, str]:
                known = operation(name)
                known.control(self._session_a, self._target_a)
                code = known.attack(self._session_b, self._target_a, self._target_b)
                return ("works" if known.owner_may else ALSO_REFUSED), code

            return run

        return [Attack(what, by, attempt(name)) for what, name, by in _STORES]

    # ── sessions ────────────────────────────────────────────────────────────

    def _sessions(self) -> list[Attack]:
        role = self._stack.outputs["BasicTenantRole"]
        tag = {"TenantId": self._a.id}

        def assume(account: Callable[[], Account], name: str, tags: dict[str, str] | None) -> Any:
            def run() -> tuple[str, str]:
                self._stack.operator().assume(role, self._a.id, tag)
                code = refusal("assuming the tenant role", lambda: account().assume(role, name, tags))
                return "works", code

            return run

        def read() -> tuple[str, str]:
            known = operation("table-GetItem")
            known.control(self._session_a, self._target_a)
            return "works", known.attack(self._stack.operator(), self._target_a, self._target_b)

        operator = self._stack.operator
        return [
            Attack("the operator, without a tag", "IAM", assume(operator, self._a.id, None)),
            Attack(
                "the operator, with a second tag",
                "IAM",
                assume(operator, self._a.id, {**tag, "Tier": "gold"}),
            ),
            Attack("the operator, under B's name", "IAM", assume(operator, self._b.id, tag)),
            Attack("B's session asks for A's tag", "IAM", assume(lambda: self._session_b, self._a.id, tag)),
            Attack("the operator reads A without a session", "IAM", read),
        ]

    # ── tokens ──────────────────────────────────────────────────────────────

    def _tokens(self) -> list[Attack]:
        def attempt(token: str | None, status: int) -> Callable[[], tuple[str, str]]:
            def run() -> tuple[str, str]:
                self._stack.api(self._a).get("/v1/documents").expect(200)
                answer = self._stack.api(token=token).get("/v1/documents")
                return "200", _must_be(status, answer.status)

            return run

        issuer = self._stack.issuer
        bad = {each.what: each for each in BAD_TOKENS}
        return [Attack("no token at all", "API Gateway", attempt(None, 401))] + [
            Attack(name, "the authorizer", attempt(bad[name].forge(issuer, self._a.id), bad[name].status))
            for name in _TOKENS
        ]


def _ids(listing: dict[str, Any]) -> list[str]:
    return sorted(each["id"] for each in listing["documents"])


def _must_be(expected: int, status: int) -> str:
    if status != expected:
        raise NotRefused(f"expected {expected}, got {status}")
    return str(status)
