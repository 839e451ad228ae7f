from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

if TYPE_CHECKING:
    from ..models.tool_call_input import ToolCallInput


T = TypeVar("T", bound="ToolCall")


@_attrs_define
class ToolCall:
    """The model's call of a tool.

    Attributes:
        id (str): 1 to 64 letters, digits, `_` and `-`. Example: find_ferry.
        input_ (ToolCallInput): The input as the model wrote it: it may not match the tool's schema.
        name (str): 1 to 64 letters, digits, `_` and `-`. Example: find_ferry.
    """

    id: str
    input_: ToolCallInput
    name: str

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        input_ = self.input_.to_dict()

        name = self.name

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "id": id,
                "input": input_,
                "name": name,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.tool_call_input import ToolCallInput  # noqa: PLC0415

        d = dict(src_dict)
        id = d.pop("id")

        input_ = ToolCallInput.from_dict(d.pop("input"))

        name = d.pop("name")

        tool_call = cls(
            id=id,
            input_=input_,
            name=name,
        )

        return tool_call
