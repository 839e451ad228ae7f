from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.budget_problem import BudgetProblem
    from ..models.problem_current_type_0 import ProblemCurrentType0


T = TypeVar("T", bound="Problem")


@_attrs_define
class Problem:
    """The one error format: RFC 9457, `application/problem+json`.

    Attributes:
        detail (str): What is wrong with this request, and what to do next.
        request_id (str): Identifies this request in the service's logs.
        status (int): The HTTP status. Example: 404.
        title (str): The kind of problem.
        type_ (str): `urn:bulkhead:problem:<code>`; the code is stable. Example: urn:bulkhead:problem:not-found.
        budget (BudgetProblem | None | Unset):
        current (None | ProblemCurrentType0 | Unset): The current state, if the request depended on another one.
        message (None | str | Unset): The same as `detail`; only on the routes of OpenAI's interface, whose clients show
            it.
    """

    detail: str
    request_id: str
    status: int
    title: str
    type_: str
    budget: BudgetProblem | None | Unset = UNSET
    current: None | ProblemCurrentType0 | Unset = UNSET
    message: None | str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.budget_problem import BudgetProblem  # noqa: PLC0415
        from ..models.problem_current_type_0 import ProblemCurrentType0  # noqa: PLC0415

        detail = self.detail

        request_id = self.request_id

        status = self.status

        title = self.title

        type_ = self.type_

        budget: dict[str, Any] | None | Unset
        if isinstance(self.budget, Unset):
            budget = UNSET
        elif isinstance(self.budget, BudgetProblem):
            budget = self.budget.to_dict()
        else:
            budget = self.budget

        current: dict[str, Any] | None | Unset
        if isinstance(self.current, Unset):
            current = UNSET
        elif isinstance(self.current, ProblemCurrentType0):
            current = self.current.to_dict()
        else:
            current = self.current

        message: None | str | Unset
        if isinstance(self.message, Unset):
            message = UNSET
        else:
            message = self.message

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "detail": detail,
                "request_id": request_id,
                "status": status,
                "title": title,
                "type": type_,
            }
        )
        if budget is not UNSET:
            field_dict["budget"] = budget
        if current is not UNSET:
            field_dict["current"] = current
        if message is not UNSET:
            field_dict["message"] = message

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.budget_problem import BudgetProblem  # noqa: PLC0415
        from ..models.problem_current_type_0 import ProblemCurrentType0  # noqa: PLC0415

        d = dict(src_dict)
        detail = d.pop("detail")

        request_id = d.pop("request_id")

        status = d.pop("status")

        title = d.pop("title")

        type_ = d.pop("type")

        def _parse_budget(data: object) -> BudgetProblem | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                budget_type_0 = BudgetProblem.from_dict(data)

                return budget_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(BudgetProblem | None | Unset, data)

        budget = _parse_budget(d.pop("budget", UNSET))

        def _parse_current(data: object) -> None | ProblemCurrentType0 | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                current_type_0 = ProblemCurrentType0.from_dict(data)

                return current_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | ProblemCurrentType0 | Unset, data)

        current = _parse_current(d.pop("current", UNSET))

        def _parse_message(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        message = _parse_message(d.pop("message", UNSET))

        problem = cls(
            detail=detail,
            request_id=request_id,
            status=status,
            title=title,
            type_=type_,
            budget=budget,
            current=current,
            message=message,
        )

        problem.additional_properties = d
        return problem

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
