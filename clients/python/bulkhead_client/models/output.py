from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

if TYPE_CHECKING:
    from ..models.output_schema import OutputSchema


T = TypeVar("T", bound="Output")


@_attrs_define
class Output:
    """The form of an answer in JSON.

    Attributes:
        schema (OutputSchema): The subset of JSON Schema that declared variables have: an object with `properties`.
    """

    schema: OutputSchema

    def to_dict(self) -> dict[str, Any]:
        schema = self.schema.to_dict()

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "schema": schema,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.output_schema import OutputSchema  # noqa: PLC0415

        d = dict(src_dict)
        schema = OutputSchema.from_dict(d.pop("schema"))

        output = cls(
            schema=schema,
        )

        return output
