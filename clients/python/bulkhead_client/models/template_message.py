from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..models.template_role import TemplateRole

T = TypeVar("T", bound="TemplateMessage")


@_attrs_define
class TemplateMessage:
    """A message of a prompt template.

    Attributes:
        body (str): The text in minijinja syntax. Example: You answer for Harbour Clinic..
        role (TemplateRole): Who speaks in a message of a prompt template.
    """

    body: str
    role: TemplateRole

    def to_dict(self) -> dict[str, Any]:
        body = self.body

        role = self.role.value

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "body": body,
                "role": role,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        body = d.pop("body")

        role = TemplateRole(d.pop("role"))

        template_message = cls(
            body=body,
            role=role,
        )

        return template_message
