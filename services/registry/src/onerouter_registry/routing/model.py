"""A category's routing as its tenant sees it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from onerouter_common.contracts.base import Category, Environment
from onerouter_common.contracts.routing import RoutingPolicy
from onerouter_common.errors import FieldError, OneRouterError
from onerouter_common.routing.decision import Decision
from onerouter_registry.connection.model import Connection


@dataclass(frozen=True, slots=True)
class StoredPolicy:
    category: Category
    policy: RoutingPolicy
    updated_at: datetime
    updated_by: str
    """`user:usr_…`: the actor's kind and id."""


@dataclass(frozen=True, slots=True)
class CategoryRouting:
    category: Category
    environment: Environment
    stored: StoredPolicy | None
    """None: nobody ever made a policy."""
    connections: Sequence[Connection]
    """The connected ones, in order of priority."""
    warnings: Sequence[FieldError]
    """What the policy says that could not be said now: a connection it names was disconnected, say."""

    @property
    def policy(self) -> RoutingPolicy:
        return self.stored.policy if self.stored is not None else RoutingPolicy()


@dataclass(frozen=True, slots=True)
class Explanation:
    """What would become of a hypothetical operation."""

    category: Category
    environment: Environment
    decision: Decision
    shares: dict[str, float]
    """By connection: which part of the operations like this one tries it first, 0 to 1."""
    labels: dict[str, str]
    """By connection."""
    error: OneRouterError | None
    """What its caller would be told, where no connection can take it."""
