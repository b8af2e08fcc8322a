"""What a change within a period costs: the unused time of the old comes back, the rest of the new is charged."""

from collections.abc import Sequence

from onerouter_sandbox.stripe.billing.records import Item, Line
from onerouter_sandbox.stripe.catalog import Catalog


def full(catalog: Catalog, items: Sequence[Item], start: int, end: int) -> list[Line]:
    """A whole period of each item."""
    return [_line(catalog, item, "", start, end, part=1.0, proration=False) for item in items]


def rest(catalog: Catalog, items: Sequence[Item], now: int, start: int, end: int) -> list[Line]:
    """What is left of the period, of each item."""
    part = (end - now) / (end - start)
    return [_line(catalog, item, "Remaining time on ", now, end, part=part, proration=True) for item in items]


def unused(catalog: Catalog, items: Sequence[Item], now: int, start: int, end: int) -> list[Line]:
    """The same, given back."""
    part = -(end - now) / (end - start)
    return [_line(catalog, item, "Unused time on ", now, end, part=part, proration=True) for item in items]


def _line(catalog: Catalog, item: Item, word: str, start: int, end: int, *, part: float, proration: bool) -> Line:
    price = catalog.prices[item["price"]]
    name = catalog.products[price.product].name
    amount = price.unit_amount * item["quantity"]
    return Line(
        description=f"{word}{item['quantity']} × {name}",
        amount=amount if part == 1.0 else round(amount * part),
        price=price.id,
        quantity=item["quantity"],
        proration=proration,
        start=start,
        end=end,
    )
