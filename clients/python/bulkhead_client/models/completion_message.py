from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.completion_role import CompletionRole
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.completion_call import CompletionCall
    from ..models.completion_part import CompletionPart


T = TypeVar("T", bound="CompletionMessage")


@_attrs_define
class CompletionMessage:
    """A message of a chat.

    Attributes:
        role (CompletionRole): Who speaks.
        content (list[CompletionPart] | None | str | Unset):
        name (None | str | Unset): Ignored.
        refusal (None | str | Unset): Must be `null`.
        tool_call_id (None | str | Unset): The call that a message of `tool` answers.
        tool_calls (list[CompletionCall] | Unset): The calls of tools in a message of `assistant`.
    """

    role: CompletionRole
    content: list[CompletionPart] | None | str | Unset = UNSET
    name: None | str | Unset = UNSET
    refusal: None | str | Unset = UNSET
    tool_call_id: None | str | Unset = UNSET
    tool_calls: list[CompletionCall] | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        role = self.role.value

        content: list[dict[str, Any]] | None | str | Unset
        if isinstance(self.content, Unset):
            content = UNSET
        elif isinstance(self.content, list):
            content = []
            for componentsschemas_completion_content_type_1_item_data in self.content:
                componentsschemas_completion_content_type_1_item = (
                    componentsschemas_completion_content_type_1_item_data.to_dict()
                )
                content.append(componentsschemas_completion_content_type_1_item)

        else:
            content = self.content

        name: None | str | Unset
        if isinstance(self.name, Unset):
            name = UNSET
        else:
            name = self.name

        refusal: None | str | Unset
        if isinstance(self.refusal, Unset):
            refusal = UNSET
        else:
            refusal = self.refusal

        tool_call_id: None | str | Unset
        if isinstance(self.tool_call_id, Unset):
            tool_call_id = UNSET
        else:
            tool_call_id = self.tool_call_id

        tool_calls: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.tool_calls, Unset):
            tool_calls = []
            for tool_calls_item_data in self.tool_calls:
                tool_calls_item = tool_calls_item_data.to_dict()
                tool_calls.append(tool_calls_item)

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "role": role,
            }
        )
        if content is not UNSET:
            field_dict["content"] = content
        if name is not UNSET:
            field_dict["name"] = name
        if refusal is not UNSET:
            field_dict["refusal"] = refusal
        if tool_call_id is not UNSET:
            field_dict["tool_call_id"] = tool_call_id
        if tool_calls is not UNSET:
            field_dict["tool_calls"] = tool_calls

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.completion_call import CompletionCall  # noqa: PLC0415
        from ..models.completion_part import CompletionPart  # noqa: PLC0415

        d = dict(src_dict)
        role = CompletionRole(d.pop("role"))

        def _parse_content(data: object) -> list[CompletionPart] | None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                componentsschemas_completion_content_type_1 = []
                _componentsschemas_completion_content_type_1 = data
                for (
                    componentsschemas_completion_content_type_1_item_data
                ) in _componentsschemas_completion_content_type_1:
                    componentsschemas_completion_content_type_1_item = CompletionPart.from_dict(
                        componentsschemas_completion_content_type_1_item_data
                    )

                    componentsschemas_completion_content_type_1.append(componentsschemas_completion_content_type_1_item)

                return componentsschemas_completion_content_type_1
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[CompletionPart] | None | str | Unset, data)

        content = _parse_content(d.pop("content", UNSET))

        def _parse_name(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        name = _parse_name(d.pop("name", UNSET))

        def _parse_refusal(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        refusal = _parse_refusal(d.pop("refusal", UNSET))

        def _parse_tool_call_id(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        tool_call_id = _parse_tool_call_id(d.pop("tool_call_id", UNSET))

        _tool_calls = d.pop("tool_calls", UNSET)
        tool_calls: list[CompletionCall] | Unset = UNSET
        if _tool_calls is not UNSET:
            tool_calls = []
            for tool_calls_item_data in _tool_calls:
                tool_calls_item = CompletionCall.from_dict(tool_calls_item_data)

                tool_calls.append(tool_calls_item)

        completion_message = cls(
            role=role,
            content=content,
            name=name,
            refusal=refusal,
            tool_call_id=tool_call_id,
            tool_calls=tool_calls,
        )

        return completion_message
