"""What every simulator is given, and what it must offer to be mounted."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from fastapi import APIRouter

from onerouter_sandbox.callbacks import CallbackSender
from onerouter_sandbox.clock import Clock, Clocks, Timers
from onerouter_sandbox.faults import Faults
from onerouter_sandbox.journal import Journal
from onerouter_sandbox.ledger import Ledger
from onerouter_sandbox.wire import Simulator


@dataclass(frozen=True, slots=True)
class World:
    """The provider-neutral parts, shared by all simulators."""

    clock: Clock
    """Real time: signatures, tokens, retries."""
    clocks: Clocks
    """Each account's own time: what its objects say, when its periods, trials and links end."""
    timers: Timers
    faults: Faults
    ledger: Ledger
    callbacks: CallbackSender
    journal: Journal
    roots_file: Path | None = None
    """Where a simulator that signs with certificates writes the root that vouches for them."""


class Provider(Simulator, Protocol):
    """One provider's folder, as `app.py` sees it."""

    @property
    def wire_prefixes(self) -> tuple[str, ...]:
        """Paths that belong to the provider's API, as `/razorpay/v1/`."""
        ...

    def register(self, accounts: Iterable[Mapping[str, Any]]) -> None:
        """Accounts from the settings; raises `pydantic.ValidationError`."""
        ...

    def has_account(self, account_id: str) -> bool:
        """Whether an account is registered under the id that `world.clocks`, faults and the ledger know it by."""
        ...

    def resume(self) -> None:
        """Take up what was waiting when the last run ended. Called once, on the running loop."""
        ...

    def control(self) -> APIRouter:
        """Routes under `/control/<name>`."""
        ...

    def pages(self) -> APIRouter:
        """Routes under `/<name>` that people open in a browser."""
        ...
