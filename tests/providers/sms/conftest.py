"""The sandbox on a real port, a pool as in a worker, and a place where callbacks arrive: one of each for all SMS tests."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from tests.providers.payments.inbox import serving
from tests.providers.sms.lab import Inbox

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
    async with serving(create_app(Settings())) as url:
        yield url


@pytest.fixture(scope="session")
async def pool() -> AsyncIterator[httpx.AsyncBaseTransport]:
    """As in a worker: one pool for all accounts."""
    async with open_pool() as opened:
        yield opened


@pytest.fixture(scope="session")
async def control(sandbox_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"{sandbox_url}/control", trust_env=False) as opened:
        yield opened


@pytest.fixture(scope="session")
def specs() -> Path:
    """The reference folder with the providers' own files; it is not part of the repository."""
    repository = Path(__file__).resolve().parents[3]
    folder = Path(os.environ.get("ONEROUTER_SPECS_DIR", repository.parent / "shared" / "specs"))
    if not (folder / "messaging-webhook-vectors.json").is_file():
        pytest.skip("no specs folder: set ONEROUTER_SPECS_DIR")
    return folder
