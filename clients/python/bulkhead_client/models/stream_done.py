from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.finish_reason import FinishReason
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.stream_done_output_type_0 import StreamDoneOutputType0
    from ..models.tool_call import ToolCall


T = TypeVar("T", bound="StreamDone")


@_attrs_define
class StreamDone:
    """The last event of a complete stream.

    Attributes:
        finish_reason (FinishReason): Why an answer ended.
        output (None | StreamDoneOutputType0 | Unset): The answer in the form of `output.schema`.
        tool_calls (list[ToolCall] | Unset): The tools that the model calls.
    """

    finish_reason: FinishReason
    output: None | StreamDoneOutputType0 | Unset = UNSET
    tool_calls: list[ToolCall] | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.stream_done_output_type_0 import StreamDoneOutputType0  # noqa: PLC0415

        finish_reason = self.finish_reason.value

        output: dict[str, Any] | None | Unset
        if isinstance(self.output, Unset):
            output = UNSET
        elif isinstance(self.output, StreamDoneOutputType0):
            output = self.output.to_dict()
        else:
            output = self.output

        tool_calls: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.tool_calls, Unset):
            tool_calls = []
            for tool_calls_item_data in self.tool_calls:
                tool_calls_item = tool_calls_item_data.to_dict()
                tool_calls.append(tool_calls_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "finish_reason": finish_reason,
            }
        )
        if output is not UNSET:
            field_dict["output"] = output
        if tool_calls is not UNSET:
            field_dict["tool_calls"] = tool_calls

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.stream_done_output_type_0 import StreamDoneOutputType0  # noqa: PLC0415
        from ..models.tool_call import ToolCall  # noqa: PLC0415

        d = dict(src_dict)
        finish_reason = FinishReason(d.pop("finish_reason"))

        def _parse_output(data: object) -> None | StreamDoneOutputType0 | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                output_type_0 = StreamDoneOutputType0.from_dict(data)

                return output_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | StreamDoneOutputType0 | Unset, data)

        output = _parse_output(d.pop("output", UNSET))

        _tool_calls = d.pop("tool_calls", UNSET)
        tool_calls: list[ToolCall] | Unset = UNSET
        if _tool_calls is not UNSET:
            tool_calls = []
            for tool_calls_item_data in _tool_calls:
                tool_calls_item = ToolCall.from_dict(tool_calls_item_data)

                tool_calls.append(tool_calls_item)

        stream_done = cls(
            finish_reason=finish_reason,
            output=output,
            tool_calls=tool_calls,
        )

        stream_done.additional_properties = d
        return stream_done

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
