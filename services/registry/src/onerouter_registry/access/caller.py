"""Who calls: an API key, or a person by session cookie or by a bearer token of a configured issuer."""

from dataclasses import dataclass

from onerouter_common.contracts.base import Environment
from onerouter_common.errors import NotPermitted
from onerouter_common.registry_client import Principal
from onerouter_registry.actor import Actor
from onerouter_registry.session.model import Role, Session


@dataclass(frozen=True, slots=True)
class Caller:
    """Someone who has proved who they are. What they may do is decided by `permissions`, for this environment."""

    actor: Actor
    environment: Environment
    permissions: frozenset[str]
    tenant_id: str | None = None
    """None: a person without a tenant (an operator, or someone who left their last one)."""
    tenant_status: str | None = None
    """Of a person's: asked where they act on it, so that a suspension keeps nobody from signing out or operating."""
    user_id: str | None = None
    role: Role | None = None
    is_operator: bool = False
    session: Session | None = None
    """Only where a session cookie was used."""
    scopes: frozenset[str] | None = None
    """Only of an API key: what it creates may not exceed them."""
    key: Principal | None = None
    """Only of an API key: all that bounds it."""

    def require(self, permission: str) -> None:
        """Raises NotPermitted, saying who may."""
        if permission not in self.permissions:
            what = f"in the {self.environment} environment " if permission.endswith(":write") else ""
            if self.scopes is not None:
                raise NotPermitted(f"This needs an API key with the scope {permission}.")
            raise NotPermitted(f"Your role does not permit {permission} {what}here; an owner or admin can change that.")


@dataclass(frozen=True, slots=True)
class TenantCaller:
    """A caller on the management API of one tenant: what endpoints take."""

    caller: Caller
    tenant_id: str

    @property
    def actor(self) -> Actor:
        return self.caller.actor

    @property
    def environment(self) -> Environment:
        return self.caller.environment
