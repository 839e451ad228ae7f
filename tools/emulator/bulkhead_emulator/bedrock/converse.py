"""Converse: request checks and answers as on AWS."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

from . import tools
from .errors import invalid
from .extractive import answer, question_of
from .guardrails import Guardrail
from .text import cut_to_tokens, token_count

_DEFAULT_MAX_TOKENS = 5_000
_UNSUPPORTED = ("promptVariables", "outputConfig")


@dataclass(frozen=True)
class Answer:
    """A finished answer: text, or the call of a tool."""

    text: str
    call: tools.Call | None
    stop_reason: str
    usage: dict[str, int]
    latency_ms: int

    def response(self) -> dict:
        content = [self.call.block()] if self.call else [{"text": self.text}]
        return {
            "output": {"message": {"role": "assistant", "content": content}},
            "stopReason": self.stop_reason,
            "usage": self.usage,
            "metrics": {"latencyMs": self.latency_ms},
        }

    def events(self) -> list[tuple[str, dict]]:
        """Returns the answer as events of ConverseStream."""
        return [
            ("messageStart", {"role": "assistant"}),
            *(self._call_events(self.call) if self.call else self._text_events()),
            ("contentBlockStop", {"contentBlockIndex": 0}),
            ("messageStop", {"stopReason": self.stop_reason}),
            ("metadata", {"usage": self.usage, "metrics": {"latencyMs": self.latency_ms}}),
        ]

    def _text_events(self) -> list[tuple[str, dict]]:
        words = self.text.split(" ")
        pieces = [" ".join(words[n : n + 4]) + (" " if n + 4 < len(words) else "") for n in range(0, len(words), 4)]
        return [("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": piece}}) for piece in pieces]

    @staticmethod
    def _call_events(call: tools.Call) -> list[tuple[str, dict]]:
        start = {"toolUse": {"toolUseId": call.identifier, "name": call.name}}
        written = json.dumps(call.given)
        pieces = [written[n : n + 12] for n in range(0, len(written), 12)]
        return [
            ("contentBlockStart", {"contentBlockIndex": 0, "start": start}),
            *(
                ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"toolUse": {"input": piece}}})
                for piece in pieces
            ),
        ]


def converse(request: dict, context: int, guardrail: Guardrail | None = None) -> Answer:
    """Answers a request to a model with `context` tokens."""
    started = time.monotonic()
    for name in _UNSUPPORTED:
        if request.get(name):
            raise invalid(f"this emulator's models do not support {name}")
    system = _texts(request.get("system") or [], "system")
    blocks = _messages(request.get("messages"))
    offered = tools.read(request.get("toolConfig"))
    if offered is None and any({"toolUse", "toolResult"} & block.keys() for _, each in blocks for block in each):
        raise invalid("The toolConfig field must be defined when using toolUse and toolResult content blocks.")
    tools.require_pairs(blocks)
    messages = [(role, "\n\n".join(_texts(each, f"messages.{n}.content"))) for n, (role, each) in enumerate(blocks)]
    inference = request.get("inferenceConfig") or {}
    inputs = sum(token_count(text) for text in [*system, *(text for _, text in messages)]) + 4 * len(messages)
    inputs += token_count(json.dumps(request.get("toolConfig"))) if offered else 0
    if inputs > context:
        raise invalid("Input is too long for requested model.")
    if guardrail and guardrail.blocks([text for _, text in messages]):
        nothing = {"inputTokens": 0, "outputTokens": 0, "totalTokens": 0}
        return Answer(guardrail.blocked_input, None, "guardrail_intervened", nothing, 0)
    has_results = any("toolResult" in block for block in blocks[-1][1])
    spoken = _with_results_as_context(messages, blocks)
    text = answer(system, spoken)
    call = offered.call(question_of(spoken), text, has_results) if offered else None
    text, reason = _limited(json.dumps(call.given) if call else text, inference, writes_json=call is not None)
    outputs = token_count(text)
    if call:
        call, reason = (call, "tool_use") if reason == "end_turn" else (None, reason)
        text = ""
    if guardrail and guardrail.blocks([text]):
        text, call, reason = guardrail.blocked_output, None, "guardrail_intervened"
    usage = {"inputTokens": inputs, "outputTokens": outputs, "totalTokens": inputs + outputs}
    return Answer(text, call, reason, usage, int((time.monotonic() - started) * 1000))


def _with_results_as_context(
    messages: list[tuple[str, str]], blocks: list[tuple[str, list[dict]]]
) -> list[tuple[str, str]]:
    """Returns the messages with the results of tools before the user's words, as a source to quote."""
    is_result = [any("toolResult" in block for block in each) for _, each in blocks]
    results = [text for (_, text), result in zip(messages, is_result, strict=True) if result]
    said = [message for message, result in zip(messages, is_result, strict=True) if not result]
    if results and said:
        said[0] = (said[0][0], "\n\n".join([*results, said[0][1]]))
    return said


def _limited(text: str, inference: dict, *, writes_json: bool) -> tuple[str, str]:
    limit = inference.get("maxTokens", _DEFAULT_MAX_TOKENS)
    if not isinstance(limit, int) or limit < 1:
        raise invalid("The maximum tokens you requested must be at least 1. Please try again with a lower value.")
    for name in ("temperature", "topP"):
        if name in inference and not 0 <= inference[name] <= 1:
            raise invalid(f"{name} must be between 0 and 1")
    reason = "end_turn"
    for sequence in inference.get("stopSequences") or []:
        if sequence and sequence in text and not writes_json:
            text, reason = text[: text.index(sequence)], "stop_sequence"
    cut = cut_to_tokens(text, limit)
    return (cut, "max_tokens") if cut != text else (text, reason)


def _messages(given: object) -> list[tuple[str, list[dict]]]:
    if not isinstance(given, list) or not given:
        raise invalid("The value at messages is empty. Add at least one message and try again.")
    found: list[tuple[str, list[dict]]] = []
    for number, entry in enumerate(given):
        role = entry.get("role") if isinstance(entry, dict) else None
        if role not in ("user", "assistant"):
            raise invalid(f"messages.{number}.role must be user or assistant")
        if found and found[-1][0] == role:
            raise invalid(
                "A conversation must alternate between user and assistant roles. Make sure the conversation "
                "alternates between user and assistant roles and try again."
            )
        blocks = entry.get("content") or []
        _texts(blocks, f"messages.{number}.content")
        found.append((role, blocks))
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
        if not isinstance(block, dict) or not ({"text", "cachePoint", "toolUse", "toolResult"} & block.keys()):
            raise invalid(f"this emulator's models read text and tools only; {where}.{number} is something else")
        if "toolUse" in block:
            texts.append(json.dumps(block["toolUse"].get("input")))
        if "toolResult" in block:
            texts.append(tools.text_of_result(block["toolResult"], f"{where}.{number}"))
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
