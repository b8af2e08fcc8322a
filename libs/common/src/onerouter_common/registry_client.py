"""How a service asks the registry: who a key belongs to, where a tenant's operations go, whose callback token it is.

Answers are for caching (at most 60 s) by the caller, who drops them on what the `ChangeFeed` tells. Credentials are
sealed in every answer: only a process that holds the keyring can open them (`secrets.open_sealed`).
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal, Self, TypeVar

import httpx
import structlog
from httpx_aiohttp import AiohttpTransport
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from onerouter_common.change_feed import ChangeFeed
from onerouter_common.contracts.base import Category, Environment, Moment
from onerouter_common.contracts.routing import RoutingPolicy
from onerouter_common.errors import NotFound, Overloaded
from onerouter_common.web.internal import InternalAuth

__all__ = [
    "CallbackTarget",
    "ChangeFeed",
    "ConnectionSecret",
    "Principal",
    "QuotaLease",
    "RegistryClient",
    "RouteSet",
    "UsableCapability",
    "UsableConnection",
    "UsableProvider",
    "UsableProviders",
    "absent",
]

log = structlog.get_logger()

_RETRY_AFTER_S: Final = 2.0
CALLBACK_ADDRESS: Final = "#callback_token"
"""What a callback token is bound to besides its tenant and connection; no credential can have this name."""
_ABSENT: Final = "ABSENT_FROM_REGISTRY"
_PLAIN: Final = re.compile(r"[0-9A-Za-z_-]{1,128}\Z")
AnswerT = TypeVar("AnswerT", bound=BaseModel)

KeyStatus = Literal["active", "revoked", "expired"]
TenantStatus = Literal["active", "suspended", "deleting", "deleted"]


class _Answer(BaseModel):
    """Frozen; unknown fields are ignored, so that the registry may be deployed before its callers."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class Principal(_Answer):
    """Who calls with an API key, and what the key may do."""

    tenant_id: str
    environment: Environment
    api_key_id: str
    family: str = Field(default_factory=lambda given: given.get("api_key_id", ""))
    """Shared by keys that were rotated into one another: what is limited is counted for all of them together."""
    status: KeyStatus
    """At the moment of the answer; a cached one is asked again by `status_at`."""
    scopes: frozenset[str]
    """`payments:write`, … or `*`."""
    rate_limit_per_s: int
    rate_burst: int
    """How many requests may come at once after a quiet time."""
    default_currency: str
    """Of the first payments connection that has one; else INR."""
    services: Mapping[str, tuple[str, ...]]
    """Category → providers of the enabled connections, best first."""
    default_region: str | None = None
    """Whose national phone numbers are understood; ISO 3166 alpha-2. None: numbers have to be international."""
    expires_at: Moment | None = None
    tenant_status: TenantStatus = "active"
    """Only an active tenant's keys may do anything."""
    requests_per_minute: int | None = None
    """What all keys of the tenant may do together, by its plan; None: unlimited."""
    ip_allow_list: tuple[str, ...] = ()
    """Networks (CIDR) the key may be used from; empty: from anywhere."""
    quotas: Mapping[str, int] = {}
    """Category → most operations this key may begin in a calendar month (UTC); absent: unlimited."""

    def status_at(self, now: datetime) -> KeyStatus:
        """The status at another moment: a key expires in a cache too."""
        if self.status == "active" and self.expires_at is not None and now >= self.expires_at:
            return "expired"
        return self.status

    def may(self, scope: str) -> bool:
        return "*" in self.scopes or scope in self.scopes


class ConnectionSecret(_Answer):
    """One connection with its sealed API credentials."""

    id: str
    tenant_id: str
    environment: Environment
    category: Category
    provider: str
    label: str
    currency: str | None = None
    enabled: bool
    credentials: Mapping[str, str]
    """Field → sealed value, sealed for (tenant, connection, field) with the credential keyring."""
    credentials_public: Mapping[str, str]
    """Field → value of the fields that are not sensitive (Razorpay's `key_id`)."""
    data_keys: Mapping[str, str]
    """Data key id → wrapped key, wrapped for (tenant, environment)."""
    max_in_flight: int
    """Most wire calls at once over this connection."""
    rate_per_s: float | None = None
    """Most messages a second over it, as its tenant says; None: what the provider's manifest says."""
    version: int
    """Grows with each change of the connection: a client made of an older one is thrown away."""
    disconnected: bool = False
    """By its tenant; reachable until its credentials are destroyed."""
    available: bool = True
    """False: an operator has switched off its provider, or the whole category. What lives there is still reached."""
    unavailable_reason: str | None = None
    """The operator's words."""
    callback_token: str | None = None
    """Of the address that the provider calls back at, sealed like a credential of the name `CALLBACK_ADDRESS`. For providers
    that are told the address with each request."""


class RouteSet(_Answer):
    """All connections of a tenant, environment and category in the order of its route, the disabled ones too.

    New operations go to enabled ones only; what already lives at a connection must still reach it.
    """

    version: str
    """Opaque; another value: something in it has changed."""
    connections: tuple[ConnectionSecret, ...]
    suspended: bool = False
    """The tenant is: nothing new may be begun; what has been begun is still followed to its end."""
    policy: RoutingPolicy | None = None
    """None: the order of priority decides."""


class UsableConnection(_Answer):
    """One that new operations can go to."""

    id: str
    label: str
    currency: str | None
    bucket: str | None = None
    """Of storage: the one it keeps objects in."""


class UsableCapability(_Answer):
    name: str
    guarantee: Literal["exactly_once", "at_most_once"]


class UsableProvider(_Answer):
    """A provider at which a tenant has enabled connections, and what its manifest says of it."""

    category: Category
    provider: str
    display_name: str
    connections: tuple[UsableConnection, ...]
    """The best first."""
    capabilities: tuple[UsableCapability, ...]
    unsupported: Mapping[str, str]
    """Capability → what to do instead."""
    currencies: tuple[str, ...] | None
    """None: the provider decides."""
    limits: Mapping[str, int]


class UsableProviders(_Answer):
    """All of a tenant in one environment."""

    providers: tuple[UsableProvider, ...]


class CallbackTarget(_Answer):
    """Whose callback token it is, with what verifies the callback's signature (sealed with the callback keyring)."""

    connection_id: str
    tenant_id: str
    environment: Environment
    category: Category
    provider: str
    secrets: Mapping[str, str]
    credentials_public: Mapping[str, str]
    data_keys: Mapping[str, str]


class QuotaLease(_Answer):
    """Operations of a monthly quota that the asking gateway may begin."""

    granted: int
    limit: int | None
    """The quota; None: the key has none for this category (any more)."""
    remaining: int
    """What is left for everybody after this."""


class EndedTenants(_Answer):
    """Those of the asked tenants that were deleted for good."""

    tenant_ids: tuple[str, ...]


def absent(detail: str) -> NotFound:
    """The registry's own "there is none", told apart from the 404 of a wrong address or a proxy in between."""
    return NotFound(detail, code=_ABSENT)


class RegistryClient:
    """Asks the registry over HTTP. An asynchronous context manager; one a process.

    Every method raises Overloaded when the registry does not answer properly within `timeout_s`, a second try included
    where the connection failed (all calls may be repeated).
    """

    def __init__(
        self,
        base_url: str,
        internal_tokens: SecretStr,
        *,
        timeout_s: float = 2.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`internal_tokens` is the setting of that name: the first token is sent."""
        self._auth = InternalAuth(internal_tokens)
        self._timeout_s = timeout_s
        self._http = httpx.AsyncClient(
            base_url=base_url,
            timeout=timeout_s,
            transport=transport or AiohttpTransport(trust_env=False),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def introspect(self, key_hash: str) -> Principal | None:
        """The owner of the key with this hash, also when it is revoked or expired (`status`); None: no such key."""
        return await self._ask(Principal, "POST", "/internal/keys/introspect", {"key_hash": key_hash})

    async def route_set(self, tenant_id: str, environment: str, category: str) -> RouteSet:
        """The tenant's connections in order; an empty one when there are none."""
        path = f"/internal/tenants/{tenant_id}/environments/{environment}/routes/{category}"
        found = await self._ask(RouteSet, "GET", path)
        return found or RouteSet(version="", connections=())

    async def usable_providers(self, tenant_id: str, environment: Environment) -> Sequence[UsableProvider]:
        """What new operations can go to; nothing that is disabled or switched off."""
        path = f"/internal/tenants/{tenant_id}/environments/{environment}/providers"
        found = await self._ask(UsableProviders, "GET", path)
        return () if found is None else found.providers

    async def callback_target(self, provider: str, token: str) -> CallbackTarget | None:
        """The connection that handed this token to the provider; None for an unknown one, or of another provider."""
        if _PLAIN.match(provider) is None or _PLAIN.match(token) is None:
            return None  # cannot be ours
        # In the body: paths are written down by proxies.
        return await self._ask(
            CallbackTarget, "POST", "/internal/callback-tokens/look-up", {"provider": provider, "token": token}
        )

    async def lease_quota(
        self,
        family: str,
        category: str,
        month: str,
        *,
        holder: str,
        number: int,
        needed: int = 0,
        wanted: int = 0,
        returned: int = 0,
        owed: int = 0,
    ) -> QuotaLease | None:
        """Borrow from the quota a family of keys has for a month (`2026-11`): what is needed now, or up to `wanted` while
        plenty is left.

        `returned` is given back, `owed` was begun unpaid and is charged whatever is left. None: there are no such keys.
        Unlike the others this changes something: without an answer nobody knows whether it was done. `holder` names the
        asking process, and `number` its request: the same number again is done once and answered alike, for a day; the
        next request has a greater one.
        """
        asked = {"family": family, "category": category, "month": month, "holder": holder, "number": number}
        figures = {"needed": needed, "wanted": wanted, "returned": returned, "owed": owed}
        return await self._ask(QuotaLease, "POST", "/internal/quotas/lease", {**asked, **figures})

    async def ended_tenants(self, tenant_ids: Sequence[str]) -> Sequence[str]:
        """Which of these, at most 500, were deleted for good."""
        found = await self._ask(EndedTenants, "POST", "/internal/tenants/ended", {"tenant_ids": list(tenant_ids)})
        return () if found is None else found.tenant_ids

    async def _ask(
        self, answer: type[AnswerT], method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> AnswerT | None:
        try:
            async with asyncio.timeout(self._timeout_s):
                response = await self._send(method, path, body)
        except (httpx.TransportError, TimeoutError) as error:
            raise self._away(type(error).__name__) from error
        if response.status_code == 404 and _ABSENT.encode() in response.content:
            return None
        if response.status_code != 200:
            raise self._away(f"status {response.status_code}")
        try:
            return answer.model_validate_json(response.content)
        except ValidationError as error:
            raise self._away("an answer of another shape") from error

    async def _send(self, method: str, path: str, body: Mapping[str, Any] | None) -> httpx.Response:
        headers = self._auth.headers()
        try:
            return await self._http.request(method, path, json=body, headers=headers)
        except (httpx.NetworkError, httpx.RemoteProtocolError):
            # A registry that restarted leaves kept-alive connections behind that fail on their next use.
            return await self._http.request(method, path, json=body, headers=headers)

    def _away(self, why: str) -> Overloaded:
        log.warning("registry.away", why=why)
        return Overloaded("The registry cannot be asked right now.", retry_after_s=_RETRY_AFTER_S)
