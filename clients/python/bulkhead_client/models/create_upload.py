from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.create_upload_metadata import CreateUploadMetadata


T = TypeVar("T", bound="CreateUpload")


@_attrs_define
class CreateUpload:
    """A document to upload.

    Attributes:
        bytes_ (int): Exact size in bytes, at most 64 MiB. Example: 48213.
        content_type (str): Content type of the document: `text/plain`, `text/markdown`, `text/html`, `application/pdf`,
            `application/vnd.openxmlformats-officedocument.wordprocessingml.document`,
            `application/vnd.oasis.opendocument.text`, `application/vnd.openxmlformats-officedocument.spreadsheetml.sheet`,
            `application/vnd.oasis.opendocument.spreadsheet`, `text/csv`, `text/tab-separated-values`,
            `application/vnd.openxmlformats-officedocument.presentationml.presentation`, `application/epub+zip`,
            `application/json`, `application/x-ndjson`, `message/rfc822`.
        title (str): Title of a document, without control characters. Example: Opening hours.
        keep_boilerplate (bool | Unset): Keeps menus, page footers and cookie banners of HTML. Default: `false`.
        metadata (CreateUploadMetadata | Unset): Your own keys with a text, a number or a boolean each: at most 32 keys
            of 1 to 60 characters from A-Z, a-z, 0-9, `_` and `-`, and at most 1,536 bytes of JSON. Numbers: -2^53 to 2^53.
            A search can filter by them. Not for secrets: the index stores them readable to the service.
    """

    bytes_: int
    content_type: str
    title: str
    keep_boilerplate: bool | Unset = UNSET
    metadata: CreateUploadMetadata | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        bytes_ = self.bytes_

        content_type = self.content_type

        title = self.title

        keep_boilerplate = self.keep_boilerplate

        metadata: dict[str, Any] | Unset = UNSET
        if not isinstance(self.metadata, Unset):
            metadata = self.metadata.to_dict()

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "bytes": bytes_,
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
        from ..models.create_upload_metadata import CreateUploadMetadata  # noqa: PLC0415

        d = dict(src_dict)
        bytes_ = d.pop("bytes")

        content_type = d.pop("content_type")

        title = d.pop("title")

        keep_boilerplate = d.pop("keep_boilerplate", UNSET)

        _metadata = d.pop("metadata", UNSET)
        metadata: CreateUploadMetadata | Unset
        if isinstance(_metadata, Unset):
            metadata = UNSET
        else:
            metadata = CreateUploadMetadata.from_dict(_metadata)

        create_upload = cls(
            bytes_=bytes_,
            content_type=content_type,
            title=title,
            keep_boilerplate=keep_boilerplate,
            metadata=metadata,
        )

        return create_upload
