from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.json_schema_schema import JsonSchemaSchema


T = TypeVar("T", bound="JsonSchema")


@_attrs_define
class JsonSchema:
    """The form of an answer in JSON.

    Attributes:
        name (str): Ignored.
        schema (JsonSchemaSchema): The subset of JSON Schema that declared variables have: an object with `properties`.
        description (None | str | Unset): Ignored.
        strict (bool | None | Unset): Ignored: answers are always checked.
    """

    name: str
    schema: JsonSchemaSchema
    description: None | str | Unset = UNSET
    strict: bool | None | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        name = self.name

        schema = self.schema.to_dict()

        description: None | str | Unset
        if isinstance(self.description, Unset):
            description = UNSET
        else:
            description = self.description

        strict: bool | None | Unset
        if isinstance(self.strict, Unset):
            strict = UNSET
        else:
            strict = self.strict

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "name": name,
                "schema": schema,
            }
        )
        if description is not UNSET:
            field_dict["description"] = description
        if strict is not UNSET:
            field_dict["strict"] = strict

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.json_schema_schema import JsonSchemaSchema  # noqa: PLC0415

        d = dict(src_dict)
        name = d.pop("name")

        schema = JsonSchemaSchema.from_dict(d.pop("schema"))

        def _parse_description(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        description = _parse_description(d.pop("description", UNSET))

        def _parse_strict(data: object) -> bool | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(bool | None | Unset, data)

        strict = _parse_strict(d.pop("strict", UNSET))

        json_schema = cls(
            name=name,
            schema=schema,
            description=description,
            strict=strict,
        )

        return json_schema
