"""Mail: carried by our own email service, on a real HTTP server that answers as it does; or printed; or said to be lost."""

import asyncio
from collections.abc import MutableMapping
from functools import partial
from typing import Any

import httpx
import pytest
import structlog
from pydantic import SecretStr
from tests.services.registry.site import MailService

from onerouter_common import logging
from onerouter_common.errors import Overloaded
from onerouter_registry.mail import printed, routed, service
from onerouter_registry.mail.letters import Letters
from onerouter_registry.mail.model import Mail
from onerouter_registry.mail.printed import NoMail, PrintedMail
from onerouter_registry.mail.routed import RoutedMail
from onerouter_registry.mail.service import Post

TOKEN = SecretStr("the-token-5f4e3d2c1b")
KEY = SecretStr("unf_test_the_platforms_key")


def letter() -> Mail:
    return Letters("https://onerouter.test/").password_reset("ada@example.com", TOKEN)


@pytest.fixture(autouse=True)
def logged(monkeypatch: pytest.MonkeyPatch) -> list[MutableMapping[str, Any]]:
    """What is logged of mail, as it is written. In place of the modules' loggers, which keep the first output they met."""
    capture = structlog.testing.LogCapture()
    log = structlog.wrap_logger(
        structlog.PrintLogger(), processors=[logging.hide_secrets, capture], wrapper_class=structlog.BoundLogger
    )
    for module in (routed, printed, service):
        monkeypatch.setattr(module, "log", log)
    return capture.entries


async def send(to: MailService, mail: Mail, *, url: str | None = None) -> None:
    async with httpx.AsyncClient() as http:
        await RoutedMail(http, url or to.url, KEY, "hello@onerouter.test", waits_s=(0.01, 0.01)).send(mail)


class TestRouted:
    async def test_is_one_email_with_the_platforms_key(self) -> None:
        mail = letter()
        async with MailService().running() as running:
            await send(running, mail)
        ((headers, body),) = running.requests
        assert headers["Authorization"] == f"Bearer {KEY.get_secret_value()}"
        assert headers["Idempotency-Key"] == mail.id
        assert set(body) == {"to", "from_email", "subject", "text_body"}
        assert (body["to"], body["from_email"]) == ("ada@example.com", "hello@onerouter.test")
        assert f"https://onerouter.test/reset-password#token={TOKEN.get_secret_value()}" in body["text_body"]

    @pytest.mark.parametrize("status", [429, 500, 503])
    async def test_is_sent_again_under_the_same_key_when_the_service_is_away(self, status: int) -> None:
        async with MailService(answers=[(status, {}), (status, {"Retry-After": "soon"})]).running() as running:
            await send(running, letter())
        assert len(running.requests) == 3
        assert len({headers["Idempotency-Key"] for headers, _ in running.requests}) == 1

    @pytest.mark.parametrize("status", [401, 403, 422])
    async def test_is_not_sent_again_when_it_is_refused(self, status: int) -> None:
        async with MailService(answers=[(status, {})]).running() as running:
            await send(running, letter())
        assert len(running.requests) == 1

    async def test_is_given_up_in_the_end_without_a_word_of_it_in_the_log(
        self, logged: list[MutableMapping[str, Any]]
    ) -> None:
        async with MailService().running() as running:
            closed = running.url
        await send(running, letter(), url=closed)
        assert [entry["event"] for entry in logged] == ["registry.mail.away"] * 3 + ["registry.mail.failed"]
        for secret in (TOKEN.get_secret_value(), KEY.get_secret_value(), "ada@example.com"):
            assert secret not in str(logged)


class TestPrinted:
    async def test_is_one_line_with_the_link(self, logged: list[MutableMapping[str, Any]]) -> None:
        await PrintedMail().send(letter())
        (line,) = logged
        assert (line["event"], line["to"]) == ("registry.mail.printed", "ada@example.com")
        assert line["link"] == f"https://onerouter.test/reset-password#token={TOKEN.get_secret_value()}"


class TestNone:
    async def test_says_that_nobody_gets_it_and_nothing_of_what_it_says(
        self, logged: list[MutableMapping[str, Any]]
    ) -> None:
        assert not NoMail().delivers
        await NoMail().send(letter())
        (line,) = logged
        assert line["event"] == "registry.mail.undeliverable"
        assert TOKEN.get_secret_value() not in str(line)


class TestPost:
    async def test_nobody_waits_for_it(self) -> None:
        done = asyncio.Event()
        async with Post(NoMail()) as post:
            async with asyncio.timeout(60):
                await post.hand_in(done.wait)
            done.set()

    async def test_what_fails_stops_nobody_elses_and_is_logged_without_its_text(
        self, logged: list[MutableMapping[str, Any]]
    ) -> None:
        sent: list[int] = []

        async def fail() -> None:
            raise RuntimeError("the text may hold a secret")

        async def work(number: int) -> None:
            sent.append(number)

        async with Post(NoMail()) as post:
            for number in range(20):
                await post.hand_in(fail)
                await post.hand_in(partial(work, number))
            await post.settled()
        assert sorted(sent) == list(range(20))
        assert [entry["error"] for entry in logged] == ["RuntimeError"] * 20
        assert "a secret" not in str(logged)

    async def test_is_bounded(self) -> None:
        held = asyncio.Event()
        async with Post(NoMail()) as post:
            with pytest.raises(Overloaded):
                for _ in range(1_100):
                    await post.hand_in(held.wait)
            held.set()

    async def test_finishes_what_waits_before_it_closes(self) -> None:
        sent: list[int] = []

        async def slowly() -> None:
            await asyncio.sleep(0.01)
            sent.append(1)

        async with Post(NoMail()) as post:
            for _ in range(10):
                await post.hand_in(slowly)
        assert len(sent) == 10


class TestLetters:
    def test_a_name_makes_no_link(self) -> None:
        mail = Letters("https://onerouter.test").invitation(
            "a@example.com", TOKEN, tenant="Win https://evil.example {link}", inviter="x@y", role="viewer"
        )
        assert "https://evil" not in mail.text
        assert mail.text.count("{link}") == 1

    def test_shows_no_token(self) -> None:
        assert TOKEN.get_secret_value() not in repr(letter())
