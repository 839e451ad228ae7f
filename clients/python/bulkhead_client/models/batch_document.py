from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.batch_document_metadata import BatchDocumentMetadata


T = TypeVar("T", bound="BatchDocument")


@_attrs_define
class BatchDocument:
    """A document with inline text, and its external id.

    Attributes:
        content (str): Text, at most 1 MiB of UTF-8. Example: # Hours

            We open at nine..
        content_type (str): Content type of the text: `text/plain`, `text/markdown`, `text/html`, `text/csv`, `text/tab-
            separated-values`, `application/json`, `application/x-ndjson`.
        title (str): Title of a document, without control characters. Example: Opening hours.
        external_id (None | str | Unset):
        keep_boilerplate (bool | Unset): Keeps menus, page footers and cookie banners of HTML. Default: `false`.
        metadata (BatchDocumentMetadata | Unset): Your own keys with a text, a number or a boolean each: at most 32 keys
            of 1 to 60 characters from A-Z, a-z, 0-9, `_` and `-`, and at most 1,536 bytes of JSON. Numbers: -2^53 to 2^53.
            A search can filter by them. Not for secrets: the index stores them readable to the service.
    """

    content: str
    content_type: str
    title: str
    external_id: None | str | Unset = UNSET
    keep_boilerplate: bool | Unset = UNSET
    metadata: BatchDocumentMetadata | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        content = self.content

        content_type = self.content_type

        title = self.title

        external_id: None | str | Unset
        if isinstance(self.external_id, Unset):
            external_id = UNSET
        else:
            external_id = self.external_id

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
        if external_id is not UNSET:
            field_dict["external_id"] = external_id
        if keep_boilerplate is not UNSET:
            field_dict["keep_boilerplate"] = keep_boilerplate
        if metadata is not UNSET:
            field_dict["metadata"] = metadata

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.batch_document_metadata import BatchDocumentMetadata  # noqa: PLC0415

        d = dict(src_dict)
        content = d.pop("content")

        content_type = d.pop("content_type")

        title = d.pop("title")

        def _parse_external_id(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        external_id = _parse_external_id(d.pop("external_id", UNSET))

        keep_boilerplate = d.pop("keep_boilerplate", UNSET)

        _metadata = d.pop("metadata", UNSET)
        metadata: BatchDocumentMetadata | Unset
        if isinstance(_metadata, Unset):
            metadata = UNSET
        else:
            metadata = BatchDocumentMetadata.from_dict(_metadata)

        batch_document = cls(
            content=content,
            content_type=content_type,
            title=title,
            external_id=external_id,
            keep_boilerplate=keep_boilerplate,
            metadata=metadata,
        )

        return batch_document
