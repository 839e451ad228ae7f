"""Policy values: literal text, wildcards and policy variables, kept separate until the comparison.

AWS: "You can use policy variables in the Resource element and in string comparisons in the Condition
element"; `${*}`, `${?}` and `${$}` stand for the characters themselves; `${key, 'default'}` gives a
default; a variable without a value is "effectively null", and nothing is equal to or like null
(IAM User Guide, reference_policies_variables). A substituted value is data: a `*` in it is a
character, not a wildcard. So values are not inserted into the pattern's text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

_VARIABLE = re.compile(r"\$\{\s*([^},]+?)\s*(?:,\s*'([^']*)'\s*)?\}")
_SPECIAL = ("*", "?", "$")

Resolver = Callable[[str], object]


@dataclass(frozen=True)
class Template:
    """A policy value split into literal text (`str`), wildcards and variables."""

    parts: tuple[str | Wildcard | Variable, ...]

    def substitute(self, resolve: Resolver) -> Pattern | None:
        """Returns the pattern for one request, or None if a variable has no value."""
        parts: list[str | Wildcard] = []
        for part in self.parts:
            if isinstance(part, Variable):
                value = part.value(resolve)
                if value is None:
                    return None
                parts.append(value)
            else:
                parts.append(part)
        return Pattern(tuple(parts))


@dataclass(frozen=True)
class Wildcard:
    """`*` (any run of characters) or `?` (any one character)."""

    symbol: str

    @property
    def regex(self) -> str:
        return ".*" if self.symbol == "*" else "."


@dataclass(frozen=True)
class Variable:
    """`${key}` or `${key, 'default'}`."""

    key: str
    default: str | None

    def value(self, resolve: Resolver) -> str | None:
        found = resolve(self.key)
        # Only single-valued context keys can be variables.
        if isinstance(found, (str, int, float)) and not isinstance(found, bool):
            return str(found)
        return self.default


@dataclass(frozen=True)
class Pattern:
    """A policy value with its variables filled in."""

    parts: tuple[str | Wildcard, ...]

    @property
    def text(self) -> str:
        """Returns the value for operators without wildcards."""
        return "".join(part.symbol if isinstance(part, Wildcard) else part for part in self.parts)

    def like(self, value: str) -> bool:
        return _compiled(self.parts).fullmatch(value) is not None

    def like_arn(self, value: str) -> bool:
        """ARN comparison: "each of the six colon-delimited components of the ARN is checked separately".

        An ARN with fewer components is completed with wildcards.
        """
        theirs = value.split(":", 5)
        if self.parts == (Wildcard("*"),) or len(theirs) < 6:
            return self.like(value)
        mine = self._split_arn()
        mine += [(Wildcard("*"),)] * (6 - len(mine))
        return all(Pattern(part).like(text) for part, text in zip(mine, theirs, strict=True))

    def _split_arn(self) -> list[tuple[str | Wildcard, ...]]:
        components: list[list[str | Wildcard]] = [[]]
        for part in self.parts:
            pieces = part.split(":", 6 - len(components)) if isinstance(part, str) else [part]
            components[-1].append(pieces[0])
            components.extend([piece] for piece in pieces[1:])
        return [tuple(component) for component in components]


@lru_cache(maxsize=4096)
def _compiled(parts: tuple[str | Wildcard, ...]) -> re.Pattern[str]:
    source = "".join(part.regex if isinstance(part, Wildcard) else re.escape(part) for part in parts)
    return re.compile(source, re.DOTALL)


@lru_cache(maxsize=4096)
def parse(text: str, variables: bool) -> Template:
    """Splits a policy value. Without ``variables`` (policy version 2008-10-17) `${…}` is literal text."""
    parts: list[str | Wildcard | Variable] = []
    position = 0
    for match in _VARIABLE.finditer(text) if variables else ():
        parts.extend(_wildcards(text[position : match.start()]))
        key, default = match.group(1), match.group(2)
        parts.append(key if key in _SPECIAL else Variable(key, default))
        position = match.end()
    parts.extend(_wildcards(text[position:]))
    return Template(tuple(parts))


def _wildcards(text: str) -> list[str | Wildcard]:
    return [Wildcard(piece) if piece in ("*", "?") else piece for piece in re.split(r"([*?])", text) if piece]
