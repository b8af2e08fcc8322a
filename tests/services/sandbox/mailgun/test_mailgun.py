"""Mailgun's simulator by itself: keys, what is refused, pages of events, what outlives a restart."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.providers.payments.inbox import serving

from onerouter_sandbox.app import create_app
from onerouter_sandbox.settings import Settings

KEY = "key-of-the-account-01"
DOMAIN = "mg.example.com"
FORM = {"from": "shop@mg.example.com", "to": "a@example.net", "subject": "Hi", "text": "Hello"}


@asynccontextmanager
async def running(**settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    account = {"domain": DOMAIN, "api_key": KEY, "sending_key": "key-that-only-sends", "delivery_delay_s": 0}
    accounts = {"mailgun": ({**account, **settings.pop("account", {})},)}
    async with (
        serving(create_app(Settings(accounts=accounts, **settings))) as url,
        httpx.AsyncClient(base_url=url, auth=("api", KEY), trust_env=False) as api,
    ):
        yield api


@pytest.fixture(scope="module")
async def api() -> AsyncIterator[httpx.AsyncClient]:
    async with running() as opened:
        yield opened


async def send(api: httpx.AsyncClient, **form: Any) -> httpx.Response:
    return await api.post(f"/mailgun/v3/{DOMAIN}/messages", data={**FORM, **form})


async def events(api: httpx.AsyncClient, **params: Any) -> list[dict[str, Any]]:
    answer = await api.get(f"/mailgun/v3/{DOMAIN}/events", params=params)
    return list(answer.raise_for_status().json()["items"])


class TestKeys:
    async def test_who_is_nobody_is_forbidden_in_one_bare_word(self, api: httpx.AsyncClient) -> None:
        for auth in (("api", "wrong"), ("user", KEY), ("", "")):
            answer = await api.post(f"/mailgun/v3/{DOMAIN}/messages", auth=auth)
            assert (answer.status_code, answer.text) == (401, "Forbidden")

    async def test_a_sending_key_sends_and_reads_nothing(self, api: httpx.AsyncClient) -> None:
        auth = ("api", "key-that-only-sends")
        assert (await api.post(f"/mailgun/v3/{DOMAIN}/messages", data=FORM, auth=auth)).status_code == 200
        assert (await api.get(f"/mailgun/v3/{DOMAIN}/events", auth=auth)).status_code == 403

    async def test_another_domain_is_not_found(self, api: httpx.AsyncClient) -> None:
        answer = await api.post("/mailgun/v3/other.example.com/messages", data=FORM)
        assert (answer.status_code, answer.json()) == (404, {"message": "Domain not found: other.example.com"})


class TestMessages:
    @pytest.mark.parametrize(
        ("form", "message"),
        [
            ({"from": ""}, "from parameter is missing"),
            ({"from": "nobody"}, "from parameter is not a valid address. please check documentation"),
            ({"to": ""}, "to parameter is missing"),
            ({"to": "a@localhost"}, "to parameter is not a valid address. please check documentation"),
            ({"to": ["a@example.net", "b@"]}, "to parameter is not a valid address. please check documentation"),
            ({"cc": "x"}, "cc parameter is not a valid address. please check documentation"),
            ({"text": ""}, "Need at least one of 'text', 'html', 'amp-html' or 'template' parameters specified"),
            ({"template": "x", "html": "y"}, "Only one parameters 'html' or 'template' is allowed."),
            ({"template": "x"}, "template 'x' not found"),
            ({"o:deliverytime": "soon"}, "o:deliverytime parameter is not a valid date"),
            ({"o:deliverytime": "Fri, 01 Jan 2999 00:00:00 +0000"}, "o:deliverytime is too far in the future"),
            ({"h:Message-Id": "no brackets"}, "h:Message-Id parameter is not a valid message id"),
            (
                {"v:large": "x" * 17_000},
                "Send options (parameters starting with o:, h:, or v:) are limited to 16 kB total",
            ),
        ],
    )
    async def test_what_is_refused(self, api: httpx.AsyncClient, form: dict[str, Any], message: str) -> None:
        answer = await send(api, **form)
        assert (answer.status_code, answer.json()) == (400, {"message": message})

    async def test_a_test_mail_has_no_effect(self, api: httpx.AsyncClient) -> None:
        assert (await send(api, **{"o:testmode": "yes", "v:onerouter_id": "eml_test"})).status_code == 200
        ledger = await api.get("/control/ledger", params={"reference": "eml_test"})
        assert ledger.json()["data"] == []

    async def test_what_a_local_part_asks_for(self, api: httpx.AsyncClient) -> None:
        expected = {
            "bounce": ["accepted", "failed"],
            "complaint+1": ["accepted", "delivered", "complained"],
            "click": ["accepted", "delivered", "opened", "clicked"],
            "somebody": ["accepted", "delivered"],
        }
        for local in expected:
            await send(api, to=f"{local}@fates.example")
        await api.post(f"/control/mailgun/accounts/{DOMAIN}/clock/advance", json={"seconds": 1})
        for local, kinds in expected.items():
            found = await events(api, recipient=f"{local}@fates.example", ascending="yes")
            assert [event["event"] for event in found] == kinds
        await send(api, to="bounce@fates.example")
        last = (await events(api, recipient="bounce@fates.example"))[0]
        assert (last["reason"], last["severity"]) == ("suppress-bounce", "permanent")
        shown = await api.get(f"/mailgun/v3/{DOMAIN}/bounces/bounce@fates.example")
        assert shown.json()["address"] == "bounce@fates.example"
        await api.delete(f"/mailgun/v3/{DOMAIN}/bounces/bounce@fates.example")
        assert (await api.get(f"/mailgun/v3/{DOMAIN}/bounces/bounce@fates.example")).status_code == 404


class TestEvents:
    async def test_pages_go_on_where_the_last_ended(self, api: httpx.AsyncClient) -> None:
        for number in range(5):
            await send(api, to=f"page{number}@pages.example", **{"h:Message-Id": "<pages@mg.example.com>"})
        params = {
            "message-id": "pages@mg.example.com",
            "event": "accepted OR rejected",
            "limit": "2",
            "ascending": "yes",
        }
        url, seen = f"/mailgun/v3/{DOMAIN}/events", []
        while items := (page := (await api.get(url, params=params)).json())["items"]:
            seen += [event["recipient"] for event in items]
            url, params = page["paging"]["next"], {}
        assert seen == [f"page{number}@pages.example" for number in range(5)]

    async def test_a_message_id_in_brackets_finds_nothing(self, api: httpx.AsyncClient) -> None:
        await send(api, **{"h:Message-Id": "<bare@mg.example.com>"})
        assert await events(api, **{"message-id": "bare@mg.example.com"})
        assert not await events(api, **{"message-id": "<bare@mg.example.com>"})

    async def test_a_broken_page_is_refused(self, api: httpx.AsyncClient) -> None:
        assert (await api.get(f"/mailgun/v3/{DOMAIN}/events/nonsense")).status_code == 400


async def test_scheduled_mail_outlives_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "sandbox.db"
    due = format_datetime(datetime.now(UTC) + timedelta(hours=1))
    account = {"delivery": "manual"}
    async with running(data_file=file, account=account) as api:
        answer = await send(api, **{"o:deliverytime": due, "v:onerouter_id": "eml_later"})
        assert answer.status_code == 200
    async with running(data_file=file, account=account) as api:
        params = {"reference": "eml_later"}
        assert (await api.get("/control/ledger", params=params)).json()["data"] == []
        await api.post(f"/control/mailgun/accounts/{DOMAIN}/clock/advance", json={"seconds": 3_700})
        (effect,) = (await api.get("/control/ledger", params=params)).json()["data"]
        assert effect["kind"] == "email.sent"
