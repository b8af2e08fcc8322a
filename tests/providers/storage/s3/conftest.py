"""Amazon S3 at the sandbox: an access key and a bucket of its own for each test."""

import itertools

import httpx
import pytest
from tests.providers.storage.lab import StorageLab

_accounts = itertools.count(1)


@pytest.fixture
async def lab(sandbox_url: str, pool: httpx.AsyncBaseTransport, control: httpx.AsyncClient) -> StorageLab:
    number = next(_accounts)
    made = StorageLab(
        "s3",
        sandbox_url,
        pool,
        control,
        {
            "access_key_id": f"AKIALAB{number:013d}",
            "secret_access_key": "s3cretOfTheLab/0123456789abcdefghijklmno",
            "region": "eu-central-1",
            "bucket": f"lab.bucket-{number}",
            "prefix": "tenants/one/",
            "public_base_url": "https://cdn.example.org/files",
        },
        {"access_key_id": "AKIANOBODYSKEY000000", "secret_access_key": "wr0ngSecretOfNobody/00000000000000000000"},
    )
    await made.register()
    return made
