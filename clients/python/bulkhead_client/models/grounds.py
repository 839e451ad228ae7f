from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.citation import Citation
    from ..models.template_version import TemplateVersion


T = TypeVar("T", bound="Grounds")


@_attrs_define
class Grounds:
    """What an answer is based on.

    Attributes:
        citations (list[Citation]): The passages in the prompt, best first.
        prompt_sha256 (str): SHA-256 of the instructions in UTF-8, hexadecimal.
        fallback_for (None | str | Unset): The model that was chosen, if it was throttled or unavailable and `model`
            answered in its place.
        template (None | TemplateVersion | Unset):
    """

    citations: list[Citation]
    prompt_sha256: str
    fallback_for: None | str | Unset = UNSET
    template: None | TemplateVersion | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.template_version import TemplateVersion  # noqa: PLC0415

        citations = []
        for citations_item_data in self.citations:
            citations_item = citations_item_data.to_dict()
            citations.append(citations_item)

        prompt_sha256 = self.prompt_sha256

        fallback_for: None | str | Unset
        if isinstance(self.fallback_for, Unset):
            fallback_for = UNSET
        else:
            fallback_for = self.fallback_for

        template: dict[str, Any] | None | Unset
        if isinstance(self.template, Unset):
            template = UNSET
        elif isinstance(self.template, TemplateVersion):
            template = self.template.to_dict()
        else:
            template = self.template

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "citations": citations,
                "prompt_sha256": prompt_sha256,
            }
        )
        if fallback_for is not UNSET:
            field_dict["fallback_for"] = fallback_for
        if template is not UNSET:
            field_dict["template"] = template

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.citation import Citation  # noqa: PLC0415
        from ..models.template_version import TemplateVersion  # noqa: PLC0415

        d = dict(src_dict)
        citations = []
        _citations = d.pop("citations")
        for citations_item_data in _citations:
            citations_item = Citation.from_dict(citations_item_data)

            citations.append(citations_item)

        prompt_sha256 = d.pop("prompt_sha256")

        def _parse_fallback_for(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        fallback_for = _parse_fallback_for(d.pop("fallback_for", UNSET))

        def _parse_template(data: object) -> None | TemplateVersion | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                template_type_0 = TemplateVersion.from_dict(data)

                return template_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | TemplateVersion | Unset, data)

        template = _parse_template(d.pop("template", UNSET))

        grounds = cls(
            citations=citations,
            prompt_sha256=prompt_sha256,
            fallback_for=fallback_for,
            template=template,
        )

        grounds.additional_properties = d
        return grounds

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
