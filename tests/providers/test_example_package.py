"""A provider of somebody else's: installed, it is there like ours, and nothing of ours was changed for it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr
from tests.providers import example

from onerouter_common.errors import InvalidRequest, ProviderRefusedUs
from onerouter_common.worker.handler import Idempotency
from onerouter_providers.cost import find_cost
from onerouter_providers.http import open_pool
from onerouter_providers.loader import ProviderPackage, Providers

TOKEN = "the-token-of-acme-0123"
CREDENTIALS = {"account": SecretStr("acct_4f9c2a7e"), "token": SecretStr(TOKEN)}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    made = example.build(tmp_path_factory.mktemp("example"))
    with example.installed(made):
        yield made


@pytest.fixture
def acme(site: Path) -> ProviderPackage:
    found = Providers.load().find("sms", "acme")
    assert found is not None
    return found


async def answer(request: web.Request) -> web.Response:
    """Acme, as its documentation has it."""
    if request.headers.get("Authorization") != f"Bearer {TOKEN}":
        return web.json_response({"error": "unauthorized"}, status=401)
    if request.method == "GET":
        return web.json_response({"account": request.match_info["account"]})
    return web.json_response({"id": f"msg-{request.headers['Idempotency-Key']}"}, status=201)


def test_ours_are_still_there(acme: ProviderPackage) -> None:
    assert {"payments.razorpay", "sms.acme"} <= {package.name for package in Providers.load()}
    assert acme.webhook is None


def test_its_facts_are_read(acme: ProviderPackage) -> None:
    send = acme.manifest.find_capability("sms.send")
    assert send is not None
    assert (send.idempotency, send.guarantee) == (Idempotency.NATIVE, "exactly_once")
    prices = {
        country: find_cost(acme.manifest.cost, "sms.send", currency="USD", country=country) for country in ("US", "IN")
    }
    assert {country: price.fixed_minor for country, price in prices.items() if price} == {
        "US": Decimal("0.79"),
        "IN": Decimal("4.2"),
    }


def test_its_credentials_are_checked(acme: ProviderPackage) -> None:
    acme.manifest.check_credentials({"account": "acct_4f9c2a7e", "token": TOKEN}, "live")
    with pytest.raises(InvalidRequest) as refused:
        acme.manifest.check_credentials({"account": "4f9c2a7e"}, "live")
    assert [error.field for error in refused.value.errors] == ["credentials.account", "credentials.token"]


async def test_it_is_called(acme: ProviderPackage) -> None:
    app = web.Application()
    app.router.add_route("*", "/v2/accounts/{account}{rest:.*}", answer)
    async with TestServer(app) as server, open_pool() as pool:
        address = str(server.make_url("/"))
        client = acme.open(CREDENTIALS, http=pool, environment="test", base_url=address)
        await client.probe()
        assert await client.send_sms("+15550100", "Hello", key="k1") == "msg-k1"
        wrong = acme.open(
            CREDENTIALS | {"token": SecretStr("of-somebody-else-01")}, http=pool, environment="test", base_url=address
        )
        with pytest.raises(ProviderRefusedUs, match="account or its token"):
            await wrong.probe()


def test_another_process_finds_it_too(site: Path) -> None:
    code = "from onerouter_providers.loader import Providers; print(*(one.name for one in Providers.load()))"
    environment = os.environ | {"PYTHONPATH": str(site)}
    ran = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert "sms.acme" in ran.stdout.split()
