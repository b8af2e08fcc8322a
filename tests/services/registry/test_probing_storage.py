"""Connecting a bucket asks the provider: one page of one key, so a token of that bucket alone is enough."""

from collections.abc import AsyncIterator, Mapping

import pytest
from pydantic import SecretStr
from tests.providers.payments.inbox import serving

from onerouter_providers.http import open_pool
from onerouter_providers.loader import Providers
from onerouter_registry.catalogue.service import Catalogue
from onerouter_registry.connection.probe import Prober
from onerouter_sandbox.app import create_app
from onerouter_sandbox.settings import Settings

S3 = {
    "access_key_id": "AKIAPROBE00000000000",
    "secret_access_key": "s3cretOfTheProbe/0123456789abcdefghijklm",
    "region": "eu-central-1",
    "bucket": "probed",
}
R2 = {
    "access_key_id": "0" * 32,
    "secret_access_key": "5ec2e7" + "0123456789" * 5 + "abcdef01",
    "account_id": "1" * 32,
    "bucket": "probed",
}
SHARED = ("access_key_id", "secret_access_key")
WRONG = {"s3": "wr0ngSecretOfNobody/00000000000000000000", "r2": "badc0de" + "9876543210" * 5 + "fedcba9"}


@pytest.fixture(scope="module")
async def prober() -> AsyncIterator[Prober]:
    accounts = {
        "s3": ({**{name: S3[name] for name in (*SHARED, "region")}, "buckets": ["probed"]},),
        "r2": ({**{name: R2[name] for name in SHARED}, "region": "auto", "buckets": ["probed"]},),
    }
    async with serving(create_app(Settings(accounts=accounts))) as url, open_pool() as pool:
        base_urls = {name: f"{url}/{name}/v1" for name in ("s3", "r2")}
        yield Prober(Catalogue(Providers.load()), pool, base_urls, 60)


@pytest.mark.parametrize(("provider", "good"), [("s3", S3), ("r2", R2)])
class TestProbe:
    async def ask(self, prober: Prober, provider: str, credentials: Mapping[str, str]) -> str | None:
        sealed = {name: SecretStr(value) for name, value in credentials.items()}
        return await prober.ask("storage", provider, "test", sealed)

    async def test_a_bucket_that_may_be_used_is_accepted(
        self, prober: Prober, provider: str, good: dict[str, str]
    ) -> None:
        assert await self.ask(prober, provider, good) is None
        assert await self.ask(prober, provider, {**good, "prefix": "nothing/here/"}) is None

    async def test_no_other_is_and_no_secret_is_told(self, prober: Prober, provider: str, good: dict[str, str]) -> None:
        for changes in ({"bucket": "nobodys"}, {"secret_access_key": WRONG[provider]}, {"access_key_id": "f" * 32}):
            why = await self.ask(prober, provider, {**good, **changes})
            assert why
            assert not [text for text in (good["secret_access_key"], WRONG[provider]) if text in why]

    async def test_a_bucket_that_is_not_there_is_said(
        self, prober: Prober, provider: str, good: dict[str, str]
    ) -> None:
        why = await self.ask(prober, provider, {**good, "bucket": "nobodys"})
        assert "bucket does not exist" in (why or "")
