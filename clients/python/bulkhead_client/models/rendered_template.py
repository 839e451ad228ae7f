from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.message import Message
    from ..models.template_version import TemplateVersion


T = TypeVar("T", bound="RenderedTemplate")


@_attrs_define
class RenderedTemplate:
    """A rendered prompt template.

    Attributes:
        messages (list[Message]): The messages that the model would receive, without passages.
        request_id (str): Id of this request. Quote it when you ask for support.
        sha256 (str): SHA-256 of the rendered text in UTF-8, hexadecimal.
        template (TemplateVersion): A version of a prompt template.
        text (str): The rendered text. Messages of a prompt template each stand below a line with their role: `[user]`.
    """

    messages: list[Message]
    request_id: str
    sha256: str
    template: TemplateVersion
    text: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        messages = []
        for messages_item_data in self.messages:
            messages_item = messages_item_data.to_dict()
            messages.append(messages_item)

        request_id = self.request_id

        sha256 = self.sha256

        template = self.template.to_dict()

        text = self.text

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "messages": messages,
                "request_id": request_id,
                "sha256": sha256,
                "template": template,
                "text": text,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.message import Message  # noqa: PLC0415
        from ..models.template_version import TemplateVersion  # noqa: PLC0415

        d = dict(src_dict)
        messages = []
        _messages = d.pop("messages")
        for messages_item_data in _messages:
            messages_item = Message.from_dict(messages_item_data)

            messages.append(messages_item)

        request_id = d.pop("request_id")

        sha256 = d.pop("sha256")

        template = TemplateVersion.from_dict(d.pop("template"))

        text = d.pop("text")

        rendered_template = cls(
            messages=messages,
            request_id=request_id,
            sha256=sha256,
            template=template,
            text=text,
        )

        rendered_template.additional_properties = d
        return rendered_template

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
