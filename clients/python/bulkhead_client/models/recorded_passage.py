from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="RecordedPassage")


@_attrs_define
class RecordedPassage:
    """A passage that was in a prompt.

    Attributes:
        chunk (int): Position of the passage in the document, starting at 0.
        document (str): Id of a document. Example: 0192f3c5b7a07e0e9d3a5c1b2d4e6f80.
        revision (int): Revision of the document.
        score (float): Similarity to the question.
    """

    chunk: int
    document: str
    revision: int
    score: float
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        chunk = self.chunk

        document = self.document

        revision = self.revision

        score = self.score

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "chunk": chunk,
                "document": document,
                "revision": revision,
                "score": score,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        chunk = d.pop("chunk")

        document = d.pop("document")

        revision = d.pop("revision")

        score = d.pop("score")

        recorded_passage = cls(
            chunk=chunk,
            document=document,
            revision=revision,
            score=score,
        )

        recorded_passage.additional_properties = d
        return recorded_passage

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
