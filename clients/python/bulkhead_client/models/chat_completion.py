from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.choice import Choice
    from ..models.completion_usage import CompletionUsage
    from ..models.grounds import Grounds


T = TypeVar("T", bound="ChatCompletion")


@_attrs_define
class ChatCompletion:
    """A completed chat.

    Attributes:
        choices (list[Choice]): The answer. Empty in the chunk with the tokens.
        created (int): When the answer began, in seconds since 1970.
        id (str): Id of the inference, for `GET /v1/inferences/{id}`.
        model (str): The model that answered.
        object_ (str): `chat.completion`; in a stream, `chat.completion.chunk`.
        bulkhead (Grounds | None | Unset):
        usage (CompletionUsage | None | Unset):
    """

    choices: list[Choice]
    created: int
    id: str
    model: str
    object_: str
    bulkhead: Grounds | None | Unset = UNSET
    usage: CompletionUsage | None | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.completion_usage import CompletionUsage  # noqa: PLC0415
        from ..models.grounds import Grounds  # noqa: PLC0415

        choices = []
        for choices_item_data in self.choices:
            choices_item = choices_item_data.to_dict()
            choices.append(choices_item)

        created = self.created

        id = self.id

        model = self.model

        object_ = self.object_

        bulkhead: dict[str, Any] | None | Unset
        if isinstance(self.bulkhead, Unset):
            bulkhead = UNSET
        elif isinstance(self.bulkhead, Grounds):
            bulkhead = self.bulkhead.to_dict()
        else:
            bulkhead = self.bulkhead

        usage: dict[str, Any] | None | Unset
        if isinstance(self.usage, Unset):
            usage = UNSET
        elif isinstance(self.usage, CompletionUsage):
            usage = self.usage.to_dict()
        else:
            usage = self.usage

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "choices": choices,
                "created": created,
                "id": id,
                "model": model,
                "object": object_,
            }
        )
        if bulkhead is not UNSET:
            field_dict["bulkhead"] = bulkhead
        if usage is not UNSET:
            field_dict["usage"] = usage

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.choice import Choice  # noqa: PLC0415
        from ..models.completion_usage import CompletionUsage  # noqa: PLC0415
        from ..models.grounds import Grounds  # noqa: PLC0415

        d = dict(src_dict)
        choices = []
        _choices = d.pop("choices")
        for choices_item_data in _choices:
            choices_item = Choice.from_dict(choices_item_data)

            choices.append(choices_item)

        created = d.pop("created")

        id = d.pop("id")

        model = d.pop("model")

        object_ = d.pop("object")

        def _parse_bulkhead(data: object) -> Grounds | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                bulkhead_type_0 = Grounds.from_dict(data)

                return bulkhead_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(Grounds | None | Unset, data)

        bulkhead = _parse_bulkhead(d.pop("bulkhead", UNSET))

        def _parse_usage(data: object) -> CompletionUsage | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                usage_type_0 = CompletionUsage.from_dict(data)

                return usage_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(CompletionUsage | None | Unset, data)

        usage = _parse_usage(d.pop("usage", UNSET))

        chat_completion = cls(
            choices=choices,
            created=created,
            id=id,
            model=model,
            object_=object_,
            bulkhead=bulkhead,
            usage=usage,
        )

        chat_completion.additional_properties = d
        return chat_completion

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
