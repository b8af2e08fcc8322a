"""The sandbox on a real port and a pool as in a worker: one of each for all storage tests."""

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.providers.payments.inbox import asking, serving

from onerouter_providers.http import open_pool
from onerouter_sandbox.app import create_app
from onerouter_sandbox.settings import Settings


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
    async with asking(sandbox_url) as opened:
        yield opened


@pytest.fixture(scope="session")
def vectors() -> dict[str, Any]:
    """Addresses signed by botocore and by AWS; the file is not part of the repository."""
    repository = Path(__file__).resolve().parents[3]
    folder = Path(os.environ.get("ONEROUTER_SPECS_DIR", repository.parent / "shared" / "specs"))
    if not (folder / "storage-presign-vectors.json").is_file():
        pytest.skip("no specs folder: set ONEROUTER_SPECS_DIR")
    return dict(json.loads((folder / "storage-presign-vectors.json").read_text()))
