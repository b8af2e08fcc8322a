"""What the providers' tests share: a pool, the place where callbacks arrive, a simulator."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from tests.providers.payments.inbox import Inbox, asking, serving

from onerouter_providers.http import open_pool
from onerouter_sandbox.app import create_app
from onerouter_sandbox.settings import Settings


@pytest.fixture(scope="session")
async def inbox() -> AsyncIterator[Inbox]:
    """Where the sandbox's callbacks arrive."""
    made = Inbox()
    async with serving(made) as made.url:
        yield made


@pytest.fixture(scope="session")
async def sandbox_url() -> AsyncIterator[str]:
    """One sandbox for all tests of a process."""
    async with serving(create_app(Settings())) as url:
        yield url


@pytest.fixture(scope="session")
async def pool() -> AsyncIterator[httpx.AsyncBaseTransport]:
    """As in a worker: one pool for all accounts."""
    async with open_pool() as opened:
        yield opened


@pytest.fixture(scope="session")
async def control(sandbox_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with asking(sandbox_url) as opened:
        yield opened


@pytest.fixture(scope="session")
def specs_folder() -> Path:
    """The reference folder with the providers' own files; it is not part of the repository, and may be missing."""
    repository = Path(__file__).resolve().parents[3]
    return Path(os.environ.get("ONEROUTER_SPECS_DIR", repository.parent / "shared" / "specs"))
