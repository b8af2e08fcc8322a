"""What was answered with 202 a moment ago: noted in Redis for a minute, until the service that carries it out knows it.

The log has the command before we answer, and its service has stored it as a rule before anybody asks. Where it has not, this
says what it will. Without Redis nothing is noted, and such a question is answered 404.
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Self

import orjson
import structlog
from pydantic import TypeAdapter, ValidationError
from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import RedisError

from onerouter_common.contracts.base import Environment
from onerouter_common.contracts.commands import Command
from onerouter_common.operations.timeline import entries_of
from onerouter_common.operations.views import operation_view

log = structlog.get_logger()

_KEPT_S: Final = 60
_MOST_BYTES: Final = 8_192
"""Of one note, in which only the metadata can be long."""
_PREFIX: Final = "onerouter:accepted:"
_CONNECTIONS: Final = 64


@dataclass(frozen=True, slots=True)
class Noted:
    """One operation that was accepted."""

    id: str
    operation: str
    category: str
    resource_id: str
    environment: Environment
    api_key_id: str
    accepted_at: float
    """Unix seconds."""
    metadata: dict[str, Any]

    def view(self) -> dict[str, Any]:
        """As its service will show it."""
        return dict(operation_view(self._row(), ()))

    def timeline(self) -> dict[str, Any]:
        """The same of what happened: that it was accepted."""
        view = self.view()
        return {
            "object": "list",
            "operation_id": self.id,
            **{name: view[name] for name in ("status", "effect", "cost")},
            "data": [entry.view for entry in entries_of(self._row(), (), ())],
            "has_more": False,
            "next_cursor": None,
        }

    def _row(self) -> dict[str, Any]:
        at = datetime.fromtimestamp(self.accepted_at, UTC)
        said = {name: getattr(self, name) for name in ("id", "operation", "category", "resource_id", "environment")}
        nothing = dict.fromkeys(
            (
                "provider",
                "connection_id",
                "routing",
                "finished_at",
                "result",
                "problem",
                "effect_guarantee",
                "not_before",
            )
        )
        when = {"accepted_at": at, "created_at": at, "updated_at": at}
        known = {"state": "accepted", "provider_ms": 0.0, "api_key_id": self.api_key_id, "metadata": self.metadata}
        return {**nothing, **said, **when, **known}


_NOTED: Final = TypeAdapter(Noted)
"""Passes over what a newer release notes besides."""


class AcceptedCommands:
    """An asynchronous context manager."""

    def __init__(self, url: str, *, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        # Whoever finds all connections in use waits for one: each note is a moment's work.
        pool = BlockingConnectionPool.from_url(url, max_connections=_CONNECTIONS, timeout=timeout_s)
        self._redis: Any = Redis.from_pool(pool)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._redis.aclose()

    async def note(self, command: Command) -> None:
        """Called once the log has it, before the 202 that names it goes out."""
        value = _written(command)
        try:
            async with asyncio.timeout(self._timeout_s), self._redis.pipeline(transaction=False) as together:
                for id_ in (command.operation_id, command.resource_id):
                    together.set(_name(command.tenant_id, command.environment, id_), value, ex=_KEPT_S)
                await together.execute()
        except (RedisError, TimeoutError, OSError) as error:
            log.warning("accepted.redis.away", error=type(error).__name__)

    async def find(self, tenant_id: str, environment: Environment, id_: str) -> Noted | None:
        """By the operation's id, or its resource's. None: it was not accepted in this minute, or nobody can say so: Redis
        cannot be asked, or what it has is no note as we know them."""
        try:
            async with asyncio.timeout(self._timeout_s):
                found = await self._redis.get(_name(tenant_id, environment, id_))
        except (RedisError, TimeoutError, OSError) as error:
            log.warning("accepted.redis.away", error=type(error).__name__)
            return None
        if found is None:
            return None
        try:
            return _NOTED.validate_json(found)
        except ValidationError as error:
            log.warning("accepted.note.unknown", fields=[one["loc"] for one in error.errors(include_input=False)])
            return None


def _written(command: Command) -> bytes:
    common = command.payload.get("common")
    metadata = command.payload.get("metadata") or (common.get("metadata") if isinstance(common, dict) else None)
    noted = {
        "id": command.operation_id,
        "operation": command.operation,
        "category": command.category,
        "resource_id": command.resource_id,
        "environment": command.environment,
        "api_key_id": command.api_key_id,
        "accepted_at": command.accepted_at.timestamp(),
        "metadata": metadata or {},
    }
    written = orjson.dumps(noted)
    return written if len(written) <= _MOST_BYTES else orjson.dumps({**noted, "metadata": {}})


def _name(tenant_id: str, environment: Environment, id_: str) -> str:
    return f"{_PREFIX}{tenant_id}:{environment}:{id_}"
