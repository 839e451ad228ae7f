from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..models.text_kind import TextKind

T = TypeVar("T", bound="CompletionPart")


@_attrs_define
class CompletionPart:
    """A part of a text.

    Attributes:
        text (str): The text.
        type_ (TextKind): `text`.
    """

    text: str
    type_: TextKind

    def to_dict(self) -> dict[str, Any]:
        text = self.text

        type_ = self.type_.value

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "text": text,
                "type": type_,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        text = d.pop("text")

        type_ = TextKind(d.pop("type"))

        completion_part = cls(
            text=text,
            type_=type_,
        )

        return completion_part
