from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.save_template_variables_type_0 import SaveTemplateVariablesType0
    from ..models.template_message import TemplateMessage


T = TypeVar("T", bound="SaveTemplate")


@_attrs_define
class SaveTemplate:
    """A prompt template to save.

    Attributes:
        body (None | str | Unset): The text in minijinja syntax (Jinja2). At most 64 KiB of UTF-8. Example: You answer
            for Harbour Clinic. Be brief and kind..
        description (None | str | Unset): Purpose of the prompt template.
        messages (list[TemplateMessage] | None | Unset): Messages instead of `body`: first those of `system`, which are
            the instructions, then turns of `user` and
            `assistant` that stand before the conversation of a request. At most 64 KiB of UTF-8 together.
        variables (None | SaveTemplateVariablesType0 | Unset): The variables of the prompt template: a subset of JSON
            Schema, at most 16 KiB. An object with `properties`; the
            keywords are `type`, `properties`, `required`, `items`, `enum`, `default`, `maxLength`, `maxItems`,
            `description` and, for a variable that a message of `system` may read, `x-instruction`. Variables that are not
            declared are then refused.
    """

    body: None | str | Unset = UNSET
    description: None | str | Unset = UNSET
    messages: list[TemplateMessage] | None | Unset = UNSET
    variables: None | SaveTemplateVariablesType0 | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        from ..models.save_template_variables_type_0 import SaveTemplateVariablesType0  # noqa: PLC0415

        body: None | str | Unset
        if isinstance(self.body, Unset):
            body = UNSET
        else:
            body = self.body

        description: None | str | Unset
        if isinstance(self.description, Unset):
            description = UNSET
        else:
            description = self.description

        messages: list[dict[str, Any]] | None | Unset
        if isinstance(self.messages, Unset):
            messages = UNSET
        elif isinstance(self.messages, list):
            messages = []
            for messages_type_0_item_data in self.messages:
                messages_type_0_item = messages_type_0_item_data.to_dict()
                messages.append(messages_type_0_item)

        else:
            messages = self.messages

        variables: dict[str, Any] | None | Unset
        if isinstance(self.variables, Unset):
            variables = UNSET
        elif isinstance(self.variables, SaveTemplateVariablesType0):
            variables = self.variables.to_dict()
        else:
            variables = self.variables

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if body is not UNSET:
            field_dict["body"] = body
        if description is not UNSET:
            field_dict["description"] = description
        if messages is not UNSET:
            field_dict["messages"] = messages
        if variables is not UNSET:
            field_dict["variables"] = variables

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.save_template_variables_type_0 import SaveTemplateVariablesType0  # noqa: PLC0415
        from ..models.template_message import TemplateMessage  # noqa: PLC0415

        d = dict(src_dict)

        def _parse_body(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        body = _parse_body(d.pop("body", UNSET))

        def _parse_description(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        description = _parse_description(d.pop("description", UNSET))

        def _parse_messages(data: object) -> list[TemplateMessage] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                messages_type_0 = []
                _messages_type_0 = data
                for messages_type_0_item_data in _messages_type_0:
                    messages_type_0_item = TemplateMessage.from_dict(messages_type_0_item_data)

                    messages_type_0.append(messages_type_0_item)

                return messages_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[TemplateMessage] | None | Unset, data)

        messages = _parse_messages(d.pop("messages", UNSET))

        def _parse_variables(data: object) -> None | SaveTemplateVariablesType0 | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                variables_type_0 = SaveTemplateVariablesType0.from_dict(data)

                return variables_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | SaveTemplateVariablesType0 | Unset, data)

        variables = _parse_variables(d.pop("variables", UNSET))

        save_template = cls(
            body=body,
            description=description,
            messages=messages,
            variables=variables,
        )

        return save_template
