from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="TextRange")


@_attrs_define
class TextRange:
    """Characters of a document's text, as Unicode scalar values, from 0.

    The text has the document's blocks in reading order: headings, paragraphs, entries of lists, rows of tables. An
    empty
    line separates blocks. A line end separates entries of lists and rows of tables that follow each other. The header
    of
    a table is a line before its first row. The text of `text/plain` is the file itself. Each line end is one character;
    other control characters and invisible marks are left out.

    Neighbouring passages may overlap. The range includes the headings right before the passage. It does not include a
    first line or a table's header that the passage only repeats.

        Attributes:
            end (int): The first character after the passage.
            start (int): The first character of the passage.
    """

    end: int
    start: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        end = self.end

        start = self.start

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "end": end,
                "start": start,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        end = d.pop("end")

        start = d.pop("start")

        text_range = cls(
            end=end,
            start=start,
        )

        text_range.additional_properties = d
        return text_range

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
