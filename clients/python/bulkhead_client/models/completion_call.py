from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.function_kind import FunctionKind
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.called_function import CalledFunction


T = TypeVar("T", bound="CompletionCall")


@_attrs_define
class CompletionCall:
    """The model's call of a tool.

    Attributes:
        function (CalledFunction): A function and its arguments.
        id (str): Identifies the call.
        type_ (FunctionKind): `function`.
        index (int | None | Unset): Position of the call; only in streams.
    """

    function: CalledFunction
    id: str
    type_: FunctionKind
    index: int | None | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        function = self.function.to_dict()

        id = self.id

        type_ = self.type_.value

        index: int | None | Unset
        if isinstance(self.index, Unset):
            index = UNSET
        else:
            index = self.index

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "function": function,
                "id": id,
                "type": type_,
            }
        )
        if index is not UNSET:
            field_dict["index"] = index

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.called_function import CalledFunction  # noqa: PLC0415

        d = dict(src_dict)
        function = CalledFunction.from_dict(d.pop("function"))

        id = d.pop("id")

        type_ = FunctionKind(d.pop("type"))

        def _parse_index(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        index = _parse_index(d.pop("index", UNSET))

        completion_call = cls(
            function=function,
            id=id,
            type_=type_,
            index=index,
        )

        return completion_call
