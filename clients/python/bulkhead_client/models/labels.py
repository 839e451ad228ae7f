from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.label_move import LabelMove
    from ..models.labels_labels import LabelsLabels


T = TypeVar("T", bound="Labels")


@_attrs_define
class Labels:
    """The labels of a prompt template, and their last moves.

    Attributes:
        labels (LabelsLabels): The version of each label. Example: {'production': 3, 'staging': 4}.
        moves (list[LabelMove]): The last 50 moves, newest first.
    """

    labels: LabelsLabels
    moves: list[LabelMove]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        labels = self.labels.to_dict()

        moves = []
        for moves_item_data in self.moves:
            moves_item = moves_item_data.to_dict()
            moves.append(moves_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "labels": labels,
                "moves": moves,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.label_move import LabelMove  # noqa: PLC0415
        from ..models.labels_labels import LabelsLabels  # noqa: PLC0415

        d = dict(src_dict)
        labels = LabelsLabels.from_dict(d.pop("labels"))

        moves = []
        _moves = d.pop("moves")
        for moves_item_data in _moves:
            moves_item = LabelMove.from_dict(moves_item_data)

            moves.append(moves_item)

        labels = cls(
            labels=labels,
            moves=moves,
        )

        labels.additional_properties = d
        return labels

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
