from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.chat_message import ChatMessage
    from ..models.infer_variables import InferVariables
    from ..models.output import Output
    from ..models.retrieval import Retrieval
    from ..models.tool import Tool


T = TypeVar("T", bound="Infer")


@_attrs_define
class Infer:
    """A question to answer.

    Attributes:
        template (str): Key of a prompt template, unique within the tenant. Example: default_summary.
        conversation (None | str | Unset):
        label (None | str | Unset):
        max_tokens (int | None | Unset): Maximum tokens of the answer. Default: 512.
        messages (list[ChatMessage] | Unset): A conversation instead of a question: `user` first, then `assistant`,
            `tool` and `user` in turn; the last one is
            not of `assistant`. Passages are found for the last message of `user`.
        model (None | str | Unset): A model of `GET /v1/models`, or `default`: the tenant's default. Default: `default`.
            Example: default.
        output (None | Output | Unset):
        question (None | str | Unset): The question. Blanks alone are no question. Send either `question` or `messages`.
            Example: How long do I have to cancel?.
        retrieval (Retrieval | Unset): Settings of the passage search.
        stop (list[str] | Unset): Texts at which the answer ends; they are not part of it. Each has 1 to 64 characters.
        store (bool | Unset): Whether the record of the inference keeps the messages and the answer, sealed, for 30
            days. Default: it does not.
        temperature (float | None | Unset): How much the answer may vary. Default: 0.
        tool_choice (None | str | Unset): `auto`: the model decides. `any`: it calls at least one tool. Or the name of
            the tool that it calls. Default:
            `auto`. Example: auto.
        tools (list[Tool] | Unset): Tools that the model may call. The caller runs them and sends their results as
            messages of `tool`.
        variables (InferVariables | Unset): Values for the variables of the prompt template.
        version (int | None | Unset): Version of the prompt template. Default: the latest.
    """

    template: str
    conversation: None | str | Unset = UNSET
    label: None | str | Unset = UNSET
    max_tokens: int | None | Unset = UNSET
    messages: list[ChatMessage] | Unset = UNSET
    model: None | str | Unset = UNSET
    output: None | Output | Unset = UNSET
    question: None | str | Unset = UNSET
    retrieval: Retrieval | Unset = UNSET
    stop: list[str] | Unset = UNSET
    store: bool | Unset = UNSET
    temperature: float | None | Unset = UNSET
    tool_choice: None | str | Unset = UNSET
    tools: list[Tool] | Unset = UNSET
    variables: InferVariables | Unset = UNSET
    version: int | None | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        from ..models.output import Output  # noqa: PLC0415

        template = self.template

        conversation: None | str | Unset
        if isinstance(self.conversation, Unset):
            conversation = UNSET
        else:
            conversation = self.conversation

        label: None | str | Unset
        if isinstance(self.label, Unset):
            label = UNSET
        else:
            label = self.label

        max_tokens: int | None | Unset
        if isinstance(self.max_tokens, Unset):
            max_tokens = UNSET
        else:
            max_tokens = self.max_tokens

        messages: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.messages, Unset):
            messages = []
            for messages_item_data in self.messages:
                messages_item = messages_item_data.to_dict()
                messages.append(messages_item)

        model: None | str | Unset
        if isinstance(self.model, Unset):
            model = UNSET
        else:
            model = self.model

        output: dict[str, Any] | None | Unset
        if isinstance(self.output, Unset):
            output = UNSET
        elif isinstance(self.output, Output):
            output = self.output.to_dict()
        else:
            output = self.output

        question: None | str | Unset
        if isinstance(self.question, Unset):
            question = UNSET
        else:
            question = self.question

        retrieval: dict[str, Any] | Unset = UNSET
        if not isinstance(self.retrieval, Unset):
            retrieval = self.retrieval.to_dict()

        stop: list[str] | Unset = UNSET
        if not isinstance(self.stop, Unset):
            stop = self.stop

        store = self.store

        temperature: float | None | Unset
        if isinstance(self.temperature, Unset):
            temperature = UNSET
        else:
            temperature = self.temperature

        tool_choice: None | str | Unset
        if isinstance(self.tool_choice, Unset):
            tool_choice = UNSET
        else:
            tool_choice = self.tool_choice

        tools: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.tools, Unset):
            tools = []
            for tools_item_data in self.tools:
                tools_item = tools_item_data.to_dict()
                tools.append(tools_item)

        variables: dict[str, Any] | Unset = UNSET
        if not isinstance(self.variables, Unset):
            variables = self.variables.to_dict()

        version: int | None | Unset
        if isinstance(self.version, Unset):
            version = UNSET
        else:
            version = self.version

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "template": template,
            }
        )
        if conversation is not UNSET:
            field_dict["conversation"] = conversation
        if label is not UNSET:
            field_dict["label"] = label
        if max_tokens is not UNSET:
            field_dict["max_tokens"] = max_tokens
        if messages is not UNSET:
            field_dict["messages"] = messages
        if model is not UNSET:
            field_dict["model"] = model
        if output is not UNSET:
            field_dict["output"] = output
        if question is not UNSET:
            field_dict["question"] = question
        if retrieval is not UNSET:
            field_dict["retrieval"] = retrieval
        if stop is not UNSET:
            field_dict["stop"] = stop
        if store is not UNSET:
            field_dict["store"] = store
        if temperature is not UNSET:
            field_dict["temperature"] = temperature
        if tool_choice is not UNSET:
            field_dict["tool_choice"] = tool_choice
        if tools is not UNSET:
            field_dict["tools"] = tools
        if variables is not UNSET:
            field_dict["variables"] = variables
        if version is not UNSET:
            field_dict["version"] = version

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.chat_message import ChatMessage  # noqa: PLC0415
        from ..models.infer_variables import InferVariables  # noqa: PLC0415
        from ..models.output import Output  # noqa: PLC0415
        from ..models.retrieval import Retrieval  # noqa: PLC0415
        from ..models.tool import Tool  # noqa: PLC0415

        d = dict(src_dict)
        template = d.pop("template")

        def _parse_conversation(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        conversation = _parse_conversation(d.pop("conversation", UNSET))

        def _parse_label(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        label = _parse_label(d.pop("label", UNSET))

        def _parse_max_tokens(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        max_tokens = _parse_max_tokens(d.pop("max_tokens", UNSET))

        _messages = d.pop("messages", UNSET)
        messages: list[ChatMessage] | Unset = UNSET
        if _messages is not UNSET:
            messages = []
            for messages_item_data in _messages:
                messages_item = ChatMessage.from_dict(messages_item_data)

                messages.append(messages_item)

        def _parse_model(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        model = _parse_model(d.pop("model", UNSET))

        def _parse_output(data: object) -> None | Output | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                output_type_0 = Output.from_dict(data)

                return output_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | Output | Unset, data)

        output = _parse_output(d.pop("output", UNSET))

        def _parse_question(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        question = _parse_question(d.pop("question", UNSET))

        _retrieval = d.pop("retrieval", UNSET)
        retrieval: Retrieval | Unset
        if isinstance(_retrieval, Unset):
            retrieval = UNSET
        else:
            retrieval = Retrieval.from_dict(_retrieval)

        stop = cast(list[str], d.pop("stop", UNSET))

        store = d.pop("store", UNSET)

        def _parse_temperature(data: object) -> float | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(float | None | Unset, data)

        temperature = _parse_temperature(d.pop("temperature", UNSET))

        def _parse_tool_choice(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        tool_choice = _parse_tool_choice(d.pop("tool_choice", UNSET))

        _tools = d.pop("tools", UNSET)
        tools: list[Tool] | Unset = UNSET
        if _tools is not UNSET:
            tools = []
            for tools_item_data in _tools:
                tools_item = Tool.from_dict(tools_item_data)

                tools.append(tools_item)

        _variables = d.pop("variables", UNSET)
        variables: InferVariables | Unset
        if isinstance(_variables, Unset):
            variables = UNSET
        else:
            variables = InferVariables.from_dict(_variables)

        def _parse_version(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        version = _parse_version(d.pop("version", UNSET))

        infer = cls(
            template=template,
            conversation=conversation,
            label=label,
            max_tokens=max_tokens,
            messages=messages,
            model=model,
            output=output,
            question=question,
            retrieval=retrieval,
            stop=stop,
            store=store,
            temperature=temperature,
            tool_choice=tool_choice,
            tools=tools,
            variables=variables,
            version=version,
        )

        return infer
