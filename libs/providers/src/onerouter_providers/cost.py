"""What a provider charges, as its price list says: a share of the amount and a fixed part, by what is done.

For comparing and explaining. What an operation really cost is what the provider says of it afterwards.
"""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from onerouter_common.money import Money

Method = Literal["upi", "card", "netbanking", "wallet", "emi", "paylater"]

_JSON_NUMBER: Final = PlainSerializer(float, return_type=float, when_used="json")
"""At most eight digits: exact in the shortest float."""


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CostCondition(_Facts):
    """For which operations a price holds. What is absent holds for all."""

    methods: tuple[Method, ...] | None = Field(None, min_length=1)
    international: bool | None = None
    """Whether the payer's card or account is of another country than the tenant's."""
    countries: tuple[Annotated[str, Field(pattern=r"^[A-Z]{2}$")], ...] | None = Field(None, min_length=1)
    """Where a message goes."""

    def holds(self, *, method: str | None, international: bool, country: str | None) -> bool:
        return (
            (self.methods is None or method in self.methods)
            and (self.international is None or self.international == international)
            and (self.countries is None or country in self.countries)
        )


class CostFacts(_Facts):
    """One line of the price list."""

    of: str = Field(pattern=r"^[a-z_]+\.[a-z_]+$")
    """The capability that is charged for."""
    percent: Annotated[Decimal, Field(ge=0, le=100, max_digits=7, decimal_places=4), _JSON_NUMBER] = Decimal(0)
    """Of the amount."""
    fixed_minor: Annotated[Decimal, Field(ge=0, max_digits=8, decimal_places=4), _JSON_NUMBER] = Decimal(0)
    """For each, in minor units of `currency`; fractions are usual for messages (`0.79` is $0.0079)."""
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    when: CostCondition = CostCondition()
    note: str = Field("", max_length=300)
    """What the numbers leave out: taxes, plans, volume discounts."""
    source: str = Field(pattern=r"^https://")
    """The price list, for people."""
    read_on: date

    def estimate(self, amount: Money) -> Decimal | None:
        """The price in minor units, not rounded; None when the amount is in another currency than the price."""
        if amount.currency != self.currency:
            return None
        return Decimal(amount.amount_minor) * self.percent / 100 + self.fixed_minor


def find_cost(
    prices: Iterable[CostFacts],
    capability: str,
    *,
    currency: str,
    method: str | None = None,
    international: bool = False,
    country: str | None = None,
) -> CostFacts | None:
    """The first price that holds: a manifest lists the special ones before the general one. None: it is not known."""
    return next(
        (
            price
            for price in prices
            if (price.of, price.currency) == (capability, currency)
            and price.when.holds(method=method, international=international, country=country)
        ),
        None,
    )
