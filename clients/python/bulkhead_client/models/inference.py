from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.finish_reason import FinishReason
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.citation import Citation
    from ..models.inference_output_type_0 import InferenceOutputType0
    from ..models.template_version import TemplateVersion
    from ..models.tool_call import ToolCall
    from ..models.usage import Usage


T = TypeVar("T", bound="Inference")


@_attrs_define
class Inference:
    """An answer.

    Attributes:
        answer (str): The text of the answer. With `output`, the answer as JSON text; empty if the model only calls
            tools.
        citations (list[Citation]): The passages in the prompt, best first. `[1]` in the answer refers to the first.
        finish_reason (FinishReason): Why an answer ended.
        id (str): Id of an inference. Example: 0192f3c5b7a07e0e9d3a5c1b2d4e6f80.
        model (str): The model that answered.
        prompt_sha256 (str): SHA-256 of the rendered prompt template in UTF-8, hexadecimal: the `sha256` of a rendering
            with the same values.
        request_id (str): Id of this request. Quote it when you ask for support.
        template (TemplateVersion): A version of a prompt template.
        usage (Usage): Tokens used by the model.
        fallback_for (None | str | Unset): The model that was chosen, if it was throttled or unavailable and `model`
            answered in its place.
        output (InferenceOutputType0 | None | Unset): The answer in the form of `output.schema`.
        tool_calls (list[ToolCall] | Unset): The tools that the model calls.
    """

    answer: str
    citations: list[Citation]
    finish_reason: FinishReason
    id: str
    model: str
    prompt_sha256: str
    request_id: str
    template: TemplateVersion
    usage: Usage
    fallback_for: None | str | Unset = UNSET
    output: InferenceOutputType0 | None | Unset = UNSET
    tool_calls: list[ToolCall] | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.inference_output_type_0 import InferenceOutputType0  # noqa: PLC0415

        answer = self.answer

        citations = []
        for citations_item_data in self.citations:
            citations_item = citations_item_data.to_dict()
            citations.append(citations_item)

        finish_reason = self.finish_reason.value

        id = self.id

        model = self.model

        prompt_sha256 = self.prompt_sha256

        request_id = self.request_id

        template = self.template.to_dict()

        usage = self.usage.to_dict()

        fallback_for: None | str | Unset
        if isinstance(self.fallback_for, Unset):
            fallback_for = UNSET
        else:
            fallback_for = self.fallback_for

        output: dict[str, Any] | None | Unset
        if isinstance(self.output, Unset):
            output = UNSET
        elif isinstance(self.output, InferenceOutputType0):
            output = self.output.to_dict()
        else:
            output = self.output

        tool_calls: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.tool_calls, Unset):
            tool_calls = []
            for tool_calls_item_data in self.tool_calls:
                tool_calls_item = tool_calls_item_data.to_dict()
                tool_calls.append(tool_calls_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "answer": answer,
                "citations": citations,
                "finish_reason": finish_reason,
                "id": id,
                "model": model,
                "prompt_sha256": prompt_sha256,
                "request_id": request_id,
                "template": template,
                "usage": usage,
            }
        )
        if fallback_for is not UNSET:
            field_dict["fallback_for"] = fallback_for
        if output is not UNSET:
            field_dict["output"] = output
        if tool_calls is not UNSET:
            field_dict["tool_calls"] = tool_calls

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.citation import Citation  # noqa: PLC0415
        from ..models.inference_output_type_0 import InferenceOutputType0  # noqa: PLC0415
        from ..models.template_version import TemplateVersion  # noqa: PLC0415
        from ..models.tool_call import ToolCall  # noqa: PLC0415
        from ..models.usage import Usage  # noqa: PLC0415

        d = dict(src_dict)
        answer = d.pop("answer")

        citations = []
        _citations = d.pop("citations")
        for citations_item_data in _citations:
            citations_item = Citation.from_dict(citations_item_data)

            citations.append(citations_item)

        finish_reason = FinishReason(d.pop("finish_reason"))

        id = d.pop("id")

        model = d.pop("model")

        prompt_sha256 = d.pop("prompt_sha256")

        request_id = d.pop("request_id")

        template = TemplateVersion.from_dict(d.pop("template"))

        usage = Usage.from_dict(d.pop("usage"))

        def _parse_fallback_for(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        fallback_for = _parse_fallback_for(d.pop("fallback_for", UNSET))

        def _parse_output(data: object) -> InferenceOutputType0 | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                output_type_0 = InferenceOutputType0.from_dict(data)

                return output_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(InferenceOutputType0 | None | Unset, data)

        output = _parse_output(d.pop("output", UNSET))

        _tool_calls = d.pop("tool_calls", UNSET)
        tool_calls: list[ToolCall] | Unset = UNSET
        if _tool_calls is not UNSET:
            tool_calls = []
            for tool_calls_item_data in _tool_calls:
                tool_calls_item = ToolCall.from_dict(tool_calls_item_data)

                tool_calls.append(tool_calls_item)

        inference = cls(
            answer=answer,
            citations=citations,
            finish_reason=finish_reason,
            id=id,
            model=model,
            prompt_sha256=prompt_sha256,
            request_id=request_id,
            template=template,
            usage=usage,
            fallback_for=fallback_for,
            output=output,
            tool_calls=tool_calls,
        )

        inference.additional_properties = d
        return inference

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
