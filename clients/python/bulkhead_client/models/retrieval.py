from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.retrieval_filter_type_0 import RetrievalFilterType0


T = TypeVar("T", bound="Retrieval")


@_attrs_define
class Retrieval:
    """Settings of the passage search.

    Attributes:
        enabled (bool | None | Unset): Whether to search for passages. Without passages, the model answers from the
            prompt template, the messages and
            the results of tools. Default: true.
        filter_ (None | RetrievalFilterType0 | Unset): Which metadata the documents of the passages must have, such as
            `{"department": "legal", "year": {"$gte": 2020}}`.
            Operators: `$eq`, `$ne`, `$gt`, `$gte`, `$lt`, `$lte`, `$in`, `$nin` and `$exists` of a key; `$and` and `$or` of
            filters. Default: all documents.
        limit (int | None | Unset): Maximum number of passages to use. Default: 4.
        min_score (float | None | Unset): Minimum similarity to the question of a passage. Default: no minimum.
        neighbours (int | None | Unset): Passages to add before and after each passage, as its context. Default: 0.
    """

    enabled: bool | None | Unset = UNSET
    filter_: None | RetrievalFilterType0 | Unset = UNSET
    limit: int | None | Unset = UNSET
    min_score: float | None | Unset = UNSET
    neighbours: int | None | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        from ..models.retrieval_filter_type_0 import RetrievalFilterType0  # noqa: PLC0415

        enabled: bool | None | Unset
        if isinstance(self.enabled, Unset):
            enabled = UNSET
        else:
            enabled = self.enabled

        filter_: dict[str, Any] | None | Unset
        if isinstance(self.filter_, Unset):
            filter_ = UNSET
        elif isinstance(self.filter_, RetrievalFilterType0):
            filter_ = self.filter_.to_dict()
        else:
            filter_ = self.filter_

        limit: int | None | Unset
        if isinstance(self.limit, Unset):
            limit = UNSET
        else:
            limit = self.limit

        min_score: float | None | Unset
        if isinstance(self.min_score, Unset):
            min_score = UNSET
        else:
            min_score = self.min_score

        neighbours: int | None | Unset
        if isinstance(self.neighbours, Unset):
            neighbours = UNSET
        else:
            neighbours = self.neighbours

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if enabled is not UNSET:
            field_dict["enabled"] = enabled
        if filter_ is not UNSET:
            field_dict["filter"] = filter_
        if limit is not UNSET:
            field_dict["limit"] = limit
        if min_score is not UNSET:
            field_dict["min_score"] = min_score
        if neighbours is not UNSET:
            field_dict["neighbours"] = neighbours

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.retrieval_filter_type_0 import RetrievalFilterType0  # noqa: PLC0415

        d = dict(src_dict)

        def _parse_enabled(data: object) -> bool | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(bool | None | Unset, data)

        enabled = _parse_enabled(d.pop("enabled", UNSET))

        def _parse_filter_(data: object) -> None | RetrievalFilterType0 | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                filter_type_0 = RetrievalFilterType0.from_dict(data)

                return filter_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | RetrievalFilterType0 | Unset, data)

        filter_ = _parse_filter_(d.pop("filter", UNSET))

        def _parse_limit(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        limit = _parse_limit(d.pop("limit", UNSET))

        def _parse_min_score(data: object) -> float | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(float | None | Unset, data)

        min_score = _parse_min_score(d.pop("min_score", UNSET))

        def _parse_neighbours(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        neighbours = _parse_neighbours(d.pop("neighbours", UNSET))

        retrieval = cls(
            enabled=enabled,
            filter_=filter_,
            limit=limit,
            min_score=min_score,
            neighbours=neighbours,
        )

        return retrieval
