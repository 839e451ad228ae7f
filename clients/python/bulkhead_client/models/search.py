from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.retrieval import Retrieval


T = TypeVar("T", bound="Search")


@_attrs_define
class Search:
    """A question to search for.

    Attributes:
        question (str): The question. Blanks alone are no question. Example: How long do I have to cancel?.
        retrieval (Retrieval | Unset): Settings of the passage search.
    """

    question: str
    retrieval: Retrieval | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        question = self.question

        retrieval: dict[str, Any] | Unset = UNSET
        if not isinstance(self.retrieval, Unset):
            retrieval = self.retrieval.to_dict()

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "question": question,
            }
        )
        if retrieval is not UNSET:
            field_dict["retrieval"] = retrieval

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.retrieval import Retrieval  # noqa: PLC0415

        d = dict(src_dict)
        question = d.pop("question")

        _retrieval = d.pop("retrieval", UNSET)
        retrieval: Retrieval | Unset
        if isinstance(_retrieval, Unset):
            retrieval = UNSET
        else:
            retrieval = Retrieval.from_dict(_retrieval)

        search = cls(
            question=question,
            retrieval=retrieval,
        )

        return search
