from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.model_facts import ModelFacts


T = TypeVar("T", bound="ModelEntry")


@_attrs_define
class ModelEntry:
    """A model.

    Attributes:
        bulkhead (ModelFacts): What the catalogue says about a model.
        created (int): When the model was made, in seconds since 1970. Not known, so always 0.
        id (str): The `model` of requests.
        object_ (str): `model`.
        owned_by (str): Where the model runs: `bedrock`, or `openai` for an endpoint with OpenAI's interface.
    """

    bulkhead: ModelFacts
    created: int
    id: str
    object_: str
    owned_by: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        bulkhead = self.bulkhead.to_dict()

        created = self.created

        id = self.id

        object_ = self.object_

        owned_by = self.owned_by

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "bulkhead": bulkhead,
                "created": created,
                "id": id,
                "object": object_,
                "owned_by": owned_by,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.model_facts import ModelFacts  # noqa: PLC0415

        d = dict(src_dict)
        bulkhead = ModelFacts.from_dict(d.pop("bulkhead"))

        created = d.pop("created")

        id = d.pop("id")

        object_ = d.pop("object")

        owned_by = d.pop("owned_by")

        model_entry = cls(
            bulkhead=bulkhead,
            created=created,
            id=id,
            object_=object_,
            owned_by=owned_by,
        )

        model_entry.additional_properties = d
        return model_entry

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
