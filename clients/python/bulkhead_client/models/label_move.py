from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="LabelMove")


@_attrs_define
class LabelMove:
    """One move of a label.

    Attributes:
        label (str): Label of a prompt template. `latest` is reserved. Example: production.
        moved_at (datetime.datetime): Time of the move, RFC 3339.
        from_ (int | None | Unset): The version before; `null` if the move created the label.
        moved_by (None | str | Unset): Who moved the label: the subject of the token. `null` if the token named no
            subject.
        to (int | None | Unset): The version after; `null` if the move deleted the label.
    """

    label: str
    moved_at: datetime.datetime
    from_: int | None | Unset = UNSET
    moved_by: None | str | Unset = UNSET
    to: int | None | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        label = self.label

        moved_at = self.moved_at.isoformat()

        from_: int | None | Unset
        if isinstance(self.from_, Unset):
            from_ = UNSET
        else:
            from_ = self.from_

        moved_by: None | str | Unset
        if isinstance(self.moved_by, Unset):
            moved_by = UNSET
        else:
            moved_by = self.moved_by

        to: int | None | Unset
        if isinstance(self.to, Unset):
            to = UNSET
        else:
            to = self.to

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "label": label,
                "moved_at": moved_at,
            }
        )
        if from_ is not UNSET:
            field_dict["from"] = from_
        if moved_by is not UNSET:
            field_dict["moved_by"] = moved_by
        if to is not UNSET:
            field_dict["to"] = to

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        label = d.pop("label")

        moved_at = datetime.datetime.fromisoformat(d.pop("moved_at"))

        def _parse_from_(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        from_ = _parse_from_(d.pop("from", UNSET))

        def _parse_moved_by(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        moved_by = _parse_moved_by(d.pop("moved_by", UNSET))

        def _parse_to(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        to = _parse_to(d.pop("to", UNSET))

        label_move = cls(
            label=label,
            moved_at=moved_at,
            from_=from_,
            moved_by=moved_by,
            to=to,
        )

        label_move.additional_properties = d
        return label_move

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
