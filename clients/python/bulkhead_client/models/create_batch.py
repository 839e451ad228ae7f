from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

if TYPE_CHECKING:
    from ..models.batch_document import BatchDocument


T = TypeVar("T", bound="CreateBatch")


@_attrs_define
class CreateBatch:
    """Documents with inline text.

    Attributes:
        documents (list[BatchDocument]): The documents: 1 to 100, and at most 4 MiB together.
    """

    documents: list[BatchDocument]

    def to_dict(self) -> dict[str, Any]:
        documents = []
        for documents_item_data in self.documents:
            documents_item = documents_item_data.to_dict()
            documents.append(documents_item)

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "documents": documents,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.batch_document import BatchDocument  # noqa: PLC0415

        d = dict(src_dict)
        documents = []
        _documents = d.pop("documents")
        for documents_item_data in _documents:
            documents_item = BatchDocument.from_dict(documents_item_data)

            documents.append(documents_item)

        create_batch = cls(
            documents=documents,
        )

        return create_batch
