from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

T = TypeVar("T", bound="CalledFunction")


@_attrs_define
class CalledFunction:
    """A function and its arguments.

    Attributes:
        arguments (str): The arguments as JSON text.
        name (str): The name.
    """

    arguments: str
    name: str

    def to_dict(self) -> dict[str, Any]:
        arguments = self.arguments

        name = self.name

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "arguments": arguments,
                "name": name,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        arguments = d.pop("arguments")

        name = d.pop("name")

        called_function = cls(
            arguments=arguments,
            name=name,
        )

        return called_function
