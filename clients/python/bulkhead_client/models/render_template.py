from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.render_template_variables import RenderTemplateVariables


T = TypeVar("T", bound="RenderTemplate")


@_attrs_define
class RenderTemplate:
    """What to render.

    Attributes:
        label (None | str | Unset):
        question (None | str | Unset): A question to put into the messages. Default: the messages end before the
            passages and the question. Example: How long do I have to cancel?.
        variables (RenderTemplateVariables | Unset): Values for the variables of the prompt template.
        version (int | None | Unset): Version of the prompt template. Default: the latest.
    """

    label: None | str | Unset = UNSET
    question: None | str | Unset = UNSET
    variables: RenderTemplateVariables | Unset = UNSET
    version: int | None | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        label: None | str | Unset
        if isinstance(self.label, Unset):
            label = UNSET
        else:
            label = self.label

        question: None | str | Unset
        if isinstance(self.question, Unset):
            question = UNSET
        else:
            question = self.question

        variables: dict[str, Any] | Unset = UNSET
        if not isinstance(self.variables, Unset):
            variables = self.variables.to_dict()

        version: int | None | Unset
        if isinstance(self.version, Unset):
            version = UNSET
        else:
            version = self.version

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if label is not UNSET:
            field_dict["label"] = label
        if question is not UNSET:
            field_dict["question"] = question
        if variables is not UNSET:
            field_dict["variables"] = variables
        if version is not UNSET:
            field_dict["version"] = version

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.render_template_variables import RenderTemplateVariables  # noqa: PLC0415

        d = dict(src_dict)

        def _parse_label(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        label = _parse_label(d.pop("label", UNSET))

        def _parse_question(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        question = _parse_question(d.pop("question", UNSET))

        _variables = d.pop("variables", UNSET)
        variables: RenderTemplateVariables | Unset
        if isinstance(_variables, Unset):
            variables = UNSET
        else:
            variables = RenderTemplateVariables.from_dict(_variables)

        def _parse_version(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        version = _parse_version(d.pop("version", UNSET))

        render_template = cls(
            label=label,
            question=question,
            variables=variables,
            version=version,
        )

        return render_template
