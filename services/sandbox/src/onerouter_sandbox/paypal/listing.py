"""Pages of a list, as PayPal counts them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from onerouter_sandbox.paypal.errors import bad_request
from onerouter_sandbox.paypal.routing import Asked
from onerouter_sandbox.paypal.shapes import link


@dataclass(frozen=True, slots=True)
class Listing:
    """The first page is 1."""

    number: int
    size: int
    total_required: bool

    def page(self, name: str, things: Sequence[dict[str, Any]], here: str, **query: str) -> dict[str, Any]:
        """The page's things under `name`, with totals if asked for.

        `here` is the list's address, `query` what else it was asked.
        """
        pages = max(1, -(-len(things) // self.size))
        more = f"{here}?{urlencode({**query, 'page_size': self.size})}"
        links = [link(f"{more}&page={self.number}", "self")]
        if self.number < pages:
            links.append(link(f"{more}&page={self.number + 1}", "next"))
        shown: dict[str, Any] = {name: things[(self.number - 1) * self.size : self.number * self.size]}
        if self.total_required:
            shown |= {"total_items": len(things), "total_pages": pages}
        return shown | {"links": links}


def parse_listing(asked: Asked, operation: str, *, most: int, default: int = 10) -> Listing:
    return Listing(
        number=_whole(asked, "page", 100_000, 1, operation),
        size=_whole(asked, "page_size", most, default, operation),
        total_required=asked.query.get("total_required") == "true",
    )


def _whole(asked: Asked, name: str, most: int, default: int, operation: str) -> int:
    text = asked.query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= most):
        raise bad_request("INVALID_PARAMETER_VALUE", name, operation, text)
    return int(text)
