"""One sandbox for all email providers, and the address that calls them back."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from tests.providers.email.lab import asking
from tests.providers.email.openapi import specs as folder
from tests.providers.payments.inbox import Inbox, serving

from onerouter_sandbox.app import create_app
from onerouter_sandbox.settings import Settings


@pytest.fixture(scope="session")
async def inbox() -> AsyncIterator[Inbox]:
    made = Inbox()
    async with serving(made) as made.url:
        yield made


@pytest.fixture(scope="session")
async def sandbox_url() -> AsyncIterator[str]:
    async with serving(create_app(Settings())) as url:
        yield url


@pytest.fixture(scope="session")
async def control(sandbox_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with asking(sandbox_url) as opened:
        yield opened


@pytest.fixture(scope="session")
def specs() -> Path:
    """The reference folder with the providers' own files; it is not part of the repository."""
    if not (folder() / "messaging-webhook-vectors.json").is_file():
        pytest.skip("no specs folder: set ONEROUTER_SPECS_DIR")
    return folder()
