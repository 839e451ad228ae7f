from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.document_passage import DocumentPassage


T = TypeVar("T", bound="PassagePage")


@_attrs_define
class PassagePage:
    """A page of a document's passages, in order.

    Attributes:
        passages (list[DocumentPassage]): The passages of this page.
        revision (int): Number of the searchable revision that they belong to. Example: 1.
        cursor (None | str | Unset): The `cursor` parameter for the next page; `null` on the last page.
    """

    passages: list[DocumentPassage]
    revision: int
    cursor: None | str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        passages = []
        for passages_item_data in self.passages:
            passages_item = passages_item_data.to_dict()
            passages.append(passages_item)

        revision = self.revision

        cursor: None | str | Unset
        if isinstance(self.cursor, Unset):
            cursor = UNSET
        else:
            cursor = self.cursor

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "passages": passages,
                "revision": revision,
            }
        )
        if cursor is not UNSET:
            field_dict["cursor"] = cursor

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.document_passage import DocumentPassage  # noqa: PLC0415

        d = dict(src_dict)
        passages = []
        _passages = d.pop("passages")
        for passages_item_data in _passages:
            passages_item = DocumentPassage.from_dict(passages_item_data)

            passages.append(passages_item)

        revision = d.pop("revision")

        def _parse_cursor(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        cursor = _parse_cursor(d.pop("cursor", UNSET))

        passage_page = cls(
            passages=passages,
            revision=revision,
            cursor=cursor,
        )

        passage_page.additional_properties = d
        return passage_page

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
