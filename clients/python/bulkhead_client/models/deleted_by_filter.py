from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.deletion_result import DeletionResult


T = TypeVar("T", bound="DeletedByFilter")


@_attrs_define
class DeletedByFilter:
    """The deletions of one request.

    Attributes:
        matched (int): Documents with this metadata among those that the request examined: at most 500. Example: 120.
        remaining (int): Documents among those examined that have this metadata and were left. Example: 20.
        results (list[DeletionResult]): One result for each document that the request deleted, newest first: at most
            100. Empty after a dry run.
        cursor (None | str | Unset):
    """

    matched: int
    remaining: int
    results: list[DeletionResult]
    cursor: None | str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        matched = self.matched

        remaining = self.remaining

        results = []
        for results_item_data in self.results:
            results_item = results_item_data.to_dict()
            results.append(results_item)

        cursor: None | str | Unset
        if isinstance(self.cursor, Unset):
            cursor = UNSET
        else:
            cursor = self.cursor

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "matched": matched,
                "remaining": remaining,
                "results": results,
            }
        )
        if cursor is not UNSET:
            field_dict["cursor"] = cursor

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.deletion_result import DeletionResult  # noqa: PLC0415

        d = dict(src_dict)
        matched = d.pop("matched")

        remaining = d.pop("remaining")

        results = []
        _results = d.pop("results")
        for results_item_data in _results:
            results_item = DeletionResult.from_dict(results_item_data)

            results.append(results_item)

        def _parse_cursor(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        cursor = _parse_cursor(d.pop("cursor", UNSET))

        deleted_by_filter = cls(
            matched=matched,
            remaining=remaining,
            results=results,
            cursor=cursor,
        )

        deleted_by_filter.additional_properties = d
        return deleted_by_filter

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
