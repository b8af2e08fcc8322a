"""The same at moto's server: somebody else's idea of S3. It checks no signature and no time, and takes no faults."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx
import pytest
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import ClientError
from pydantic import SecretStr
from tests.providers.storage.lab import new_folder, package

from onerouter_providers.storage.s3_protocol.client import S3Objects
from onerouter_providers.testing.objects_suite import Act, Fault, ObjectsSuite

BUCKET: Final = "moto-bucket"
SECRET: Final = "s3cretOfTheLab/0123456789abcdefghijklmno"


@dataclass(frozen=True)
class MotoLab:
    """An `ObjectsLab` without faults; `books`: a client of AWS's own kind."""

    url: str
    pool: httpx.AsyncBaseTransport
    books: Any
    secrets: tuple[str, ...] = (SECRET,)
    part_bytes_least: int = 5 * 1024**2

    @property
    def wrong_credentials(self) -> Mapping[str, str]:
        return {"secret_access_key": "wr0ngSecretOfNobody/00000000000000000000"}

    def client(
        self, *, timeout_s: float = 30.0, base_url: str | None = None, credentials: Mapping[str, str] | None = None
    ) -> S3Objects:
        given = {
            "access_key_id": "AKIAMOTO000000000001",
            "secret_access_key": SECRET,
            "region": "us-east-1",
            "bucket": BUCKET,
            "prefix": "tenants/one/",
            **(credentials or {}),
        }
        client: S3Objects = package("s3").open(
            {name: SecretStr(value) for name, value in given.items()},
            http=self.pool,
            environment="test",
            base_url=base_url or self.url,
            timeout_s=timeout_s,
        )
        return client

    def folder(self) -> str:
        return new_folder()

    async def content_of(self, key: str) -> bytes | None:
        try:
            answer = await self.books.get_object(Bucket=BUCKET, Key=f"tenants/one/{key}")
        except ClientError as error:
            assert error.response["Error"]["Code"] == "NoSuchKey"
            return None
        return bytes(await answer["Body"].read())

    async def writes(self, reference: str) -> int:
        raise AssertionError(f"moto keeps no ledger, nor of {reference}")

    async def fault(self, fault: Fault, act: Act) -> None:
        raise AssertionError(f"moto takes no faults: {fault} of {act}")

    async def advance(self, seconds: float) -> None:
        raise AssertionError(f"moto has no clock to move by {seconds}")


@pytest.fixture(scope="module")
async def lab(pool: httpx.AsyncBaseTransport, moto_url: str) -> AsyncIterator[MotoLab]:
    async with get_session().create_client(
        "s3",
        region_name="us-east-1",
        endpoint_url=moto_url,
        aws_access_key_id="AKIA",
        aws_secret_access_key="s",
        config=AioConfig(s3={"addressing_style": "path"}),
    ) as books:
        await books.create_bucket(Bucket=BUCKET)
        yield MotoLab(moto_url, pool, books)


class TestS3AtMoto(ObjectsSuite):
    is_strict = False
