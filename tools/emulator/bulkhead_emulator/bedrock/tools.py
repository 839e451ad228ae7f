"""Tools of Converse: request checks as on AWS, and the calls of the deterministic model.

AWS (API_runtime_ToolConfiguration, API_runtime_ToolSpecification, conversation-inference-call): names match
`[a-zA-Z0-9_-]{1,64}`; messages with calls or results need a `toolConfig`; each call of a message has its result in the
next one, which has no other blocks.
"""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass
from typing import Any

from .errors import invalid
from .extractive import UNKNOWN
from .text import content_stems

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_NUMERALS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty"
).split()
_MARKER = re.compile(r"\[[^\]]*\]")
_PROPER = re.compile(r"(?<=\s)[A-ZÄÖÜ][\w'’-]+")


@dataclass(frozen=True)
class Call:
    """The model's call of a tool."""

    identifier: str
    name: str
    given: Any

    def block(self) -> dict:
        return {"toolUse": {"toolUseId": self.identifier, "name": self.name, "input": self.given}}


@dataclass(frozen=True)
class Tools:
    """The tools of a request."""

    specifications: tuple[dict, ...]
    # "auto", "any", or a tuple with the name of one tool.
    choice: str | tuple[str]

    def call(self, question: str, quoted: str, has_results: bool) -> Call | None:
        """Returns the model's call; None if it answers with text."""
        if self.choice == "auto" and (has_results or quoted != UNKNOWN):
            return None
        named = [each for each in self.specifications if (each["name"],) == self.choice]
        chosen = named[0] if named else max(self.specifications, key=lambda each: _fit(each, question))
        if self.choice == "auto" and not _fit(chosen, question):
            return None
        value = _value(chosen["inputSchema"]["json"], question, quoted)
        return Call(f"tooluse_{uuid.uuid4().hex[:22]}", chosen["name"], value)


def read(config: object) -> Tools | None:
    """Returns the tools of `toolConfig`."""
    if config is None:
        return None
    tools = config.get("tools") if isinstance(config, dict) else None
    if not isinstance(config, dict) or not isinstance(tools, list) or not tools:
        raise invalid("The value at toolConfig.tools is empty. Add at least one tool and try again.")
    specifications = [_specification(tool, number) for number, tool in enumerate(tools)]
    names = [each["name"] for each in specifications]
    if len(set(names)) != len(names):
        raise invalid("Tool names must be unique.")
    return Tools(tuple(specifications), _choice(config.get("toolChoice") or {"auto": {}}, names))


def _specification(tool: object, number: int) -> dict:
    where = f"toolConfig.tools.{number}.member.toolSpec"
    specification = tool.get("toolSpec") if isinstance(tool, dict) else None
    if not isinstance(specification, dict):
        raise invalid(f"this emulator's models take tools with a toolSpec only; {where} is something else")
    name, schema = specification.get("name"), (specification.get("inputSchema") or {}).get("json")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise invalid(
            f"Value '{name}' at '{where}.name' failed to satisfy constraint: Member must satisfy regular "
            "expression pattern: [a-zA-Z0-9_-]+ and have length less than or equal to 64"
        )
    if specification.get("description") == "":
        raise invalid(f"Value at '{where}.description' failed to satisfy constraint: Member must have length >= 1")
    if not isinstance(schema, dict) or schema.get("type") != "object":
        raise invalid(f"The value at {where}.inputSchema.json.type must be one of the following: object.")
    return specification


def _choice(choice: object, names: list[str]) -> str | tuple[str]:
    if choice == {"auto": {}} or choice == {"any": {}}:
        return next(iter(choice))
    named = choice.get("tool", {}).get("name") if isinstance(choice, dict) and len(choice) == 1 else None
    if named not in names:
        raise invalid("The value at toolConfig.toolChoice must name one of the tools.")
    return (named,)


def text_of_result(block: dict, where: str) -> str:
    """Returns the text of a toolResult."""
    content = block.get("content")
    if not isinstance(content, list) or not content:
        raise invalid(f"The content field at {where}.toolResult is empty. Add a content block and try again.")
    return "\n".join(part["text"] if "text" in part else json.dumps(part.get("json")) for part in content)


def require_pairs(messages: list[tuple[str, list[dict]]]) -> None:
    """Raises AWS's errors for calls without results and results without calls."""
    open_calls: list[str] = []
    for number, (role, blocks) in enumerate(messages):
        results = [block["toolResult"].get("toolUseId") for block in blocks if "toolResult" in block]
        calls = [block["toolUse"].get("toolUseId") for block in blocks if "toolUse" in block]
        if (results and role != "user") or (calls and role != "assistant"):
            raise invalid(f"messages.{number}.content: toolUse is for assistant messages, toolResult for user messages")
        if results and len(results) < len(blocks):
            raise invalid(
                f"messages.{number}.content: Conversation blocks and tool result blocks cannot be provided in the "
                "same turn."
            )
        if sorted(results) != sorted(open_calls):
            raise invalid(
                f"Expected toolResult blocks at messages.{number}.content for the following Ids: "
                f"{', '.join(open_calls)}"
                if open_calls
                else f"The number of toolResult blocks at messages.{number}.content exceeds the number of toolUse "
                "blocks of previous turn."
            )
        open_calls = calls


def _fit(specification: dict, question: str) -> int:
    described = f"{specification['name'].replace('_', ' ').replace('-', ' ')} {specification.get('description', '')}"
    return len(set(content_stems(described)) & set(content_stems(question)))


def _value(schema: dict, question: str, quoted: str) -> Any:
    """Returns a value of the schema from what the model quotes, or else from the question."""
    if allowed := schema.get("enum"):
        asked = set(content_stems(f"{question} {quoted}"))
        return max(allowed, key=lambda each: len(asked & set(content_stems(str(each)))))
    source = question if quoted == UNKNOWN else quoted
    kind = schema.get("type")
    if kind == "object":
        members = schema.get("properties") or {}
        return {name: _value(member, question, quoted) for name, member in members.items()}
    if kind == "array":
        return [_value(schema.get("items") or {"type": "string"}, question, quoted)]
    if kind in ("integer", "number"):
        number = _number(source)
        return int(number) if kind == "integer" else number
    if kind == "boolean":
        return quoted != UNKNOWN
    proper = _PROPER.findall(question)
    text = proper[-1] if quoted == UNKNOWN and proper else source
    return text[: schema.get("maxLength", len(text))]


def _number(text: str) -> float:
    text = _MARKER.sub(" ", text)
    if found := _NUMBER.search(text):
        return float(found.group())
    words = re.findall(r"[a-z]+", text.lower())
    return float(next((_NUMERALS.index(word) for word in words if word in _NUMERALS), 0))
