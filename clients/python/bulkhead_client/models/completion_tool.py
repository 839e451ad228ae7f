from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

from ..models.function_kind import FunctionKind

if TYPE_CHECKING:
    from ..models.function_definition import FunctionDefinition


T = TypeVar("T", bound="CompletionTool")


@_attrs_define
class CompletionTool:
    """A tool that the model may call.

    Attributes:
        function (FunctionDefinition): A function that the model may call.
        type_ (FunctionKind): `function`.
    """

    function: FunctionDefinition
    type_: FunctionKind

    def to_dict(self) -> dict[str, Any]:
        function = self.function.to_dict()

        type_ = self.type_.value

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "function": function,
                "type": type_,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.function_definition import FunctionDefinition  # noqa: PLC0415

        d = dict(src_dict)
        function = FunctionDefinition.from_dict(d.pop("function"))

        type_ = FunctionKind(d.pop("type"))

        completion_tool = cls(
            function=function,
            type_=type_,
        )

        return completion_tool
