from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.template_version import TemplateVersion


T = TypeVar("T", bound="StreamStart")


@_attrs_define
class StreamStart:
    """The first event of a stream.

    Attributes:
        id (str): Id of an inference. Example: 0192f3c5b7a07e0e9d3a5c1b2d4e6f80.
        model (str): The model that answers.
        prompt_sha256 (str): SHA-256 of the rendered prompt template in UTF-8, hexadecimal.
        request_id (str): Id of this request. Quote it when you ask for support.
        template (TemplateVersion): A version of a prompt template.
        fallback_for (None | str | Unset): The model that was chosen, if it was throttled or unavailable and `model`
            answered in its place.
    """

    id: str
    model: str
    prompt_sha256: str
    request_id: str
    template: TemplateVersion
    fallback_for: None | str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        model = self.model

        prompt_sha256 = self.prompt_sha256

        request_id = self.request_id

        template = self.template.to_dict()

        fallback_for: None | str | Unset
        if isinstance(self.fallback_for, Unset):
            fallback_for = UNSET
        else:
            fallback_for = self.fallback_for

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "model": model,
                "prompt_sha256": prompt_sha256,
                "request_id": request_id,
                "template": template,
            }
        )
        if fallback_for is not UNSET:
            field_dict["fallback_for"] = fallback_for

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.template_version import TemplateVersion  # noqa: PLC0415

        d = dict(src_dict)
        id = d.pop("id")

        model = d.pop("model")

        prompt_sha256 = d.pop("prompt_sha256")

        request_id = d.pop("request_id")

        template = TemplateVersion.from_dict(d.pop("template"))

        def _parse_fallback_for(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        fallback_for = _parse_fallback_for(d.pop("fallback_for", UNSET))

        stream_start = cls(
            id=id,
            model=model,
            prompt_sha256=prompt_sha256,
            request_id=request_id,
            template=template,
            fallback_for=fallback_for,
        )

        stream_start.additional_properties = d
        return stream_start

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
