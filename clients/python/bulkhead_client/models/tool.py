from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.tool_input_schema import ToolInputSchema


T = TypeVar("T", bound="Tool")


@_attrs_define
class Tool:
    """A tool that the model may call.

    Attributes:
        input_schema (ToolInputSchema): The JSON Schema of the input, an object. It is passed to the model and not
            checked.
        name (str): 1 to 64 letters, digits, `_` and `-`. Example: find_ferry.
        description (None | str | Unset): When to use the tool.
    """

    input_schema: ToolInputSchema
    name: str
    description: None | str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        input_schema = self.input_schema.to_dict()

        name = self.name

        description: None | str | Unset
        if isinstance(self.description, Unset):
            description = UNSET
        else:
            description = self.description

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "input_schema": input_schema,
                "name": name,
            }
        )
        if description is not UNSET:
            field_dict["description"] = description

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.tool_input_schema import ToolInputSchema  # noqa: PLC0415

        d = dict(src_dict)
        input_schema = ToolInputSchema.from_dict(d.pop("input_schema"))

        name = d.pop("name")

        def _parse_description(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        description = _parse_description(d.pop("description", UNSET))

        tool = cls(
            input_schema=input_schema,
            name=name,
            description=description,
        )

        return tool
