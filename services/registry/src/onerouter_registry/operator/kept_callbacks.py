"""Callbacks that the webhooks service has kept: read again, or redacted, page by page and on the record.

What was asked for is written down before it is done, and what came of it after. Whose address was redacted is not: the
books must not keep what is to be forgotten.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncEngine

from onerouter_registry.actor import Actor
from onerouter_registry.audit.chain import PLATFORM
from onerouter_registry.audit.service import AuditLog
from onerouter_registry.operator.internal_service import Answer, InternalService
from onerouter_registry.transactions import operator_transaction

_PATH: Final = "/internal/callbacks"

Wish = Mapping[str, Any]
"""As the webhooks service takes it; absent: whichever."""


@dataclass(frozen=True, slots=True)
class KeptCallbacks:
    engine: AsyncEngine
    audit: AuditLog
    webhooks: InternalService

    async def replay(self, wish: Wish, after: str | None) -> Answer:
        """One page: `{examined, read_again, understood, records, unopenable, reached, next_after}`.

        Repeatable: what was told before adds nothing. Raises InvalidRequest, Overloaded.
        """
        return await self.webhooks.ask("POST", f"{_PATH}/replay", body=_page(wish, after))

    async def redact(self, wish: Wish, after: str | None) -> Answer:
        """One page: `{examined, redacted, unopenable, reached, next_after}`. Raises InvalidRequest, Overloaded."""
        return await self.webhooks.ask("POST", f"{_PATH}/redact", body=_page(wish, after))

    async def record(self, by: Actor, action: str, wish: Wish, **after: Any) -> None:
        """In the tenant's books, or the installation's where no tenant is named."""
        told = {name: value for name, value in wish.items() if name not in ("tenant_id", "mentioning")}
        async with operator_transaction(self.engine) as tx:
            await self.audit.record(
                tx,
                by,
                action,
                tenant_id=wish.get("tenant_id") or PLATFORM,
                environment=wish.get("environment"),
                target=("callbacks", wish.get("connection_id") or wish.get("provider") or "all"),
                after={**told, **after},
            )


def _page(wish: Wish, after: str | None) -> dict[str, Any]:
    told = {name: value for name, value in wish.items() if value is not None}
    return told if after is None else {**told, "after": after}
