"""What the vault stores of a data key, and what the two kinds are for."""

from dataclasses import dataclass
from enum import StrEnum

from onerouter_common.contracts.base import Environment


class Purpose(StrEnum):
    """Which keyring wraps a data key, and so which processes can open what it seals."""

    CREDENTIALS = "credentials"
    CALLBACKS = "callbacks"


@dataclass(frozen=True, slots=True)
class DataKeyRow:
    id: str
    wrapped: str


@dataclass(frozen=True, slots=True)
class OwnedDataKey:
    """A data key with whose it is."""

    id: str
    tenant_id: str
    environment: Environment
    purpose: Purpose
    wrapped: str

    @property
    def owner(self) -> tuple[str, str]:
        return self.tenant_id, self.environment
