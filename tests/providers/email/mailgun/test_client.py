"""Mailgun's client: what goes over the wire, and what is asked of whom."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from tests.providers.email.lab import message
from tests.providers.email.mailgun.conftest import MailgunLab, Wire, package

from onerouter_common.errors import (
    InvalidRequest,
    PayloadTooLarge,
    ProviderDeclined,
    ProviderOutcomeUnknown,
    ProviderRefusedUs,
    ProviderThrottled,
    ProviderUnavailable,
)
from onerouter_providers.email.mailgun.client import MailgunEmail
from onerouter_providers.messages import Address, Attachment, MessageReference


def reference(message_id: str, to: str, sent_at: datetime | None = None) -> MessageReference:
    return MessageReference("eml_1", message_id, to, sent_at or datetime.now(UTC))


class TestSend:
    async def test_all_of_a_message_arrives(self, lab: MailgunLab) -> None:
        request = lab.request(
            "Text",
            html="<p>Grüße <img src='cid:logo'></p>",
            subject="Ihre Bestellung — 12 €",
            cc=[Address("cc@example.net")],
            bcc=[Address("bcc@example.net", "B, c")],
            reply_to=[Address("help@example.net", "Hilfe"), Address("two@example.net")],
            headers={"X-Order": "17"},
            tags=["orders", "de"],
            attachments=[
                Attachment("Rechnung 5.pdf", b"%PDF\r\n\x00\xff", "application/pdf"),
                Attachment("logo.png", b"\x89PNG", "image/png", content_id="logo"),
            ],
        )
        made = await lab.client().send_email(request, key="k")
        mail = await lab.mail(made.provider_message_id)
        assert made.provider_message_id == f"{request.message_id}@{lab.domain}"
        assert mail["html"] == request.html
        assert mail["subject"] == request.subject
        assert mail["recipients"] == [request.to[0].email, "cc@example.net", "bcc@example.net"]
        assert mail["sender"] == f"=?utf-8?b?Wm/DqydzIFNob3A=?= <shop@{lab.domain}>"
        assert mail["headers"] == {"Reply-To": "Hilfe <help@example.net>, two@example.net", "X-Order": "17"}
        assert mail["tags"] == ["orders", "de"]
        assert mail["variables"] == {"onerouter_id": request.message_id}
        assert mail["attachments"] == [
            {"filename": "Rechnung 5.pdf", "content-type": "application/pdf", "size": 8},
            {"filename": "logo", "content-type": "image/png", "size": 4},
        ]

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"headers": {f"X-{n}": "v" * 900 for n in range(19)}}, "headers"),
            ({"tags": ["t" * 120] * 140}, "tags"),
            (
                {"text": None, "subject": None, "provider_template": "news", "variables": {"a": "é" * 2_800}},
                "variables",
            ),
        ],
    )
    async def test_more_parameters_than_it_takes_are_refused_here(
        self, lab: MailgunLab, changes: dict[str, Any], field: str
    ) -> None:
        with pytest.raises(InvalidRequest) as caught:
            await lab.client().send_email(message(**changes), key="k")
        assert [error.field for error in caught.value.errors] == [field]

    async def test_as_many_parameters_as_it_takes_are_sent(self, lab: MailgunLab) -> None:
        request = lab.request(headers={f"X-{n:02}": "v" * 885 for n in range(18)})
        made = await lab.client().send_email(request, key="k")
        assert (await lab.mail(made.provider_message_id))["headers"] == request.headers

    async def test_mailguns_own_template_is_filled_there(self, lab: MailgunLab) -> None:
        async with httpx.AsyncClient(base_url=f"{lab.url}/mailgun", auth=("api", lab.api_key), trust_env=False) as api:
            parts = {"name": "welcome", "template": "<b>Hi {{name}}</b>", "headers": '{"Subject": "For {{name}}"}'}
            (await api.post(f"/v3/{lab.domain}/templates", data=parts)).raise_for_status()
        request = lab.request(text=None, subject=None, provider_template="welcome", variables={"name": "Ada"})
        made = await lab.client().send_email(request, key="k")
        mail = await lab.mail(made.provider_message_id)
        assert (mail["subject"], mail["html"], mail["text"]) == ("For Ada", "<b>Hi Ada</b>", "Hi Ada")
        made = await lab.client().send_email(replace(lab.request(), text=None, provider_template="welcome"), key="k")
        assert (await lab.mail(made.provider_message_id))["subject"].startswith("About")
        with pytest.raises(ProviderRefusedUs) as caught:
            await lab.client().send_email(lab.request(text=None, subject=None, provider_template="nobodys"), key="k")
        assert caught.value.reason == "not_found"

    async def test_a_repeat_is_a_second_mail_under_the_same_id(self, lab: MailgunLab) -> None:
        """Why nothing is repeated before it was looked for."""
        request, client = lab.request(), lab.client()
        first, second = await client.send_email(request, key="k"), await client.send_email(request, key="k")
        assert first.provider_message_id == second.provider_message_id
        assert await lab.effects(request) == 2

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"subject": "a\r\nBcc: x@example.net"}, "subject"),
            ({"subject": "a\u2028b"}, "subject"),
            ({"to": [Address("a@example.net\nBcc: b@example.net")]}, "to"),
            ({"to": [Address("a@example.net, b@example.net")]}, "to"),
            ({"to": [Address("nobody")]}, "to"),
            ({"to": []}, "to"),
            ({"cc": [Address("c@example.net", "C\r\nX: y")]}, "cc"),
            ({"reply_to": [Address("<c@example.net>")]}, "reply_to"),
            ({"headers": {"X-A": "b\nc"}}, "headers.X-A"),
            ({"headers": {"X-A\r\nBcc": "b"}}, "headers"),
            ({"headers": {"Message-ID": "<a@b>"}}, "headers.Message-ID"),
            ({"tags": ["a\nb"]}, "tags"),
            ({"attachments": [Attachment("a\r\nb.txt", b"", "text/plain")]}, "attachments"),
            ({"text": None}, "text_body"),
            ({"send_at": datetime.now(UTC) + timedelta(days=8)}, "send_at"),
        ],
    )
    async def test_what_would_break_out_of_a_header_is_not_sent(
        self, lab: MailgunLab, client: MailgunEmail, wire: Wire, changes: dict[str, Any], field: str
    ) -> None:
        request = replace(lab.request(), **changes)
        with pytest.raises(InvalidRequest) as caught:
            await client.send_email(request, key="k")
        assert caught.value.errors[0].field == field
        assert wire.asked == []

    async def test_a_message_that_is_too_large_is_not_sent(
        self, lab: MailgunLab, client: MailgunEmail, wire: Wire
    ) -> None:
        large = Attachment("a.bin", bytes(20_000_000), "application/octet-stream")
        with pytest.raises(PayloadTooLarge):
            await client.send_email(lab.request(attachments=[large]), key="k")
        assert wire.asked == []

    @pytest.mark.parametrize("answer", [{}, {"id": 7}, {"id": ""}, {"id": "<>"}])
    async def test_an_answer_without_an_id_is_unknown(
        self, lab: MailgunLab, client: MailgunEmail, wire: Wire, answer: dict[str, Any]
    ) -> None:
        wire.answer = httpx.Response(200, json=answer)
        with pytest.raises(ProviderOutcomeUnknown):
            await client.send_email(lab.request(), key="k")

    async def test_names_and_domains_beyond_ascii(self, lab: MailgunLab) -> None:
        request = lab.request(to="user@bücher.example")
        made = await lab.client().send_email(request, key="k")
        assert (await lab.mail(made.provider_message_id))["recipients"] == ["user@xn--bcher-kva.example"]


class TestLimits:
    async def test_mailguns_own_wait_is_honoured(self, lab: MailgunLab) -> None:
        await lab.register(messages_per_second=1)
        client = lab.client()
        with pytest.raises(ProviderThrottled) as caught:
            for _ in range(4):
                await client.send_email(lab.request(), key="k")
        assert (caught.value.reason, caught.value.retry_after_s) == ("rate_limited", 1)

    async def test_a_sandbox_domain_sends_to_its_own_people_only(self, lab: MailgunLab) -> None:
        await lab.register(authorized_recipients=["me@example.net"])
        await lab.client().send_email(lab.request(to="me@example.net"), key="k")
        with pytest.raises(ProviderDeclined) as caught:
            await lab.client().send_email(lab.request(), key="k")
        assert caught.value.reason == "destination_not_permitted"

    async def test_a_suppressed_recipient_is_told_of_afterwards(self, lab: MailgunLab) -> None:
        first = await lab.client().send_email(lab.request(to="gone@example.net"), key="k")
        await lab.happens(first.provider_message_id, "bounced")
        again = await lab.client().send_email(lab.request(to="gone@example.net"), key="k")
        shown = await lab.client().get_email(reference(again.provider_message_id, "gone@example.net"))
        assert (shown.status, shown.error_reason) == ("failed", "suppressed")


class TestGet:
    async def test_each_recipient_has_a_life_of_its_own(self, lab: MailgunLab) -> None:
        request = lab.request(to="one@example.net", cc=[Address("two@example.net")])
        made = await lab.client().send_email(request, key="k")
        await lab.happens(made.provider_message_id, "delivered", recipient="one@example.net")
        await lab.happens(made.provider_message_id, "bounced", recipient="two@example.net")
        one, two = [
            await lab.client().get_email(reference(made.provider_message_id, to))
            for to in ("one@example.net", "TWO@example.net")
        ]
        assert (one.status, two.status) == ("delivered", "bounced")
        assert two.facts["bounce_type"] == "hard"

    async def test_while_the_index_lags_nothing_is_said(self, lab: MailgunLab) -> None:
        await lab.register(index_delay_s=1_800)
        request, since = lab.request(), datetime.now(UTC)
        made = await lab.client().send_email(request, key="k")
        assert await lab.client().find_email(request, since=since) is None
        with pytest.raises(ProviderUnavailable):
            await lab.client().get_email(reference(made.provider_message_id, "x@example.net"))
        await lab.advance(1_801)
        found = await lab.client().find_email(request, since=since)
        assert found is not None
        assert found.status == "queued"

    async def test_what_mailgun_has_forgotten(self, lab: MailgunLab) -> None:
        old = reference(f"eml_9@{lab.domain}", "x@example.net", datetime.now(UTC) - timedelta(days=40))
        with pytest.raises(ProviderRefusedUs) as caught:
            await lab.client().get_email(old)
        assert caught.value.reason == "not_found"

    async def test_a_list_that_is_none_is_no_absence(self, lab: MailgunLab, client: MailgunEmail, wire: Wire) -> None:
        wire.answer = httpx.Response(200, json={"paging": {}})
        with pytest.raises(ProviderUnavailable):
            await client.find_email(lab.request(), since=datetime.now(UTC))


class TestProbe:
    async def test_a_sending_key_is_good_and_sends_nothing_to_prove_it(self, lab: MailgunLab) -> None:
        sending = {"api_key": f"sending-{lab.api_key}"}
        await lab.register(sending_key=sending["api_key"])
        await lab.client(credentials=sending).probe()
        assert await lab.ledger(kind="email.sent") == []
        made = await lab.client(credentials=sending).send_email(lab.request(), key="k")
        with pytest.raises(ProviderRefusedUs) as caught:
            await lab.client(credentials=sending).get_email(reference(made.provider_message_id, "x@example.net"))
        assert caught.value.reason == "authentication_failed"

    @pytest.mark.parametrize("changes", [{"state": "unverified"}, {"state": "disabled"}])
    async def test_a_domain_that_cannot_send(self, lab: MailgunLab, changes: dict[str, Any]) -> None:
        await lab.register(**changes)
        with pytest.raises(ProviderRefusedUs) as caught:
            await lab.client().probe()
        assert caught.value.reason == "invalid_sender"

    async def test_a_domain_of_the_other_region(self, lab: MailgunLab) -> None:
        with pytest.raises(ProviderRefusedUs) as caught:
            await lab.client(credentials={"domain": "mg.elsewhere.example"}).probe()
        assert "region" in caught.value.detail


@pytest.mark.parametrize(
    ("region", "url"),
    [(None, "https://api.mailgun.net"), ("us", "https://api.mailgun.net"), ("eu", "https://api.eu.mailgun.net")],
)
async def test_the_region_is_in_the_address(region: str | None, url: str) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(200, json={"domain": {"state": "active"}})

    credentials = {"api_key": SecretStr("k" * 20), "domain": SecretStr("mg.example.com")}
    if region is not None:
        credentials["region"] = SecretStr(region)
    async with httpx.MockTransport(answer) as pool:
        await package().open(credentials, http=pool, environment="live").probe()
    assert asked == [f"{url}/v4/domains/mg.example.com"]
