"""Cloudflare R2 at the sandbox: an access key and a bucket of its own for each test."""

import itertools

import httpx
import pytest
from tests.providers.storage.lab import StorageLab

_accounts = itertools.count(1)


@pytest.fixture
async def lab(sandbox_url: str, pool: httpx.AsyncBaseTransport, control: httpx.AsyncClient) -> StorageLab:
    number = next(_accounts)
    made = StorageLab(
        "r2",
        sandbox_url,
        pool,
        control,
        {
            "access_key_id": f"{number:032x}",
            "secret_access_key": "5ec2e7" + "0123456789" * 5 + "abcdef01",
            "account_id": "0123456789abcdef0123456789abcdef",
            "bucket": f"lab-bucket-{number}",
        },
        {"access_key_id": "f" * 32, "secret_access_key": "badc0de" + "9876543210" * 5 + "fedcba9"},
    )
    await made.register()
    return made
