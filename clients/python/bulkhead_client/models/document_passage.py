from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.text_range import TextRange


T = TypeVar("T", bound="DocumentPassage")


@_attrs_define
class DocumentPassage:
    """A passage of a document.

    Attributes:
        chunk (int): Position in the document, starting at 0.
        headings (list[str]): The headings above the passage, outermost first.
        text (str): Text. Its first line names the document and the headings, if it has any.
        page (int | None | Unset): The page on which the passage begins, from 1; only in documents with pages.
        range_ (None | TextRange | Unset):
    """

    chunk: int
    headings: list[str]
    text: str
    page: int | None | Unset = UNSET
    range_: None | TextRange | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.text_range import TextRange  # noqa: PLC0415

        chunk = self.chunk

        headings = self.headings

        text = self.text

        page: int | None | Unset
        if isinstance(self.page, Unset):
            page = UNSET
        else:
            page = self.page

        range_: dict[str, Any] | None | Unset
        if isinstance(self.range_, Unset):
            range_ = UNSET
        elif isinstance(self.range_, TextRange):
            range_ = self.range_.to_dict()
        else:
            range_ = self.range_

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "chunk": chunk,
                "headings": headings,
                "text": text,
            }
        )
        if page is not UNSET:
            field_dict["page"] = page
        if range_ is not UNSET:
            field_dict["range"] = range_

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.text_range import TextRange  # noqa: PLC0415

        d = dict(src_dict)
        chunk = d.pop("chunk")

        headings = cast(list[str], d.pop("headings"))

        text = d.pop("text")

        def _parse_page(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        page = _parse_page(d.pop("page", UNSET))

        def _parse_range_(data: object) -> None | TextRange | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                range_type_0 = TextRange.from_dict(data)

                return range_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | TextRange | Unset, data)

        range_ = _parse_range_(d.pop("range", UNSET))

        document_passage = cls(
            chunk=chunk,
            headings=headings,
            text=text,
            page=page,
            range_=range_,
        )

        document_passage.additional_properties = d
        return document_passage

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
