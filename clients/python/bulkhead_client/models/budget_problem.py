from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="BudgetProblem")


@_attrs_define
class BudgetProblem:
    """A budget without room for a call. Tokens are numbers as text; money is US dollars as decimal text.

    Attributes:
        limit (str): The budget. Example: 100000.
        needed (str): The most that this call can cost. Example: 5300.
        period (str): `day` or `month`, in UTC. Example: day.
        remaining (str): What is left of it. Example: 1200.
        reserved (str): The part of it that calls in flight reserve. They give back what they do not use. Example: 0.
        resets_at (str): When the period ends. Example: 2026-02-01T00:00:00.000Z.
        unit (str): `tokens` or `usd`. Example: tokens.
    """

    limit: str
    needed: str
    period: str
    remaining: str
    reserved: str
    resets_at: str
    unit: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        limit = self.limit

        needed = self.needed

        period = self.period

        remaining = self.remaining

        reserved = self.reserved

        resets_at = self.resets_at

        unit = self.unit

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "limit": limit,
                "needed": needed,
                "period": period,
                "remaining": remaining,
                "reserved": reserved,
                "resets_at": resets_at,
                "unit": unit,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        limit = d.pop("limit")

        needed = d.pop("needed")

        period = d.pop("period")

        remaining = d.pop("remaining")

        reserved = d.pop("reserved")

        resets_at = d.pop("resets_at")

        unit = d.pop("unit")

        budget_problem = cls(
            limit=limit,
            needed=needed,
            period=period,
            remaining=remaining,
            reserved=reserved,
            resets_at=resets_at,
            unit=unit,
        )

        budget_problem.additional_properties = d
        return budget_problem

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
