"""How things stand at the providers themselves, asked for one by one by their own clients."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final

from pydantic import SecretStr

from onerouter_common.errors import OneRouterError
from onerouter_common.money import Money
from onerouter_local.accounts import OTHERS
from onerouter_local.stack import Stack
from onerouter_payments.resource.state import Resource
from onerouter_providers.capability import PaymentReference
from onerouter_providers.http import open_pool
from onerouter_providers.loader import Providers

_AT_ONCE: Final = 8
_TIMEOUT_S: Final = 10.0


class Truth:
    """Compares each record with its provider's word."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def differences(
        self, payments: Iterable[Mapping[str, Any]], refunds: Iterable[Mapping[str, Any]], resources: Iterable[Resource]
    ) -> dict[str, str]:
        """By our id: what we hold and what the provider says; empty is what we want to see."""
        wrong: dict[str, str] = {}
        async with open_pool() as http:
            clients = {provider: self._client(provider, http) for provider in ("razorpay", "paypal", "stripe")}
            places = {row["id"]: row for row in payments}

            async def check(id_: str, held: object, ask: Callable[[], Awaitable[object]]) -> None:
                async with self._places:
                    told = await _or_trouble(ask)
                if told != held:
                    wrong[id_] = f"we hold {held}, the provider {told}"

            async with asyncio.TaskGroup() as group:
                for row in places.values():
                    held = (row["status"], row["amount_minor"], row["amount_refunded_minor"])
                    group.create_task(check(row["id"], held, _payment(clients[row["provider"]], row)))
                for row in refunds:
                    whose = _reference(places[row["payment_id"]])
                    told = _refund(clients[row["provider"]], whose, row["provider_refund_id"])
                    group.create_task(check(row["id"], (row["status"], row["amount_minor"]), told))
                for resource in resources:
                    told = _resource(clients[resource.provider], resource)
                    group.create_task(check(resource.id, resource.status, told))
        return wrong

    def _client(self, provider: str, http: Any) -> Any:
        package = Providers.load().find("payments", provider)
        assert package is not None
        return package.open(
            {name: SecretStr(value) for name, value in self._credentials(provider).items()},
            http=http,
            environment="test",
            base_url=f"{self._stack.addresses.url('sandbox')}/{provider}",
            timeout_s=_TIMEOUT_S,
        )

    def _credentials(self, provider: str) -> Mapping[str, str]:
        secrets = self._stack.secrets
        if provider == "razorpay":
            return {"key_id": secrets.sandbox_key_id, "key_secret": secrets.sandbox_key_secret}
        return next(other.credentials(secrets) for other in OTHERS if other.provider == provider)


async def _or_trouble(ask: Callable[[], Awaitable[object]]) -> object:
    """A refusal is the provider's word, too."""
    try:
        return await ask()
    except OneRouterError as error:
        return f"{type(error).__name__}: {error.detail}"


def _reference(row: Mapping[str, Any]) -> PaymentReference:
    amount = Money(row["amount_minor"], row["currency"])
    return PaymentReference(row["id"], amount, row["provider_order_id"], row["provider_payment_id"])


def _payment(client: Any, row: Mapping[str, Any]) -> Callable[[], Awaitable[object]]:
    async def ask() -> object:
        told = await client.get_payment(_reference(row))
        refunded = {0: told.status, row["amount_minor"]: "refunded"}
        status = refunded.get(told.amount_refunded_minor, "partially_refunded")
        return status, told.amount.amount_minor if told.amount else row["amount_minor"], told.amount_refunded_minor

    return ask


def _refund(client: Any, whose: PaymentReference, refund_id: str) -> Callable[[], Awaitable[object]]:
    async def ask() -> object:
        told = await client.get_refund(whose, refund_id)
        return told.status, told.amount.amount_minor if told.amount else None

    return ask


def _resource(client: Any, resource: Resource) -> Callable[[], Awaitable[object]]:
    async def ask() -> object:
        return (await resource.kind.get(client, resource)).status

    return ask
