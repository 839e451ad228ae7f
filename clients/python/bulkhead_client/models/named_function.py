from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

from ..models.function_kind import FunctionKind

if TYPE_CHECKING:
    from ..models.function_name import FunctionName


T = TypeVar("T", bound="NamedFunction")


@_attrs_define
class NamedFunction:
    """A function by its name.

    Attributes:
        function (FunctionName): The name of a function.
        type_ (FunctionKind): `function`.
    """

    function: FunctionName
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
        from ..models.function_name import FunctionName  # noqa: PLC0415

        d = dict(src_dict)
        function = FunctionName.from_dict(d.pop("function"))

        type_ = FunctionKind(d.pop("type"))

        named_function = cls(
            function=function,
            type_=type_,
        )

        return named_function
