from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.grounding_variables import GroundingVariables
    from ..models.retrieval import Retrieval


T = TypeVar("T", bound="Grounding")


@_attrs_define
class Grounding:
    """The prompt template and the passages of a chat.

    Attributes:
        label (None | str | Unset):
        retrieval (None | Retrieval | Unset):
        template (None | str | Unset):
        variables (GroundingVariables | Unset): Values for the variables of the prompt template.
        version (int | None | Unset): Version of the prompt template. Default: the latest.
    """

    label: None | str | Unset = UNSET
    retrieval: None | Retrieval | Unset = UNSET
    template: None | str | Unset = UNSET
    variables: GroundingVariables | Unset = UNSET
    version: int | None | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        from ..models.retrieval import Retrieval  # noqa: PLC0415

        label: None | str | Unset
        if isinstance(self.label, Unset):
            label = UNSET
        else:
            label = self.label

        retrieval: dict[str, Any] | None | Unset
        if isinstance(self.retrieval, Unset):
            retrieval = UNSET
        elif isinstance(self.retrieval, Retrieval):
            retrieval = self.retrieval.to_dict()
        else:
            retrieval = self.retrieval

        template: None | str | Unset
        if isinstance(self.template, Unset):
            template = UNSET
        else:
            template = self.template

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
        if retrieval is not UNSET:
            field_dict["retrieval"] = retrieval
        if template is not UNSET:
            field_dict["template"] = template
        if variables is not UNSET:
            field_dict["variables"] = variables
        if version is not UNSET:
            field_dict["version"] = version

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.grounding_variables import GroundingVariables  # noqa: PLC0415
        from ..models.retrieval import Retrieval  # noqa: PLC0415

        d = dict(src_dict)

        def _parse_label(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        label = _parse_label(d.pop("label", UNSET))

        def _parse_retrieval(data: object) -> None | Retrieval | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                retrieval_type_0 = Retrieval.from_dict(data)

                return retrieval_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | Retrieval | Unset, data)

        retrieval = _parse_retrieval(d.pop("retrieval", UNSET))

        def _parse_template(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        template = _parse_template(d.pop("template", UNSET))

        _variables = d.pop("variables", UNSET)
        variables: GroundingVariables | Unset
        if isinstance(_variables, Unset):
            variables = UNSET
        else:
            variables = GroundingVariables.from_dict(_variables)

        def _parse_version(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        version = _parse_version(d.pop("version", UNSET))

        grounding = cls(
            label=label,
            retrieval=retrieval,
            template=template,
            variables=variables,
            version=version,
        )

        return grounding
