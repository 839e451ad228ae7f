from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.document import Document
    from ..models.upload import Upload


T = TypeVar("T", bound="DocumentUpload")


@_attrs_define
class DocumentUpload:
    """A document and the request that uploads its content.

    Attributes:
        document (Document): A document and its indexing status.
        upload (Upload): The request that uploads a document.
    """

    document: Document
    upload: Upload
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        document = self.document.to_dict()

        upload = self.upload.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "document": document,
                "upload": upload,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.document import Document  # noqa: PLC0415
        from ..models.upload import Upload  # noqa: PLC0415

        d = dict(src_dict)
        document = Document.from_dict(d.pop("document"))

        upload = Upload.from_dict(d.pop("upload"))

        document_upload = cls(
            document=document,
            upload=upload,
        )

        document_upload.additional_properties = d
        return document_upload

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
