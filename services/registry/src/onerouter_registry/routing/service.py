"""What a tenant does with routing: look, replace, remove, ask what would happen."""

from collections.abc import Mapping, Sequence
from typing import Final, get_args

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from onerouter_common.clock import Clock
from onerouter_common.contracts.base import Category, Environment
from onerouter_common.contracts.routing import RoutingPolicy
from onerouter_common.errors import Conflict, InvalidRequest
from onerouter_common.routing.decide import decide
from onerouter_common.routing.refusal import refusal_of
from onerouter_common.routing.route import Candidate, RoutingRequest
from onerouter_providers.candidates import candidate_of
from onerouter_registry.actor import SYSTEM, Actor
from onerouter_registry.audit.service import AuditLog
from onerouter_registry.catalogue.service import Catalogue
from onerouter_registry.changes import route_changed
from onerouter_registry.connection import repository as connections
from onerouter_registry.connection.model import Connection
from onerouter_registry.outbox.repository import append
from onerouter_registry.routing import repository
from onerouter_registry.routing.checks import problems_with
from onerouter_registry.routing.model import CategoryRouting, Explanation, StoredPolicy
from onerouter_registry.routing.shares import shares_of
from onerouter_registry.switch import repository as switches
from onerouter_registry.switch.model import is_off
from onerouter_registry.transactions import tenant_transaction
from onerouter_registry.validation import environment_of

log = structlog.get_logger()

_MOST_BYTES: Final = 128 * 1024
"""Every worker holds it in memory, and every change is kept in the audit log."""
CATEGORIES: Final[tuple[Category, ...]] = get_args(Category)


class Routing:
    def __init__(self, engine: AsyncEngine, catalogue: Catalogue, audit: AuditLog, clock: Clock) -> None:
        self._engine = engine
        self._catalogue = catalogue
        self._audit = audit
        self._clock = clock

    async def list(self, tenant_id: str, environment: str) -> list[CategoryRouting]:
        """Every category that has connections or a policy, or a provider installed."""
        where = environment_of(environment)
        async with tenant_transaction(self._engine, tenant_id, where) as tx:
            present = await _all(tx)
            stored = {policy.category: policy for policy in await repository.list_all(tx)}
        known = {entry["category"] for entry in self._catalogue.entries()} | stored.keys()
        known |= {connection.category for connection in present if connection.disconnected_at is None}
        return [self._view(one, where, stored.get(one), present) for one in CATEGORIES if one in known]

    async def get(self, tenant_id: str, environment: str, category: str) -> CategoryRouting:
        """Also where nobody made a policy: an empty one of version 0. Raises InvalidRequest."""
        where, kind = environment_of(environment), category_of(category)
        async with tenant_transaction(self._engine, tenant_id, where) as tx:
            return self._view(kind, where, await repository.find(tx, kind), await _all(tx))

    async def replace(
        self,
        tenant_id: str,
        environment: str,
        category: str,
        policy: RoutingPolicy,
        *,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> CategoryRouting:
        """The whole policy; the version it brings is not looked at.

        Raises InvalidRequest that names every wrong field, Conflict when `expected_version` is not the present one (None:
        whichever it is, it is overwritten).
        """
        where, kind = environment_of(environment), category_of(category)
        async with tenant_transaction(self._engine, tenant_id, where) as tx:
            before = await self._lock(tx, tenant_id, where, kind, expected_version)
            present = await _all(tx)
            self._check(policy, kind, present)
            stored = await self._put(tx, tenant_id, where, kind, policy, before, by)
        log.info("registry.routing.updated", tenant_id=tenant_id, environment=where, category=kind)
        return self._view(kind, where, stored, present)

    async def remove(
        self,
        tenant_id: str,
        environment: str,
        category: str,
        *,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> CategoryRouting:
        """Back to the order of priority; nothing changes where there is no policy. Raises InvalidRequest, Conflict."""
        where, kind = environment_of(environment), category_of(category)
        async with tenant_transaction(self._engine, tenant_id, where) as tx:
            stored = await self._lock(tx, tenant_id, where, kind, expected_version)
            if stored is not None and not stored.policy.is_empty:
                stored = await self._put(tx, tenant_id, where, kind, RoutingPolicy(), stored, by)
                log.info("registry.routing.removed", tenant_id=tenant_id, environment=where, category=kind)
            return self._view(kind, where, stored, await _all(tx))

    async def explain(self, tenant_id: str, environment: str, category: str, request: RoutingRequest) -> Explanation:
        """Where an operation like this would go, by the function that the workers use. Raises InvalidRequest."""
        where, kind = environment_of(environment), category_of(category)
        async with tenant_transaction(self._engine, tenant_id, where) as tx:
            stored = await repository.find(tx, kind)
            present = await connections.list_all(tx, kind)
            off = {(switch.category, switch.provider) for switch in await switches.list_all(tx)}
        policy = None if stored is None or stored.policy.is_empty else stored.policy
        candidates = [self._candidate(connection, off) for connection in present]
        decision = decide(policy, candidates, request)
        error = None
        if not decision.candidates:
            error = refusal_of(decision, candidates, request, category=kind, environment=where)
        labels = {connection.id: connection.label for connection in present}
        return Explanation(kind, where, decision, shares_of(policy, decision), labels, error)

    def _candidate(self, connection: Connection, off: set[tuple[str, str]]) -> Candidate:
        return candidate_of(
            self._catalogue.find(connection.category, connection.provider),
            connection_id=connection.id,
            provider=connection.provider,
            enabled=connection.enabled,
            switched_off=is_off(connection.category, connection.provider, off),
            instead=self._catalogue.instead(connection.category, connection.provider),
        )

    async def _lock(
        self, tx: AsyncConnection, tenant_id: str, environment: Environment, category: Category, expected: int | None
    ) -> StoredPolicy | None:
        """What is there, while nobody else changes it."""
        await connections.lock_route(tx, tenant_id, environment, category)
        stored = await repository.find(tx, category)
        version = 0 if stored is None else stored.policy.version
        if expected is not None and expected != version:
            raise Conflict(
                f"The policy has changed: its version is {version}, you are replacing version {expected}. Read it again.",
                code="VERSION_CONFLICT",
            )
        return stored

    async def _put(
        self,
        tx: AsyncConnection,
        tenant_id: str,
        environment: Environment,
        category: Category,
        policy: RoutingPolicy,
        before: StoredPolicy | None,
        by: Actor,
    ) -> StoredPolicy:
        now = self._clock.now()
        version = (0 if before is None else before.policy.version) + 1
        stored = StoredPolicy(category, policy.model_copy(update={"version": version}), now, f"{by.kind}:{by.id}")
        await repository.put(tx, tenant_id, environment, stored)
        await append(tx, route_changed(tenant_id, environment, category, now))
        await self._audit.record(
            tx,
            by,
            "routing.removed" if policy.is_empty else "routing.updated",
            tenant_id=tenant_id,
            environment=environment,
            target=("routing", category),
            before=None if before is None else before.policy.model_dump(mode="json", exclude_defaults=True),
            after=stored.policy.model_dump(mode="json", exclude_defaults=True),
        )
        return stored

    def _check(self, policy: RoutingPolicy, category: Category, present: Sequence[Connection]) -> None:
        if len(policy.to_bytes()) > _MOST_BYTES:
            raise InvalidRequest.of("rules", f"are more than {_MOST_BYTES // 1024} KiB in all")
        problems = problems_with(policy, category, _by_id(present), self._providers(category))
        if problems:
            raise InvalidRequest(f"{problems[0].field} {problems[0].message}.", errors=tuple(problems))

    def _view(
        self, category: Category, environment: Environment, stored: StoredPolicy | None, present: Sequence[Connection]
    ) -> CategoryRouting:
        policy = stored.policy if stored is not None else RoutingPolicy()
        warnings = problems_with(policy, category, _by_id(present), self._providers(category))
        own = [one for one in present if one.category == category and one.disconnected_at is None]
        return CategoryRouting(category, environment, stored, own, warnings)

    def _providers(self, category: Category) -> frozenset[str]:
        return frozenset(entry["id"] for entry in self._catalogue.entries() if entry["category"] == category)


def category_of(value: str) -> Category:
    if value not in CATEGORIES:
        raise InvalidRequest.of("category", f"must be one of {', '.join(CATEGORIES)}")
    return value


async def _all(tx: AsyncConnection) -> list[Connection]:
    """Also the disconnected ones, so that what names them is told apart from what names nothing."""
    return await connections.list_all(tx, disconnected=True)


def _by_id(present: Sequence[Connection]) -> Mapping[str, Connection]:
    return {connection.id: connection for connection in present}
