from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="UsageLine")


@_attrs_define
class UsageLine:
    """What the calls of one group used. It has only the members that the lines are grouped by.

    Attributes:
        calls (int): Calls of models. A batch of texts to embed is one.
        input_tokens (int): Tokens that models read.
        output_tokens (int): Tokens that models wrote.
        texts (int): Texts that were embedded.
        usd (str): The price in US dollars, exact. Calls of a model without a price cost 0. Example: 0.0123.
        day (None | str | Unset): The day, in UTC. Example: 2026-01-31.
        model (None | str | Unset): What the provider calls the model.
        route (None | str | Unset): The route without `/v1/`; `documents` for the indexing of documents. Example:
            inference.
        template (None | str | Unset): Key of the prompt template; empty if the calls named none.
    """

    calls: int
    input_tokens: int
    output_tokens: int
    texts: int
    usd: str
    day: None | str | Unset = UNSET
    model: None | str | Unset = UNSET
    route: None | str | Unset = UNSET
    template: None | str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        calls = self.calls

        input_tokens = self.input_tokens

        output_tokens = self.output_tokens

        texts = self.texts

        usd = self.usd

        day: None | str | Unset
        if isinstance(self.day, Unset):
            day = UNSET
        else:
            day = self.day

        model: None | str | Unset
        if isinstance(self.model, Unset):
            model = UNSET
        else:
            model = self.model

        route: None | str | Unset
        if isinstance(self.route, Unset):
            route = UNSET
        else:
            route = self.route

        template: None | str | Unset
        if isinstance(self.template, Unset):
            template = UNSET
        else:
            template = self.template

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "calls": calls,
                "input_tokens": input_tokens,
                "output_tokens": output_tokens,
                "texts": texts,
                "usd": usd,
            }
        )
        if day is not UNSET:
            field_dict["day"] = day
        if model is not UNSET:
            field_dict["model"] = model
        if route is not UNSET:
            field_dict["route"] = route
        if template is not UNSET:
            field_dict["template"] = template

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        calls = d.pop("calls")

        input_tokens = d.pop("input_tokens")

        output_tokens = d.pop("output_tokens")

        texts = d.pop("texts")

        usd = d.pop("usd")

        def _parse_day(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        day = _parse_day(d.pop("day", UNSET))

        def _parse_model(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        model = _parse_model(d.pop("model", UNSET))

        def _parse_route(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        route = _parse_route(d.pop("route", UNSET))

        def _parse_template(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        template = _parse_template(d.pop("template", UNSET))

        usage_line = cls(
            calls=calls,
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            texts=texts,
            usd=usd,
            day=day,
            model=model,
            route=route,
            template=template,
        )

        usage_line.additional_properties = d
        return usage_line

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
