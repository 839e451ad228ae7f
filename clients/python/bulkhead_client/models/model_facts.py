from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="ModelFacts")


@_attrs_define
class ModelFacts:
    """What the catalogue says about a model.

    Attributes:
        capabilities (list[str]): What the model can do beside text: `json`, `streaming` and `tools`.
        default (bool): Whether requests that name no model, or `default`, use this one.
        kind (str): `chat`: the model answers. `embedding`: it embeds.
        context (int | None | Unset): Maximum tokens of a prompt with its answer, if known.
        max_output (int | None | Unset): Maximum tokens of an answer, if known.
    """

    capabilities: list[str]
    default: bool
    kind: str
    context: int | None | Unset = UNSET
    max_output: int | None | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        capabilities = self.capabilities

        default = self.default

        kind = self.kind

        context: int | None | Unset
        if isinstance(self.context, Unset):
            context = UNSET
        else:
            context = self.context

        max_output: int | None | Unset
        if isinstance(self.max_output, Unset):
            max_output = UNSET
        else:
            max_output = self.max_output

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "capabilities": capabilities,
                "default": default,
                "kind": kind,
            }
        )
        if context is not UNSET:
            field_dict["context"] = context
        if max_output is not UNSET:
            field_dict["max_output"] = max_output

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        capabilities = cast(list[str], d.pop("capabilities"))

        default = d.pop("default")

        kind = d.pop("kind")

        def _parse_context(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        context = _parse_context(d.pop("context", UNSET))

        def _parse_max_output(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        max_output = _parse_max_output(d.pop("max_output", UNSET))

        model_facts = cls(
            capabilities=capabilities,
            default=default,
            kind=kind,
            context=context,
            max_output=max_output,
        )

        model_facts.additional_properties = d
        return model_facts

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
