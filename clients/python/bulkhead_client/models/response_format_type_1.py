from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

from ..models.response_format_type_1_type import ResponseFormatType1Type

if TYPE_CHECKING:
    from ..models.json_schema import JsonSchema


T = TypeVar("T", bound="ResponseFormatType1")


@_attrs_define
class ResponseFormatType1:
    """
    Attributes:
        json_schema (JsonSchema): The form of an answer in JSON.
        type_ (ResponseFormatType1Type):
    """

    json_schema: JsonSchema
    type_: ResponseFormatType1Type

    def to_dict(self) -> dict[str, Any]:
        json_schema = self.json_schema.to_dict()

        type_ = self.type_.value

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "json_schema": json_schema,
                "type": type_,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.json_schema import JsonSchema  # noqa: PLC0415

        d = dict(src_dict)
        json_schema = JsonSchema.from_dict(d.pop("json_schema"))

        type_ = ResponseFormatType1Type(d.pop("type"))

        response_format_type_1 = cls(
            json_schema=json_schema,
            type_=type_,
        )

        return response_format_type_1
