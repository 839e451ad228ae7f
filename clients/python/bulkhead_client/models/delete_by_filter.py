from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.delete_by_filter_filter import DeleteByFilterFilter


T = TypeVar("T", bound="DeleteByFilter")


@_attrs_define
class DeleteByFilter:
    """Which documents to delete.

    Attributes:
        filter_ (DeleteByFilterFilter): Which metadata the documents must have, as `retrieval.filter` of a search. It
            must have a condition.
        cursor (None | str | Unset):
        dry_run (bool | Unset): Only counts the documents. Default: `false`.
    """

    filter_: DeleteByFilterFilter
    cursor: None | str | Unset = UNSET
    dry_run: bool | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        filter_ = self.filter_.to_dict()

        cursor: None | str | Unset
        if isinstance(self.cursor, Unset):
            cursor = UNSET
        else:
            cursor = self.cursor

        dry_run = self.dry_run

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "filter": filter_,
            }
        )
        if cursor is not UNSET:
            field_dict["cursor"] = cursor
        if dry_run is not UNSET:
            field_dict["dry_run"] = dry_run

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.delete_by_filter_filter import DeleteByFilterFilter  # noqa: PLC0415

        d = dict(src_dict)
        filter_ = DeleteByFilterFilter.from_dict(d.pop("filter"))

        def _parse_cursor(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        cursor = _parse_cursor(d.pop("cursor", UNSET))

        dry_run = d.pop("dry_run", UNSET)

        delete_by_filter = cls(
            filter_=filter_,
            cursor=cursor,
            dry_run=dry_run,
        )

        return delete_by_filter
