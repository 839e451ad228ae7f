from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.patch_document_metadata_type_0 import PatchDocumentMetadataType0


T = TypeVar("T", bound="PatchDocument")


@_attrs_define
class PatchDocument:
    """Changes of a document.

    Attributes:
        metadata (None | PatchDocumentMetadataType0 | Unset): A merge patch (RFC 7396) of the metadata: a value sets its
            key, `null` removes it. `null` instead of an object removes all keys.
        title (str | Unset): Title of a document, without control characters. Example: Opening hours.
    """

    metadata: None | PatchDocumentMetadataType0 | Unset = UNSET
    title: str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        from ..models.patch_document_metadata_type_0 import PatchDocumentMetadataType0  # noqa: PLC0415

        metadata: dict[str, Any] | None | Unset
        if isinstance(self.metadata, Unset):
            metadata = UNSET
        elif isinstance(self.metadata, PatchDocumentMetadataType0):
            metadata = self.metadata.to_dict()
        else:
            metadata = self.metadata

        title = self.title

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if metadata is not UNSET:
            field_dict["metadata"] = metadata
        if title is not UNSET:
            field_dict["title"] = title

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.patch_document_metadata_type_0 import PatchDocumentMetadataType0  # noqa: PLC0415

        d = dict(src_dict)

        def _parse_metadata(data: object) -> None | PatchDocumentMetadataType0 | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                metadata_type_0 = PatchDocumentMetadataType0.from_dict(data)

                return metadata_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | PatchDocumentMetadataType0 | Unset, data)

        metadata = _parse_metadata(d.pop("metadata", UNSET))

        title = d.pop("title", UNSET)

        patch_document = cls(
            metadata=metadata,
            title=title,
        )

        return patch_document
