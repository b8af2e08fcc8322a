"""What is to be done: from a validated request to ids, fingerprint and command. Pure but for fresh ids and the time."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from onerouter_common.contracts.base import Category, Environment
from onerouter_common.contracts.commands import Command
from onerouter_common.ids import COMMAND, OPERATION, derive_id, new_id
from onerouter_common.registry_client import Principal


@dataclass(frozen=True, slots=True)
class Intent:
    """One operation somebody asks for."""

    operation: str
    category: Category
    route: str
    """Method and path with our own resource id in it: part of the fingerprint."""
    canonical: Mapping[str, Any]
    """What was asked, without defaults: the same request has the same one, however it was written."""
    payload: Mapping[str, Any]
    resource_prefix: str | None = None
    """Prefix of the id of the resource that is made; None when `resource_id` is changed."""
    resource_id: str | None = None
    ordering_key: str | None = None
    """None: the resource itself."""
    priority: int = 0
    """1: bulk, which lets others go first."""
    units: int = 1
    """Operations that it is counted as: a bulk send is one for each message."""
    is_joined: bool = True
    """Whether a repeat without a key, by a client that repeats without one, is this operation again. Not where a state is
    set: to set it twice does no harm, but to answer the first again after another has set it would lose the last."""

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.route, self.canonical)


def fingerprint(route: str, canonical: Mapping[str, Any]) -> str:
    """Hex SHA-256 of the route and the canonical body."""
    try:
        body = orjson.dumps(canonical, option=orjson.OPT_SORT_KEYS, default=str)
    except TypeError:  # an integer beyond 64 bits, somewhere in what is looked at later, or never
        body = json.dumps(canonical, sort_keys=True, default=str).encode()
    return hashlib.sha256(route.encode() + b"\n" + body).hexdigest()


def operation_id(secret: bytes, principal: Principal, environment: Environment, key: str | None) -> str:
    """The same for the same tenant, environment and idempotency key; a new one without a key."""
    if key is None:
        return new_id(OPERATION)
    return derive_id(OPERATION, secret, principal.tenant_id, environment, key)


def command_of(
    intent: Intent,
    *,
    secret: bytes,
    principal: Principal,
    environment: Environment,
    key: str | None,
    now: datetime,
) -> Command:
    """The command that carries the intent out. A repeat under the same key differs only in its command id."""
    resource_id = intent.resource_id or _new_resource_id(intent, secret, principal, environment, key)
    # Every part is checked already; checking the payload again would cost as much as checking the request did.
    return Command.model_construct(
        command_id=new_id(COMMAND),
        operation_id=operation_id(secret, principal, environment, key),
        operation=intent.operation,
        tenant_id=principal.tenant_id,
        environment=environment,
        category=intent.category,
        resource_id=resource_id,
        ordering_key=intent.ordering_key or resource_id,
        fingerprint=intent.fingerprint,
        payload=dict(intent.payload),
        api_key_id=principal.api_key_id,
        accepted_at=now,
        priority=intent.priority,
    )


def _new_resource_id(
    intent: Intent, secret: bytes, principal: Principal, environment: Environment, key: str | None
) -> str:
    if intent.resource_prefix is None:
        raise ValueError(f"{intent.operation} neither makes a resource nor names one")
    if key is None:
        return new_id(intent.resource_prefix)
    return derive_id(intent.resource_prefix, secret, principal.tenant_id, environment, key)
