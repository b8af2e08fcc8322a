"""The vendors that the parts of payments name."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from onerouter_common.errors import InvalidRequest
from onerouter_gateway.admission import Writing
from onerouter_gateway.gateway import Gateway
from onerouter_gateway.marketplace.schemas import SplitPart
from onerouter_gateway.payment_resources import find_placed

Vendor = Mapping[str, Any]


class Vendors:
    """Of one request: each is read once, however many parts and payments name it."""

    def __init__(self, gateway: Gateway, asked: Writing) -> None:
        self._gateway = gateway
        self._asked = asked
        self._found: dict[str, Vendor | None] = {}
        self._reading: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def of(self, parts: Sequence[SplitPart]) -> dict[str, Vendor]:
        """By what the parts call them. Raises InvalidRequest for one that is unknown, or cannot be paid; Overloaded."""
        found: dict[str, Vendor] = {}
        for index, part in enumerate(parts):
            field = f"splits.{index}.account_id"
            if part.type != "vendor":
                continue
            if part.account_id is None:
                raise InvalidRequest.of(field, "is needed: which vendor?")
            vendor = await self._read(part.account_id)
            if vendor is None:
                raise InvalidRequest.of(field, "is no vendor of this environment")
            if vendor["status"] != "active":
                raise InvalidRequest.of(field, f"is a vendor that is {vendor['status']}: it cannot be paid")
            found[part.account_id] = vendor
        return found

    async def _read(self, id_: str) -> Vendor | None:
        async with self._reading[id_]:
            if id_ not in self._found:
                self._found[id_] = await find_placed(self._gateway, self._asked, "vendor", id_)
            return self._found[id_]
