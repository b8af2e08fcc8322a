# Written by scripts/make_sync.py from resources/services.py: change that, then `make sdk`.
"""What this key can use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onerouter import types
from onerouter._options import RequestOptions
from onerouter._sync._pages import SyncList
from onerouter._sync._resource import SyncResource
from onerouter.resources._body import present

if TYPE_CHECKING:
    from typing_extensions import Unpack


class SyncServices(SyncResource):
    """What this key can use: providers that are connected, and what each can."""

    _of_several_requests = frozenset({"supports"})

    def list(
        self, *, category: str | None = None, provider: str | None = None, **options: Unpack[RequestOptions]
    ) -> SyncList[types.UsableService]:
        """List what can be used, by environment and category, the provider that is tried first at the top.

        A test key sees `test`, a live key both. Categories that the key has no scope for are left out.

        Args:
            category: Only of this category: `payments`, `sms`, `email` or `storage`.
            provider: Only of this provider.
        """
        query = present({"category": category, "provider": provider})
        return self._list(types.UsableService, "/v1/services", query=query, options=options)

    def supports(
        self,
        capability: str,
        *,
        currency: str | None = None,
        provider: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> bool:
        """Whether a connected provider can do it, where this key acts.

        Args:
            capability: Such as `payment.create` or `subscription.pause`.
            currency: In this currency. Where a provider does not list its currencies, it is taken to have it.
            provider: At this provider.
        """
        acts_in = "live" if self._client._api_key.startswith("unf_live_") else "test"
        environment = options.get("environment") or self._client._defaults.environment or acts_in
        for service in self.list(provider=provider, **options):
            if service.environment == environment and _can(service, capability, currency):
                return True
        return False


def _can(service: types.UsableService, capability: str, currency: str | None) -> bool:
    if all(each["name"] != capability for each in service.capabilities):
        return False
    return currency is None or service.currencies is None or currency.upper() in service.currencies
