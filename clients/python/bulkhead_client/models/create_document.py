from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.create_document_metadata import CreateDocumentMetadata


T = TypeVar("T", bound="CreateDocument")


@_attrs_define
class CreateDocument:
    """A document with inline text.

    Attributes:
        content (str): Text, at most 1 MiB of UTF-8. Upload larger documents. Example: # Hours

            We open at nine..
        content_type (str): Content type of the text: `text/plain`, `text/markdown`, `text/html`, `text/csv`, `text/tab-
            separated-values`, `application/json`, `application/x-ndjson`.
        title (str): Title of a document, without control characters. Example: Opening hours.
        keep_boilerplate (bool | Unset): Keeps menus, page footers and cookie banners of HTML. Default: `false`.
        metadata (CreateDocumentMetadata | Unset): Your own keys with a text, a number or a boolean each: at most 32
            keys of 1 to 60 characters from A-Z, a-z, 0-9, `_` and `-`, and at most 1,536 bytes of JSON. Numbers: -2^53 to
            2^53. A search can filter by them. Not for secrets: the index stores them readable to the service.
    """

    content: str
    content_type: str
    title: str
    keep_boilerplate: bool | Unset = UNSET
    metadata: CreateDocumentMetadata | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        content = self.content

        content_type = self.content_type

        title = self.title

        keep_boilerplate = self.keep_boilerplate

        metadata: dict[str, Any] | Unset = UNSET
        if not isinstance(self.metadata, Unset):
            metadata = self.metadata.to_dict()

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "content": content,
                "content_type": content_type,
                "title": title,
            }
        )
        if keep_boilerplate is not UNSET:
            field_dict["keep_boilerplate"] = keep_boilerplate
        if metadata is not UNSET:
            field_dict["metadata"] = metadata

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.create_document_metadata import CreateDocumentMetadata  # noqa: PLC0415

        d = dict(src_dict)
        content = d.pop("content")

        content_type = d.pop("content_type")

        title = d.pop("title")

        keep_boilerplate = d.pop("keep_boilerplate", UNSET)

        _metadata = d.pop("metadata", UNSET)
        metadata: CreateDocumentMetadata | Unset
        if isinstance(_metadata, Unset):
            metadata = UNSET
        else:
            metadata = CreateDocumentMetadata.from_dict(_metadata)

        create_document = cls(
            content=content,
            content_type=content_type,
            title=title,
            keep_boilerplate=keep_boilerplate,
            metadata=metadata,
        )

        return create_document
