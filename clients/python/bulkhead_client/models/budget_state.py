from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.money_budget import MoneyBudget
    from ..models.token_budget import TokenBudget


T = TypeVar("T", bound="BudgetState")


@_attrs_define
class BudgetState:
    """The budgets of one period.

    Attributes:
        period (str): `day` or `month`, in UTC. Example: day.
        resets_at (str): When the period ends. Example: 2026-02-01T00:00:00.000Z.
        tokens (TokenBudget): A budget in tokens.
        usd (MoneyBudget): A budget in US dollars, as decimal text.
    """

    period: str
    resets_at: str
    tokens: TokenBudget
    usd: MoneyBudget
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        period = self.period

        resets_at = self.resets_at

        tokens = self.tokens.to_dict()

        usd = self.usd.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "period": period,
                "resets_at": resets_at,
                "tokens": tokens,
                "usd": usd,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.money_budget import MoneyBudget  # noqa: PLC0415
        from ..models.token_budget import TokenBudget  # noqa: PLC0415

        d = dict(src_dict)
        period = d.pop("period")

        resets_at = d.pop("resets_at")

        tokens = TokenBudget.from_dict(d.pop("tokens"))

        usd = MoneyBudget.from_dict(d.pop("usd"))

        budget_state = cls(
            period=period,
            resets_at=resets_at,
            tokens=tokens,
            usd=usd,
        )

        budget_state.additional_properties = d
        return budget_state

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
