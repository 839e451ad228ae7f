from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.finish_reason import FinishReason
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.recorded_content import RecordedContent
    from ..models.recorded_passage import RecordedPassage
    from ..models.template_version import TemplateVersion
    from ..models.usage import Usage


T = TypeVar("T", bound="InferenceRecord")


@_attrs_define
class InferenceRecord:
    """The record of an inference. It is kept for 30 days.

    Attributes:
        finish_reason (FinishReason): Why an answer ended.
        model (str): The model that answered.
        passages (list[RecordedPassage]): The passages in the prompt, best first, without their text.
        prompt_sha256 (str): SHA-256 of the instructions in UTF-8, hexadecimal: of the rendered prompt template, and of
            a text beside it.
        usage (Usage): Tokens used by the model.
        created_at (datetime.datetime): When the answer was complete, RFC 3339.
        id (str): Id of an inference. Example: 0192f3c5b7a07e0e9d3a5c1b2d4e6f80.
        content (None | RecordedContent | Unset):
        created_by (None | str | Unset): Who asked: the subject of the token. `null` if the token named no subject.
        fallback_for (None | str | Unset): The model that was chosen, if it was throttled or unavailable and `model`
            answered in its place.
        template (None | TemplateVersion | Unset):
    """

    finish_reason: FinishReason
    model: str
    passages: list[RecordedPassage]
    prompt_sha256: str
    usage: Usage
    created_at: datetime.datetime
    id: str
    content: None | RecordedContent | Unset = UNSET
    created_by: None | str | Unset = UNSET
    fallback_for: None | str | Unset = UNSET
    template: None | TemplateVersion | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.recorded_content import RecordedContent  # noqa: PLC0415
        from ..models.template_version import TemplateVersion  # noqa: PLC0415

        finish_reason = self.finish_reason.value

        model = self.model

        passages = []
        for passages_item_data in self.passages:
            passages_item = passages_item_data.to_dict()
            passages.append(passages_item)

        prompt_sha256 = self.prompt_sha256

        usage = self.usage.to_dict()

        created_at = self.created_at.isoformat()

        id = self.id

        content: dict[str, Any] | None | Unset
        if isinstance(self.content, Unset):
            content = UNSET
        elif isinstance(self.content, RecordedContent):
            content = self.content.to_dict()
        else:
            content = self.content

        created_by: None | str | Unset
        if isinstance(self.created_by, Unset):
            created_by = UNSET
        else:
            created_by = self.created_by

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
                "finish_reason": finish_reason,
                "model": model,
                "passages": passages,
                "prompt_sha256": prompt_sha256,
                "usage": usage,
                "created_at": created_at,
                "id": id,
            }
        )
        if content is not UNSET:
            field_dict["content"] = content
        if created_by is not UNSET:
            field_dict["created_by"] = created_by
        if fallback_for is not UNSET:
            field_dict["fallback_for"] = fallback_for
        if template is not UNSET:
            field_dict["template"] = template

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.recorded_content import RecordedContent  # noqa: PLC0415
        from ..models.recorded_passage import RecordedPassage  # noqa: PLC0415
        from ..models.template_version import TemplateVersion  # noqa: PLC0415
        from ..models.usage import Usage  # noqa: PLC0415

        d = dict(src_dict)
        finish_reason = FinishReason(d.pop("finish_reason"))

        model = d.pop("model")

        passages = []
        _passages = d.pop("passages")
        for passages_item_data in _passages:
            passages_item = RecordedPassage.from_dict(passages_item_data)

            passages.append(passages_item)

        prompt_sha256 = d.pop("prompt_sha256")

        usage = Usage.from_dict(d.pop("usage"))

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        id = d.pop("id")

        def _parse_content(data: object) -> None | RecordedContent | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                content_type_0 = RecordedContent.from_dict(data)

                return content_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | RecordedContent | Unset, data)

        content = _parse_content(d.pop("content", UNSET))

        def _parse_created_by(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        created_by = _parse_created_by(d.pop("created_by", UNSET))

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

        inference_record = cls(
            finish_reason=finish_reason,
            model=model,
            passages=passages,
            prompt_sha256=prompt_sha256,
            usage=usage,
            created_at=created_at,
            id=id,
            content=content,
            created_by=created_by,
            fallback_for=fallback_for,
            template=template,
        )

        inference_record.additional_properties = d
        return inference_record

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
