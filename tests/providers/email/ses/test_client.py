"""SES's client: what goes over the wire, what AWS refuses, and moto's idea of SES."""

from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from tests.providers.email.lab import message, package_of
from tests.providers.email.ses.conftest import SECRET_KEY, SesLab

from onerouter_common.errors import (
    CapabilityUnsupported,
    InvalidRequest,
    ProviderDeclined,
    ProviderOutcomeUnknown,
    ProviderRefusedUs,
    ProviderThrottled,
)
from onerouter_providers.aws import AwsRefused
from onerouter_providers.email.ses.client import regional, topics_url
from onerouter_providers.email.ses.errors import refusal
from onerouter_providers.email.ses.message import HEADERS, MESSAGE_BYTES, RECIPIENTS
from onerouter_providers.messages import Address, Attachment

COMPLETE: dict[str, Any] = {
    "text": "Text",
    "html": "<p>Grüße</p>",
    "subject": "Ihre Bestellung — 12 €",
    "sender": Address("shop@bücher.example", "Zoë"),
    "cc": [Address("cc@example.net")],
    "bcc": [Address("bcc@example.net", "B, c")],
    "reply_to": [Address("help@example.net", "Hilfe")],
    "headers": {"X-Order": "17"},
    "tags": ["orders"],
    "attachments": [
        Attachment("Rechnung 5.pdf", b"%PDF\r\n\x00\xff", "application/pdf"),
        Attachment("logo.png", b"\x89PNG", "image/png", content_id="logo"),
    ],
}


class TestSend:
    async def test_all_of_a_message_arrives(self, lab: SesLab) -> None:
        request = message(**COMPLETE)
        made = await lab.client().send_email(request, key="k")
        assert made.is_tracked
        mail = await lab.mail(made.provider_message_id)
        assert (mail["sender"], mail["subject"]) == ("Zoë <shop@xn--bcher-kva.example>", request.subject)
        assert (mail["text"], mail["html"]) == (request.text, request.html)
        assert mail["recipients"] == [request.to[0].email, "cc@example.net", "bcc@example.net"]
        assert mail["reply_to"] == ["Hilfe <help@example.net>"]
        assert mail["headers"] == [{"Name": "X-Order", "Value": "17"}]
        assert mail["tags"] == {"orders": "1", "onerouter_id": request.message_id}
        assert [(each["filename"], each["disposition"], each["size"]) for each in mail["attachments"]] == [
            ("Rechnung 5.pdf", "ATTACHMENT", 8),
            ("logo.png", "INLINE", 4),
        ]

    async def test_what_just_fits_is_sent(self, lab: SesLab) -> None:
        headers = {"X-A": "v" * 993, "X": "v" * 995}
        logo = Attachment("a" * 255, b"\x89PNG", "image/" + "x" * 72, content_id="c" * 78)
        made = await lab.client().send_email(message(headers=headers, attachments=[logo]), key="k")
        mail = await lab.mail(made.provider_message_id)
        assert {one["Name"]: one["Value"] for one in mail["headers"]} == headers

    @pytest.mark.parametrize("missing", ["configuration_set", "sns_topic_arn"])
    async def test_where_nothing_will_be_heard_it_is_sent_and_that_is_all(self, lab: SesLab, missing: str) -> None:
        made = await lab.client(credentials={missing: ""}).send_email(lab.request(), key="k")
        assert (made.status, made.is_tracked) == ("sent", False)

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"subject": "a\r\nBcc: x@example.net"}, "subject"),
            ({"to": [Address("a@example.net\nBcc: b@example.net")]}, "to"),
            ({"to": [Address("ü@example.net")]}, "to"),
            ({"to": [Address(f"a{n}@example.net") for n in range(RECIPIENTS + 1)]}, "to"),
            ({"headers": {f"X-{n}": "v" for n in range(HEADERS + 1)}}, "headers"),
            ({"headers": {"X-A": "b\nc"}}, "headers.X-A"),
            ({"headers": {"X-A": "Grüße"}}, "headers.X-A"),
            ({"headers": {"X-A": ""}}, "headers.X-A"),
            ({"headers": {"X": "v" * 996}}, "headers.X"),
            ({"headers": {"X-A": "v" * 994}}, "headers.X-A"),
            ({"attachments": [Attachment("a.png", b"\x89PNG", "image/png", content_id="c" * 79)]}, "attachments"),
            ({"attachments": [Attachment("a.png", b"\x89PNG", "image/" + "x" * 73)]}, "attachments"),
            ({"attachments": [Attachment("a" * 256, b"\x89PNG", "image/png")]}, "attachments"),
            ({"tags": ["not a word"]}, "tags"),
        ],
    )
    async def test_what_cannot_be_told_is_refused(self, lab: SesLab, changes: dict[str, Any], field: str) -> None:
        with pytest.raises(InvalidRequest) as caught:
            await lab.client().send_email(message(**changes), key="k")
        assert caught.value.errors[0].field == field

    async def test_nothing_is_promised_of_what_it_cannot_do(self, lab: SesLab) -> None:
        assert package_of("ses").manifest.find_capability("email.get") is None
        with pytest.raises(CapabilityUnsupported):
            await lab.client().get_email(None)


class TestRefusals:
    @pytest.mark.parametrize(
        ("account", "reason"),
        [
            ({"identities": ["other.example"]}, "invalid_sender"),
            ({"identities": ["example.com"], "production_access": False}, "destination_not_permitted"),
            ({"suspended": True}, "authentication_failed"),
            ({"sending_enabled": False}, "authentication_failed"),
            ({"max_24_hour_send": 0}, "insufficient_credit"),
            ({"configuration_set": "another"}, "not_found"),
            ({"region": "eu-west-1"}, "authentication_failed"),
        ],
    )
    async def test_of_the_account(self, lab: SesLab, account: dict[str, Any], reason: str) -> None:
        await lab.register(**account)
        request = lab.request()
        with pytest.raises((ProviderDeclined, ProviderRefusedUs)) as caught:
            await lab.client().send_email(request, key="k")
        assert caught.value.reason == reason
        assert await lab.effects(request) == 0

    async def test_too_many_at_once(self, lab: SesLab) -> None:
        await lab.register(max_send_rate=1)
        with pytest.raises(ProviderThrottled) as caught:
            for _ in range(4):
                await lab.client().send_email(lab.request(), key="k")
        assert caught.value.reason == "rate_limited"

    async def test_nobodys_template(self, lab: SesLab) -> None:
        with pytest.raises(ProviderRefusedUs) as caught:
            await lab.client().send_email(message(subject=None, text=None, provider_template="nobodys"), key="k")
        assert caught.value.reason == "not_found"

    @pytest.mark.parametrize(
        ("code", "text", "reason"),
        [
            ("BadRequestException", "Missing final '@domain'", "invalid_recipient"),
            ("BadRequestException", "Too many tags", "invalid_request"),
            ("MessageRejected", "Email contains a virus", "content_rejected"),
            (
                "MessageRejected",
                "Email address is not verified. The following identities failed the check in region US-EAST-1: A@example.net",
                "destination_not_permitted",
            ),
            (
                "MessageRejected",
                "Email address is not verified. The following identities failed the check in region US-EAST-1: "
                "shop@example.com, a@example.net",
                "invalid_sender",
            ),
            ("LimitExceededException", "Daily message quota exceeded.", "insufficient_credit"),
            ("LimitExceededException", "Too many", "rate_limited"),
            ("MailFromDomainNotVerifiedException", "", "invalid_sender"),
            ("ExpiredTokenException", "", "authentication_failed"),
            ("SomethingNew", "", "invalid_request"),
        ],
    )
    def test_by_code(self, code: str, text: str, reason: str) -> None:
        refused = AwsRefused(code, text, status=400, retry_after_s=None, request_id=None)
        assert refusal(refused, effect=True, recipients=["a@example.net"]).reason == reason

    async def test_the_probe_tells_a_paused_account(self, lab: SesLab) -> None:
        await lab.client().probe()
        await lab.register(sending_enabled=False)
        with pytest.raises(ProviderRefusedUs) as caught:
            await lab.client().probe()
        assert "switched off" in caught.value.detail

    async def test_an_answer_without_an_id_is_unknown(self) -> None:
        async with httpx.MockTransport(lambda _: httpx.Response(200, json={})) as pool:
            client = package_of("ses").open(
                {
                    "access_key_id": SecretStr("AKIA0000000000000000"),
                    "secret_access_key": SecretStr(SECRET_KEY),
                    "region": SecretStr("us-east-1"),
                },
                http=pool,
                environment="test",
            )
            with pytest.raises(ProviderOutcomeUnknown):
                await client.send_email(message(), key="k")


@pytest.mark.parametrize(
    ("region", "email", "topics"),
    [
        ("eu-west-1", "https://email.eu-west-1.amazonaws.com", "https://sns.eu-west-1.amazonaws.com"),
        ("cn-north-1", "https://email.cn-north-1.amazonaws.com.cn", "https://sns.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_each_region_has_addresses_of_its_own(region: str, email: str, topics: str) -> None:
    base_url = package_of("ses").manifest.base_url.of("live")
    assert (regional(base_url, region), topics_url(base_url, region)) == (email, topics)
    assert topics_url("http://127.0.0.1:8090/ses", region) == "http://127.0.0.1:8090/ses/sns"


def test_the_manifest_and_the_code_have_the_same_limits() -> None:
    limits = package_of("ses").manifest.limits
    assert (limits["recipients"], limits["message_bytes"], limits["headers"]) == (RECIPIENTS, MESSAGE_BYTES, HEADERS)


async def test_moto_takes_our_messages_from_who_is_verified(lab: SesLab, moto_url: str) -> None:
    """A second opinion on what we send, by people who know AWS."""
    client = lab.client(base_url=moto_url, credentials={"configuration_set": ""})
    request = message(**{**COMPLETE, "sender": Address("shop@example.com", "Zoë")})
    with pytest.raises(ProviderRefusedUs) as caught:
        await client.send_email(request, key="k")
    assert caught.value.reason == "invalid_sender"
    identity = {"EmailIdentity": "example.com"}
    deadline = await client._ses.deadline()
    await client._ses.call("email.send", "create_email_identity", identity, effect=False, deadline=deadline)
    assert (await client.send_email(request, key="k")).provider_message_id
