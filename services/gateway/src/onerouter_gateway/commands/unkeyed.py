"""Repeats without an idempotency key, by clients in the field that retry without one.

When such a client vanished before it got its answer, or its first call is still in flight or unknown, an identical
request within two minutes joins the first operation. A delivered answer ends that: a second call on purpose goes out.
Kept in Redis, so that any instance can join; without Redis there is no joining, as without this module.
"""

import asyncio
import secrets
from typing import Any, Final, Self

import structlog
from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import RedisError

from onerouter_common.contracts.base import Environment

log = structlog.get_logger()

_CLIENTS: Final = ("onerouter-python/1.0.0", "OneRouter-SDK/0.1.0 Node.js")
_JOIN_S: Final = 120
_CONNECTIONS: Final = 64
_PREFIX: Final = "onerouter:unkeyed:"
# Only the operation whose answer was delivered is forgotten, not one that has begun since.
_FORGET: Final = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


def retries_without_key(user_agent: str) -> bool:
    """Whether this is one of the published clients that repeat a request without a key."""
    return user_agent.startswith(_CLIENTS)


class UnkeyedRepeats:
    """Gives identical requests one key of ours; no caller can send such a key, as theirs are printable."""

    def __init__(self, url: str, *, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        # Whoever finds all connections in use waits for one: without an answer a repeat would not be known as one.
        pool = BlockingConnectionPool.from_url(
            url, max_connections=_CONNECTIONS, timeout=timeout_s, decode_responses=True
        )
        self._redis: Any = Redis.from_pool(pool)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._redis.aclose()

    async def join(self, tenant_id: str, environment: Environment, fingerprint: str) -> str | None:
        """The key of the first of these requests, perhaps this one. None when Redis cannot be asked."""
        mine = f"\x00{secrets.token_hex(16)}"
        try:
            async with asyncio.timeout(self._timeout_s):
                first = await self._redis.set(
                    _name(tenant_id, environment, fingerprint), mine, nx=True, get=True, ex=_JOIN_S
                )
        except (RedisError, TimeoutError, OSError) as error:
            log.warning("unkeyed.redis.away", error=type(error).__name__)
            return None
        return str(first) if first is not None else mine

    async def first(self, tenant_id: str, environment: Environment, fingerprint: str) -> str | None:
        """The key of one that came before and got no answer; None: there is none, or Redis cannot be asked."""
        try:
            async with asyncio.timeout(self._timeout_s):
                found = await self._redis.get(_name(tenant_id, environment, fingerprint))
        except (RedisError, TimeoutError, OSError) as error:
            log.warning("unkeyed.redis.away", error=type(error).__name__)
            return None
        return None if found is None else str(found)

    async def delivered(self, tenant_id: str, environment: Environment, fingerprint: str, key: str) -> None:
        """The caller has its final answer: the next identical request is a new one."""
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._redis.eval(_FORGET, 1, _name(tenant_id, environment, fingerprint), key)
        except (RedisError, TimeoutError, OSError) as error:
            log.warning("unkeyed.redis.away", error=type(error).__name__)


def _name(tenant_id: str, environment: Environment, fingerprint: str) -> str:
    return f"{_PREFIX}{tenant_id}:{environment}:{fingerprint}"
