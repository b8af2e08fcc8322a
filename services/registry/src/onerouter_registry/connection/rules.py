"""What a connection must obey whoever makes or changes it."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from onerouter_common.errors import Conflict, InvalidRequest, NotFound
from onerouter_common.money import parse_currency
from onerouter_providers.manifest import Manifest
from onerouter_registry.connection.model import Connection
from onerouter_registry.switch import repository as switches
from onerouter_registry.switch.model import is_off

MOST_IN_FLIGHT: Final = 10_000
MOST_PER_S: Final = 10_000
LEAST_PER_S: Final = 0.01
"""One message in 100 s: less is a mistake."""
MOST_CONNECTIONS: Final = 100
"""Connected at once, of one tenant, environment and category."""
MOST_KEPT: Final = 200
"""Disconnected, with credentials that are kept, beside those. Both are in every answer that workers get of a route."""


def currency_of(manifest: Manifest, value: str | None) -> str | None:
    """Raises InvalidRequest."""
    if value is None:
        return None
    currency = parse_currency(value)
    if manifest.currencies is not None and currency not in manifest.currencies:
        raise InvalidRequest.of("currency", f"{currency} is not one {manifest.display_name} takes")
    return currency


def rate_of(value: float | None) -> float | None:
    """Messages a second; None: what the provider's manifest says. Raises InvalidRequest."""
    if value is not None and not LEAST_PER_S <= value <= MOST_PER_S:
        raise InvalidRequest.of("rate_per_s", f"must be between {LEAST_PER_S} and {MOST_PER_S}")
    return value


async def require_switched_on(tx: AsyncConnection, manifest: Manifest) -> None:
    """Raises InvalidRequest (PROVIDER_DISABLED) while an operator keeps the provider, or its category, switched off."""
    off = {(switch.category, switch.provider): switch.reason for switch in await switches.list_all(tx)}
    if is_off(manifest.category, manifest.id, off):
        raise InvalidRequest(
            f"{manifest.display_name} is switched off by the operator of this installation for now.",
            code="PROVIDER_DISABLED",
        )


def require_room(present: Sequence[Connection], kept: int, manifest: Manifest, label: str) -> None:
    """For one more of this label. `present` is all of the category, `kept` how many disconnected ones still have
    credentials. Raises Conflict.

    It is connecting that is refused: taking a connection out of its route must always be possible.
    """
    if len(present) >= MOST_CONNECTIONS:
        raise Conflict(f"There already are {len(present)} connections of {manifest.category}; disconnect one first.")
    if kept >= MOST_KEPT:
        raise Conflict(
            f"The credentials of {kept} disconnected connections of {manifest.category} are still kept, for refunds. "
            "Have some destroyed first: disconnect those once more, by their connection_id, with forget=true."
        )
    if any((one.provider, one.label) == (manifest.id, label) for one in present):
        raise _taken(label)


def explain(error: IntegrityError, tenant_id: str, label: str) -> None:
    """Raises what the caller did wrong; returns when it is our own mistake."""
    if "connections_label_unique" in str(error.orig):
        raise _taken(label) from error
    if "_tenant_id_fkey" in str(error.orig):
        raise NotFound(f"There is no tenant {tenant_id}.") from error


def _taken(label: str) -> Conflict:
    return Conflict(f"There already is a connection labelled '{label}' at this provider.")
