from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.budget_state import BudgetState
    from ..models.usage_counts import UsageCounts
    from ..models.usage_line import UsageLine


T = TypeVar("T", bound="UsageReport")


@_attrs_define
class UsageReport:
    """What the tenant's calls of models used.

    Attributes:
        budgets (list[BudgetState]): The budgets of the current day and month, with their use.
        from_ (str): The first day, in UTC. Example: 2026-01-01.
        to (str): The last day, in UTC. Example: 2026-01-31.
        total (UsageCounts): Counts of usage.
        usage (list[UsageLine]): One line per group that used anything, in order of the groups.
    """

    budgets: list[BudgetState]
    from_: str
    to: str
    total: UsageCounts
    usage: list[UsageLine]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        budgets = []
        for budgets_item_data in self.budgets:
            budgets_item = budgets_item_data.to_dict()
            budgets.append(budgets_item)

        from_ = self.from_

        to = self.to

        total = self.total.to_dict()

        usage = []
        for usage_item_data in self.usage:
            usage_item = usage_item_data.to_dict()
            usage.append(usage_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "budgets": budgets,
                "from": from_,
                "to": to,
                "total": total,
                "usage": usage,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.budget_state import BudgetState  # noqa: PLC0415
        from ..models.usage_counts import UsageCounts  # noqa: PLC0415
        from ..models.usage_line import UsageLine  # noqa: PLC0415

        d = dict(src_dict)
        budgets = []
        _budgets = d.pop("budgets")
        for budgets_item_data in _budgets:
            budgets_item = BudgetState.from_dict(budgets_item_data)

            budgets.append(budgets_item)

        from_ = d.pop("from")

        to = d.pop("to")

        total = UsageCounts.from_dict(d.pop("total"))

        usage = []
        _usage = d.pop("usage")
        for usage_item_data in _usage:
            usage_item = UsageLine.from_dict(usage_item_data)

            usage.append(usage_item)

        usage_report = cls(
            budgets=budgets,
            from_=from_,
            to=to,
            total=total,
            usage=usage,
        )

        usage_report.additional_properties = d
        return usage_report

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
