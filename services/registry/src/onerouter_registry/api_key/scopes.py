"""What an API key can be given: every scope there is, what it permits, and when one set of scopes covers another."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from onerouter_common.errors import FieldError, InvalidRequest

EVERYTHING: Final = "*"


@dataclass(frozen=True, slots=True)
class Scope:
    name: str
    description: str
    implies: frozenset[str] = frozenset()
    """Scopes that whoever has this one need not have."""


@dataclass(frozen=True, slots=True)
class Area:
    """Scopes that belong together: a branch of the tree a dashboard shows."""

    id: str
    display_name: str
    description: str
    scopes: tuple[Scope, ...]


def _area(
    area: str, display_name: str, description: str, *, implies: Mapping[str, Iterable[str]] | None = None, **what: str
) -> Area:
    """`what` is action → description, `implies` action → scopes."""
    implied = implies or {}
    scopes = (Scope(f"{area}:{action}", text, frozenset(implied.get(action, ()))) for action, text in what.items())
    return Area(area, display_name, description, tuple(scopes))


AREAS: Final = (
    _area(
        "payments",
        "Payments",
        "Taking payments and giving money back.",
        read="See payments, their refunds and their operations.",
        write="Create, capture, cancel and refund payments.",
        # As the gateway admits them.
        implies={"read": ("refunds:read",), "write": ("refunds:write",)},
    ),
    _area(
        "refunds",
        "Refunds",
        "Giving money back, for keys that must not take any.",
        read="See refunds.",
        write="Refund payments.",
    ),
    _area(
        "sms",
        "SMS",
        "Text messages.",
        read="See messages, their status and their operations.",
        write="Send and cancel messages.",
    ),
    _area(
        "email",
        "Email",
        "Email and its templates.",
        read="See messages, their status, their operations and templates.",
        write="Send and cancel messages, change templates.",
    ),
    _area(
        "storage",
        "Storage",
        "Files in your buckets.",
        read="List and download objects.",
        write="Upload and delete objects.",
    ),
    _area(
        "operations",
        "Operations",
        "The log of everything that was asked for.",
        read="See operations of every category.",
    ),
    _area("events", "Events", "What happened, as events.", read="List and stream events."),
    _area(
        "webhooks",
        "Webhooks",
        "Your endpoints that receive events.",
        read="See endpoints and deliveries.",
        write="Create and change endpoints, repeat deliveries.",
    ),
    _area("tenant", "Account", "This account's settings.", read="See the account's settings and plan."),
    _area(
        "services",
        "Connections",
        "Your accounts at providers.",
        read="See connections, never their credentials.",
        write="Connect, change and disconnect providers.",
    ),
    _area(
        "routing",
        "Routing",
        "Which connection an operation takes.",
        read="See routing rules and explain a route.",
        write="Change routing rules.",
    ),
    _area(
        "api_keys",
        "API keys",
        "Other API keys, within what the key itself may do.",
        read="See API keys, never the keys themselves.",
        write="Create, change, rotate and revoke API keys.",
    ),
    _area("members", "Members", "People with access to this account.", read="See members and invitations."),
    _area("audit", "Audit log", "Who changed what.", read="See the audit log."),
)

SCOPES: Final[Mapping[str, Scope]] = {scope.name: scope for area in AREAS for scope in area.scopes}


def scopes_of(values: Collection[str]) -> tuple[str, ...]:
    """Sorted, without repeats. Raises InvalidRequest that names what is no scope."""
    if not values:
        raise InvalidRequest.of("scopes", "must name at least one scope, or * for all")
    unknown = sorted({value for value in values if value != EVERYTHING and value not in SCOPES})
    if unknown:
        errors = tuple(FieldError("scopes", f"'{value[:60]}' is not a scope") for value in unknown[:10])
        named = ", ".join(f"'{value[:60]}'" for value in unknown[:10])
        raise InvalidRequest(
            f"scopes names what is no scope: {named}. GET /api/api-keys/scopes lists them.", errors=errors
        )
    return tuple(sorted(set(values)))


def reach_of(scopes: Iterable[str]) -> frozenset[str]:
    """Every scope that these permit in effect, with what they imply."""
    held = frozenset(scopes)
    if EVERYTHING in held:
        return frozenset({EVERYTHING, *SCOPES})
    return held.union(*(SCOPES[name].implies for name in held if name in SCOPES))


def beyond(asked: Iterable[str], held: Iterable[str]) -> tuple[str, ...]:
    """What is asked for and not covered by what is held; sorted, empty when all is covered."""
    reach = reach_of(held)
    return tuple(sorted(name for name in frozenset(asked) if name not in reach))
