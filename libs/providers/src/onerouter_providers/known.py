"""What is known of a tenant's connections without opening their credentials."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KnownConnection:
    id: str
    provider: str
    public: Mapping[str, str]
    """What of its credentials is no secret: the bucket that it has, say."""
    enabled: bool
    switched_off: bool
    """The operator keeps new operations from its provider, or from the category."""

    @property
    def takes_new(self) -> bool:
        return self.enabled and not self.switched_off
