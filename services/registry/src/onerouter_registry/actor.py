"""Who changes something, and from where: what the audit log says of every change."""

from dataclasses import dataclass
from typing import Final, Literal

ActorKind = Literal["user", "api_key", "operator", "command_line", "system"]


@dataclass(frozen=True, slots=True)
class Actor:
    """`operator` is a person of the installation acting on any tenant, `system` the registry itself."""

    kind: ActorKind
    id: str
    name: str | None = None
    """For people: an email address, a key's name."""
    ip: str | None = None
    user_agent: str | None = None
    request_id: str | None = None


SYSTEM: Final = Actor("system", "registry")
COMMAND_LINE: Final = Actor("command_line", "onerouter admin")
