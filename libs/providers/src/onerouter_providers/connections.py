"""From a tenant's sealed connections to clients that are ready to be called.

Answers of the registry are cached for a minute, dropped when the registry says that something changed, and used for some
minutes longer while the registry is away: a registry that restarts must not stop payments. Secrets are opened only when
a client is built, and only of the connection that is used.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import httpx
import structlog
from pydantic import SecretStr

from onerouter_common.contracts.registry import EVERY_TENANT, RegistryChange
from onerouter_common.errors import CredentialsUnreadable, Overloaded
from onerouter_common.registry_client import CALLBACK_ADDRESS, ConnectionSecret, RouteSet
from onerouter_common.routing.route import Candidate, Route
from onerouter_common.secrets import KeyRings, SecretUnopenable, open_sealed
from onerouter_common.worker.handler import ConnectionUnusable, Idempotency
from onerouter_common.worker.pace.rule import Pace
from onerouter_providers.candidates import candidate_of
from onerouter_providers.known import KnownConnection
from onerouter_providers.loader import ProviderPackage, Providers
from onerouter_providers.manifest import CapabilityFacts

log = structlog.get_logger()

TTL_S: Final = 60.0
STALE_S: Final = 600.0
"""How old an answer may get while the registry is away. A revoked credential is refused by its provider anyway."""
MAX_ENTRIES: Final = 2_000
_UNWATCHED_TTL_S: Final = 5.0
"""How long an answer is used while nothing would tell of a change."""
_ASK_AGAIN_S: Final = 2.0
"""After the registry failed to answer: how long it is left alone where a stale answer serves."""
_RETRY_AFTER_S: Final = 5.0

Key = tuple[str, str, str]
"""(tenant, environment, category)."""


class Registry(Protocol):
    """What is needed of `registry_client.RegistryClient`."""

    async def route_set(self, tenant_id: str, environment: str, category: str) -> RouteSet:
        """Raises Overloaded when the registry cannot be asked."""
        ...


@dataclass(frozen=True, slots=True)
class ProviderConnection:
    """A `Connection` of the heart (`worker/handler.py`). `repr` shows no client and no credential."""

    id: str
    tenant_id: str
    environment: str
    category: str
    provider: str
    currency: str | None
    max_in_flight: int
    timeout_s: float
    pace: Pace | None
    version: int
    client: Any = field(repr=False, compare=False)
    public: Mapping[str, str] = field(repr=False, compare=False)
    """What of its credentials is no secret: the sender that messages come from, say."""
    callback_url: str | None = field(repr=False, compare=False)
    """Where its callbacks come in; None where this process was not told, or the connection has none."""
    _callback_token: str | None = field(repr=False, compare=False)
    """As it was sealed: another one makes another address."""
    _capabilities: Mapping[str, CapabilityFacts] = field(repr=False, compare=False)
    _instead: Mapping[str, str] = field(repr=False, compare=False)

    def idempotency_of(self, capability: str) -> Idempotency | None:
        """None: the provider does not have this capability."""
        facts = self._capabilities.get(capability)
        return None if facts is None else facts.idempotency

    def absence_settles_s(self, capability: str) -> float:
        """How long after a call's deadline a look-up's "there is none" may be believed."""
        facts = self._capabilities.get(capability)
        return facts.absence_settles_s or 0.0 if facts is not None else 0.0

    def retention_s(self, capability: str) -> float | None:
        """How long after an attempt a repeat under its key is safe; then it is looked up. None: for ever."""
        facts = self._capabilities.get(capability)
        return None if facts is None else facts.retention_s

    def instead_of(self, capability: str) -> str | None:
        """For the caller: what to do where the provider lacks a capability, and who has it."""
        return self._instead.get(capability)


@dataclass(slots=True)
class _Entry:
    """One answer of the registry and the clients made from it."""

    routes: RouteSet
    route: Route
    """The same without secrets: what is decided with."""
    loaded_at: float
    check_at: float
    """When it is asked for again; the past: expired."""
    check_unwatched_at: float
    """The same while no changes are heard of."""
    opened: dict[str, ProviderConnection] = field(default_factory=dict)


class ProviderConnections:
    """The heart's `Connections`. One a process; lives on one event loop."""

    def __init__(
        self,
        registry: Registry,
        keyrings: KeyRings,
        providers: Providers,
        http: httpx.AsyncBaseTransport,
        *,
        base_urls: Mapping[str, str] | None = None,
        timeout_most_s: float | None = None,
        absence_most_s: float | None = None,
        callback_base_url: str | None = None,
        ttl_s: float = TTL_S,
        stale_s: float = STALE_S,
        max_entries: int = MAX_ENTRIES,
        is_watched: Callable[[], bool] = lambda: True,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`http` is `http.open_pool()`, closed by who opened it; `base_urls` are the operator's, by provider.

        `timeout_most_s` shortens the time that a manifest grants its provider, never lengthens it; so does `absence_most_s`
        the time until its look-ups are believed. `callback_base_url`: where providers reach the webhooks service.
        `is_watched`: whether changes are being heard of.
        """
        self._registry = registry
        self._keyrings = keyrings
        self._providers = providers
        self._http = http
        self._base_urls = dict(base_urls or {})
        self._timeout_most_s = timeout_most_s
        self._absence_most_s = absence_most_s
        self._callback_base_url = callback_base_url
        self._ttl_s = ttl_s
        self._stale_s = stale_s
        self._max_entries = max_entries
        self._is_watched = is_watched
        self._now = monotonic
        self._entries: OrderedDict[Key, _Entry] = OrderedDict()
        self._loading: dict[Key, asyncio.Task[_Entry]] = {}

    async def route(self, tenant_id: str, environment: str, category: str) -> Route:
        """All that is connected, best first, and the tenant's policy. Opens no secret. Raises Overloaded."""
        return (await self._entry((tenant_id, environment, category))).route

    async def known(self, tenant_id: str, environment: str, category: str) -> tuple[KnownConnection, ...]:
        """The same with what is public of them; best first, without those that are disconnected. Raises Overloaded."""
        entry = await self._entry((tenant_id, environment, category))
        return tuple(
            KnownConnection(
                secret.id, secret.provider, secret.credentials_public, secret.enabled, switched_off=not secret.available
            )
            for secret in entry.routes.connections
            if not secret.disconnected
        )

    def at_hand(self, tenant_id: str, environment: str, category: str, connection_id: str) -> ProviderConnection | None:
        """One that is open already, while the answer it was made from may be used. None: `get` has to be awaited."""
        entry = self._entries.get((tenant_id, environment, category))
        return entry.opened.get(connection_id) if entry is not None and self._is_fresh(entry) else None

    async def get(
        self, tenant_id: str, environment: str, category: str, connection_id: str
    ) -> ProviderConnection | None:
        """One connection, also when it is disabled.

        Raises CredentialsUnreadable when its credentials do not open, ConnectionUnusable when it cannot be used here.
        """
        entry = await self._entry((tenant_id, environment, category))
        secret = next((secret for secret in entry.routes.connections if secret.id == connection_id), None)
        if secret is None:
            return None
        connection = await self._open(entry, secret)
        if not isinstance(connection, ProviderConnection):
            raise connection
        return connection

    def invalidate(self, change: RegistryChange) -> None:
        """Forget what the change concerns, at once and for good: it is not used even when the registry is away."""
        if change.entity not in ("connection", "route", "tenant", "provider"):
            return
        for key in [*self._entries, *self._loading]:
            if change.tenant_id in (EVERY_TENANT, key[0]) and change.environment in (None, key[1]):
                self._entries.pop(key, None)
                self._loading.pop(key, None)  # who waits for it gets it; who comes now asks again

    def invalidate_all(self) -> None:
        """Changes may have been missed: ask again for everything, keeping what we have for while the registry is away."""
        self._loading.clear()
        for entry in self._entries.values():
            entry.check_at = entry.check_unwatched_at = self._now()

    async def _entry(self, key: Key) -> _Entry:
        entry = self._entries.get(key)
        if entry is not None:
            self._entries.move_to_end(key)
            if self._is_fresh(entry):
                return entry
        task = self._loading.get(key)
        if task is None:
            task = self._loading[key] = asyncio.create_task(self._load(key, entry))
            task.add_done_callback(lambda done: self._loaded(key, done))
        # Shielded: the load is everybody's who waits for it, so nobody's cancellation ends it.
        return await asyncio.shield(task)

    def _is_fresh(self, entry: _Entry) -> bool:
        return self._now() < (entry.check_at if self._is_watched() else entry.check_unwatched_at)

    async def _load(self, key: Key, known: _Entry | None) -> _Entry:
        asked_at = self._now()
        try:
            routes = await self._registry.route_set(*key)
        except Overloaded:
            if known is None or self._now() - known.loaded_at >= self._stale_s or self._entries.get(key) is not known:
                raise
            known.check_at = known.check_unwatched_at = self._now() + _ASK_AGAIN_S
            log.warning("connections.stale", tenant_id=key[0], age_s=round(self._now() - known.loaded_at, 1))
            return known
        entry = _Entry(
            routes,
            self._route_of(routes),
            asked_at,
            asked_at + self._ttl_s,
            asked_at + min(self._ttl_s, _UNWATCHED_TTL_S),
        )
        if known is not None:
            # Clients of unchanged connections live on, with what they have learned (tokens, say).
            versions = {secret.id: (secret.version, secret.callback_token) for secret in routes.connections}
            entry.opened = {
                id: one for id, one in known.opened.items() if versions.get(id) == (one.version, one._callback_token)
            }
        return entry

    def _route_of(self, routes: RouteSet) -> Route:
        connected = tuple(self._candidate_of(secret) for secret in routes.connections if not secret.disconnected)
        return Route(connected, routes.policy, routes.suspended)

    def _candidate_of(self, secret: ConnectionSecret) -> Candidate:
        package = self._providers.find(secret.category, secret.provider)
        if package is None:
            log.error("connections.provider_not_installed", provider=secret.provider, connection_id=secret.id)
        return candidate_of(
            None if package is None else package.manifest,
            connection_id=secret.id,
            provider=secret.provider,
            enabled=secret.enabled,
            switched_off=not secret.available,
            instead=self._providers.instead(secret.category, secret.provider),
        )

    def _loaded(self, key: Key, task: asyncio.Task[_Entry]) -> None:
        """Keep what was loaded, unless it was invalidated meanwhile."""
        current = self._loading.get(key) is task
        if current:
            del self._loading[key]
        if task.cancelled() or task.exception() is not None or not current:
            return
        self._entries[key] = task.result()
        self._entries.move_to_end(key)
        while len(self._entries) > self._max_entries:
            self._entries.popitem(last=False)

    async def _open(
        self, entry: _Entry, secret: ConnectionSecret
    ) -> ProviderConnection | CredentialsUnreadable | ConnectionUnusable:
        """The connection ready to be called, or (with a log line for the operator) why it cannot be made here.

        Raises Overloaded when the key service is away: that passes, so no other connection takes over.
        """
        opened = entry.opened.get(secret.id)
        if opened is not None:
            return opened
        package = self._providers.find(secret.category, secret.provider)
        if package is None:
            log.error("connections.provider_not_installed", provider=secret.provider, connection_id=secret.id)
            return _unusable()
        try:
            opened = await self._build(package, secret)
        except SecretUnopenable as error:
            log.error(  # noqa: TRY400 - a traceback could carry values
                "connections.unreadable", provider=secret.provider, connection_id=secret.id, why=str(error)
            )
            return CredentialsUnreadable.of(secret.id)
        except (KeyError, ValueError) as error:
            log.error(  # noqa: TRY400 - a traceback could carry values
                "connections.not_openable",
                provider=secret.provider,
                connection_id=secret.id,
                error=type(error).__name__,
            )
            return _unusable()
        return entry.opened.setdefault(secret.id, opened)

    async def _build(self, package: ProviderPackage, secret: ConnectionSecret) -> ProviderConnection:
        manifest = package.manifest
        sealed = await open_sealed(
            self._keyrings.of(secret.environment),
            secret.credentials,
            secret.data_keys,
            owner=(secret.tenant_id, secret.environment),
            connection_id=secret.id,
        )
        public = {name: SecretStr(value) for name, value in secret.credentials_public.items()}
        timeout_s = min(manifest.timeout_s, self._timeout_most_s or manifest.timeout_s)
        client = package.open(
            {**public, **sealed},
            http=self._http,
            environment=secret.environment,
            base_url=self._base_urls.get(secret.provider),
            timeout_s=timeout_s,
        )
        return ProviderConnection(
            id=secret.id,
            tenant_id=secret.tenant_id,
            environment=secret.environment,
            category=secret.category,
            provider=secret.provider,
            currency=secret.currency,
            max_in_flight=secret.max_in_flight,
            timeout_s=timeout_s,
            pace=manifest.pace(secret.rate_per_s),
            version=secret.version,
            client=client,
            public=secret.credentials_public,
            callback_url=await self._callback_url(secret),
            _callback_token=secret.callback_token,
            _capabilities={capability.name: self._hastened(capability) for capability in manifest.capabilities},
            _instead=self._providers.instead(secret.category, secret.provider),
        )

    async def _callback_url(self, secret: ConnectionSecret) -> str | None:
        """Whoever knows it can send us callbacks (that must still be signed)."""
        if self._callback_base_url is None or secret.callback_token is None:
            return None
        try:
            opened = await open_sealed(
                self._keyrings.of(secret.environment),
                {CALLBACK_ADDRESS: secret.callback_token},
                secret.data_keys,
                owner=(secret.tenant_id, secret.environment),
                connection_id=secret.id,
            )
        except SecretUnopenable as error:  # it can send without: the provider's list is asked what became of messages
            log.error("connections.callback_token.unreadable", connection_id=secret.id, why=str(error))  # noqa: TRY400
            return None
        token = opened[CALLBACK_ADDRESS].get_secret_value()
        return f"{self._callback_base_url.rstrip('/')}/callbacks/{secret.provider}/{token}"

    def _hastened(self, capability: CapabilityFacts) -> CapabilityFacts:
        settles_s, most_s = capability.absence_settles_s, self._absence_most_s
        if settles_s is None or most_s is None or settles_s <= most_s:
            return capability
        return capability.model_copy(update={"absence_settles_s": most_s})


def _unusable() -> ConnectionUnusable:
    return ConnectionUnusable(
        "The connection cannot be used right now; operators are told.", retry_after_s=_RETRY_AFTER_S
    )
