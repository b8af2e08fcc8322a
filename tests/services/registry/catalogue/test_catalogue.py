"""What can be connected is public, cacheable, and follows what is installed and what operators switch off."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr
from tests.providers import example
from tests.services.registry.conftest import Registry, opened, serving

from onerouter_common.errors import NotFound
from onerouter_local.testing import Cluster
from onerouter_providers.loader import Providers
from onerouter_registry.admin import open_admin
from onerouter_registry.catalogue.directory import Directory
from onerouter_registry.catalogue.service import Catalogue
from onerouter_registry.switch.model import Switch, Switchable


@pytest.fixture(scope="module", autouse=True)
def acme(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A provider of somebody else's, installed beside ours."""
    site = example.build(tmp_path_factory.mktemp("example"))
    with example.installed(site):
        yield site


@pytest.fixture(scope="module")
async def registry(acme: Path, postgres: Cluster) -> AsyncIterator[Registry]:
    made = await postgres.create("registry")
    async with opened(made) as one:
        yield one
    await postgres.drop(made)


@pytest.fixture(scope="module")
async def http(registry: Registry) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        serving(registry.settings) as transport,
        httpx.AsyncClient(base_url="http://registry", transport=transport) as client,
    ):
        yield client


class TestCatalogue:
    async def test_needs_no_authentication_and_has_all_that_is_installed(self, http: httpx.AsyncClient) -> None:
        catalogue = (await http.get("/api/catalogue")).json()
        assert {("payments", "razorpay"), ("sms", "acme")} <= {
            (entry["category"], entry["id"]) for entry in catalogue["data"]
        }
        assert (catalogue["has_more"], catalogue["next_cursor"]) == (False, None)
        categories = {one["id"]: one for one in catalogue["categories"]}
        assert list(categories) == ["payments", "sms", "email", "storage"]
        assert (categories["sms"]["display_name"], categories["sms"]["providers"]) == ("SMS", 3)
        assert categories["storage"]["providers"] == 2

    async def test_an_entry_has_what_a_form_a_card_and_a_price_list_need(self, http: httpx.AsyncClient) -> None:
        acme = (await http.get("/api/catalogue/sms/acme")).json()
        assert acme["display_name"] == "Acme Messages"
        assert acme["color"] == "#D9480F"
        assert acme["docs_url"] == "https://acme.example/docs"
        assert (acme["countries"], acme["currencies"]) == (["US"], ["USD"])
        assert [(field["key"], field["sensitive"]) for field in acme["credentials"]] == [
            ("account", False),
            ("token", True),
        ]
        assert acme["credentials"][0]["pattern"] == "^acct_[a-z0-9]{8}$"
        assert acme["credentials"][0]["help"]
        assert [(one["name"], one["idempotency"], one["guarantee"]) for one in acme["capabilities"]] == [
            ("sms.send", "native", "exactly_once"),
            ("sms.get", "lookup", "exactly_once"),
        ]
        assert acme["unsupported"]["sms.cancel"]
        assert [(price["fixed_minor"], price["when"]["countries"]) for price in acme["cost"]] == [
            (0.79, ["US", "CA"]),
            (4.2, None),
        ]
        assert acme["cost"][0]["source"] == "https://acme.example/prices"
        assert (acme["available"], acme["unavailable_reason"]) == (True, None)

    async def test_says_nothing_of_where_apis_are(self, http: httpx.AsyncClient) -> None:
        text = (await http.get("/api/catalogue")).text
        for address in (
            '"base_url',
            "api.acme.example",
            "sandbox.acme.example",
            "api.razorpay.com",
            "amazonaws.com",
            "timeout_s",
        ):
            assert address not in text

    async def test_one_category(self, http: httpx.AsyncClient) -> None:
        catalogue = (await http.get("/api/catalogue?category=sms")).json()
        assert [entry["id"] for entry in catalogue["data"]] == ["acme", "sns", "twilio"]
        assert [one["id"] for one in catalogue["categories"]] == ["sms"]
        assert (await http.get("/api/catalogue?category=fax")).status_code == 422

    @pytest.mark.parametrize("path", ["sms/razorpay", "fax/acme", "sms/%00", "sms/%F0%9F%94%91", "%2e%2e/acme"])
    async def test_what_is_not_installed_is_not_found(self, http: httpx.AsyncClient, path: str) -> None:
        assert (await http.get(f"/api/catalogue/{path}")).status_code == 404

    @pytest.mark.parametrize("path", ["/api/catalogue", "/api/catalogue/payments/razorpay"])
    async def test_is_not_sent_twice(self, http: httpx.AsyncClient, path: str) -> None:
        first = await http.get(path)
        tag = first.headers["etag"]
        assert first.headers["cache-control"].startswith("public, max-age=")
        for condition in (tag, f'"other", W/{tag}', "*"):
            again = await http.get(path, headers={"If-None-Match": condition})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert (await http.get(path, headers={"If-None-Match": '"other"'})).status_code == 200


class TestSwitchedOff:
    async def test_a_provider_or_its_category_is_unavailable_and_says_why(self, registry: Registry) -> None:
        switches = registry.admin.switches
        directory = Directory(Catalogue(Providers.load()), switches.list, held_s=0)
        before = (await directory.all()).model_dump_json()
        await switches.disable("sms", "acme", "Acme is moving.")
        acme = await directory.get("sms", "acme")
        assert (acme.available, acme.unavailable_reason) == (False, "Acme is moving.")
        assert (await directory.get("payments", "razorpay")).available

        await switches.disable("payments", "*", "Closed for today.")
        catalogue = await directory.all("payments")
        assert {one.unavailable_reason for one in catalogue.categories} == {"Closed for today."}
        assert {one.unavailable_reason for one in catalogue.data} == {"Closed for today."}

        await switches.enable("sms", "acme")
        await switches.enable("payments", "*")
        assert (await directory.all()).model_dump_json() == before

    async def test_the_database_is_asked_once_however_many_ask(self) -> None:
        asked = 0

        async def switches() -> list[Switchable]:
            nonlocal asked
            asked += 1
            await asyncio.sleep(0)
            switch = Switch("sms", "acme", "Away.", "ada@example.com", datetime.now(UTC))
            return [Switchable("sms", "acme", "Acme", switch), Switchable("sms", "*", "sms", None)]

        directory = Directory(Catalogue(Providers.load()), switches, held_s=60)
        answers = await asyncio.gather(*(directory.get("sms", "acme") for _ in range(50)))
        assert asked == 1
        assert {answer.unavailable_reason for answer in answers} == {"Away."}

    async def test_a_question_that_failed_is_asked_again(self) -> None:
        failures = [OSError("away")]

        async def switches() -> list[Switchable]:
            if failures:
                raise failures.pop()
            return []

        directory = Directory(Catalogue(Providers.load()), switches, held_s=60)
        with pytest.raises(OSError, match="away"):
            await directory.all()
        assert (await directory.get("sms", "acme")).available
        with pytest.raises(NotFound):
            await directory.get("sms", "nobody")


class TestSomebodyElsesProvider:
    """Nothing of ours knows Acme, and yet it is connected and asked like any other."""

    TOKEN = "the-token-of-acme-0123"

    async def answer(self, request: web.Request) -> web.Response:
        fits = request.headers.get("Authorization") == f"Bearer {self.TOKEN}"
        return web.json_response({} if fits else {"error": "unauthorized"}, status=200 if fits else 401)

    async def test_is_connected_and_its_credentials_are_proved(self, registry: Registry) -> None:
        app = web.Application()
        app.router.add_get("/v2/accounts/{account}", self.answer)
        tenant = await registry.admin.tenants.create("Acme's customer")
        async with TestServer(app) as server:
            address = str(server.make_url("/"))
            settings = registry.settings.model_copy(update={"provider_base_urls": {"acme": address}})
            async with open_admin(settings) as admin:
                assert await self.connected(admin, tenant.id, self.TOKEN) is None
                problem = await self.connected(admin, tenant.id, "of-somebody-else-01", label="second")
        assert problem == "Acme refused the account or its token."

    async def connected(self, admin: Any, tenant_id: str, token: str, label: str = "default") -> str | None:
        """What the provider says against the credentials."""
        credentials = {"account": SecretStr("acct_4f9c2a7e"), "token": SecretStr(token)}
        made = await admin.connections.connect(tenant_id, "test", "acme", credentials, category="sms", label=label)
        problem: str | None = await admin.verification.verify(tenant_id, "test", made.connection.id)
        return problem
