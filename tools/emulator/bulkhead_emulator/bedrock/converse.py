"""Converse: request checks and answers as on AWS."""

from __future__ import annotations

import time
from dataclasses import dataclass

from .errors import invalid
from .extractive import answer
from .text import cut_to_tokens, token_count

_DEFAULT_MAX_TOKENS = 5_000
_UNSUPPORTED = ("toolConfig", "guardrailConfig", "promptVariables", "outputConfig")


@dataclass(frozen=True)
class Answer:
    """A finished answer."""

    text: str
    stop_reason: str
    usage: dict[str, int]
    latency_ms: int

    def response(self) -> dict:
        return {
            "output": {"message": {"role": "assistant", "content": [{"text": self.text}]}},
            "stopReason": self.stop_reason,
            "usage": self.usage,
            "metrics": {"latencyMs": self.latency_ms},
        }

    def events(self) -> list[tuple[str, dict]]:
        """Returns the answer as events of ConverseStream."""
        words = self.text.split(" ")
        pieces = [" ".join(words[n : n + 4]) + (" " if n + 4 < len(words) else "") for n in range(0, len(words), 4)]
        return [
            ("messageStart", {"role": "assistant"}),
            *(("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": piece}}) for piece in pieces),
            ("contentBlockStop", {"contentBlockIndex": 0}),
            ("messageStop", {"stopReason": self.stop_reason}),
            ("metadata", {"usage": self.usage, "metrics": {"latencyMs": self.latency_ms}}),
        ]


def converse(request: dict, context: int) -> Answer:
    """Answers a request to a model with `context` tokens."""
    started = time.monotonic()
    for name in _UNSUPPORTED:
        if request.get(name):
            raise invalid(f"this emulator's models do not support {name}")
    system = _texts(request.get("system") or [], "system")
    messages = _messages(request.get("messages"))
    inference = request.get("inferenceConfig") or {}
    inputs = sum(token_count(text) for text in [*system, *(text for _, text in messages)]) + 4 * len(messages)
    if inputs > context:
        raise invalid("Input is too long for requested model.")
    text, reason = _limited(answer(system, messages), inference)
    outputs = token_count(text)
    usage = {"inputTokens": inputs, "outputTokens": outputs, "totalTokens": inputs + outputs}
    return Answer(text, reason, usage, int((time.monotonic() - started) * 1000))


def _limited(text: str, inference: dict) -> tuple[str, str]:
    limit = inference.get("maxTokens", _DEFAULT_MAX_TOKENS)
    if not isinstance(limit, int) or limit < 1:
        raise invalid("The maximum tokens you requested must be at least 1. Please try again with a lower value.")
    for name in ("temperature", "topP"):
        if name in inference and not 0 <= inference[name] <= 1:
            raise invalid(f"{name} must be between 0 and 1")
    reason = "end_turn"
    for sequence in inference.get("stopSequences") or []:
        if sequence and sequence in text:
            text, reason = text[: text.index(sequence)], "stop_sequence"
    cut = cut_to_tokens(text, limit)
    return (cut, "max_tokens") if cut != text else (text, reason)


def _messages(given: object) -> list[tuple[str, str]]:
    if not isinstance(given, list) or not given:
        raise invalid("The value at messages is empty. Add at least one message and try again.")
    found: list[tuple[str, str]] = []
    for number, entry in enumerate(given):
        role = entry.get("role") if isinstance(entry, dict) else None
        if role not in ("user", "assistant"):
            raise invalid(f"messages.{number}.role must be user or assistant")
        if found and found[-1][0] == role:
            raise invalid(
                "A conversation must alternate between user and assistant roles. Make sure the conversation "
                "alternates between user and assistant roles and try again."
            )
        found.append((role, "\n\n".join(_texts(entry.get("content") or [], f"messages.{number}.content"))))
    if found[0][0] != "user":
        raise invalid(
            "A conversation must start with a user message. Try again with a conversation that starts "
            "with a user message."
        )
    if found[-1][0] != "user":
        raise invalid("this emulator's models do not continue an assistant message; end with a user message")
    return found


def _texts(blocks: object, where: str) -> list[str]:
    if not isinstance(blocks, list):
        raise invalid(f"{where} must be a list of content blocks")
    texts = []
    for number, block in enumerate(blocks):
        if not isinstance(block, dict) or not ({"text", "cachePoint"} & block.keys()):
            raise invalid(f"this emulator's models read text only; {where}.{number} is something else")
        if "text" in block:
            if not isinstance(block["text"], str) or not block["text"].strip():
                raise invalid(
                    f"The text field in the ContentBlock object at {where}.{number} is blank. "
                    "Add text to the text field, and try again."
                )
            texts.append(block["text"])
    if not texts and where != "system":
        raise invalid(
            f"The content field in the Message object at {where.removesuffix('.content')} is empty. "
            "Add a ContentBlock object to the content field and try again."
        )
    return texts
