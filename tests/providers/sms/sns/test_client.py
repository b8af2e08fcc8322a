"""What is particular about SNS's client: its settings, who has opted out, and that nothing is ever sent twice."""

from dataclasses import replace
from typing import TYPE_CHECKING

import httpx
import pytest
from pydantic import SecretStr
from tests.providers.sms.lab import new_recipient, package

from onerouter_common.errors import (
    CapabilityUnsupported,
    InvalidRequest,
    ProviderDeclined,
    ProviderError,
    ProviderOutcomeUnknown,
    ProviderRefusedUs,
    ProviderThrottled,
)
from onerouter_common.ids import new_id
from onerouter_providers.aws import AwsRefused
from onerouter_providers.messages import REASONS, SmsRequest
from onerouter_providers.sms.sns.client import SnsSms, regional
from onerouter_providers.sms.sns.errors import CODES, refusal
from onerouter_providers.testing.payments_suite import new_key

if TYPE_CHECKING:
    from .conftest import SnsLab

SECRET = "s3cretOfTheLab/0123456789abcdefghijklmno"


class TestSend:
    async def test_nothing_is_told_of_it_afterwards(self, lab: "SnsLab") -> None:
        made = await lab.client().send_sms(lab.request(), key=new_key())
        assert (made.status, made.is_tracked, made.segments, made.cost) == ("sent", False, None, None)

    async def test_the_type_is_always_said(self, lab: "SnsLab") -> None:
        await lab.client().send_sms(lab.request(), key=new_key())
        (published,) = await lab.published()
        assert published["attributes"] == {"AWS.SNS.SMS.SMSType": "Transactional"}

    async def test_the_connections_settings_go_along(self, lab: "SnsLab") -> None:
        client = lab.client(
            credentials={
                "sender_id": "OneRouter",
                "default_sms_type": "Promotional",
                "in_entity_id": "1101456",
                "in_template_id": "1107162",
            }
        )
        await client.send_sms(lab.request(), key=new_key())
        (published,) = await lab.published()
        assert published["attributes"] == {
            "AWS.SNS.SMS.SMSType": "Promotional",
            "AWS.SNS.SMS.SenderID": "OneRouter",
            "AWS.MM.SMS.EntityId": "1101456",
            "AWS.MM.SMS.TemplateId": "1107162",
        }

    @pytest.mark.parametrize(
        ("sender", "attribute"),
        [("+14155550100", "AWS.MM.SMS.OriginationNumber"), ("12345", "AWS.MM.SMS.OriginationNumber"), ("Shop-1", None)],
    )
    async def test_a_messages_own_sender_replaces_both_of_the_connections(
        self, lab: "SnsLab", sender: str, attribute: str | None
    ) -> None:
        client = lab.client(credentials={"sender_id": "OneRouter", "origination_number": "99999"})
        await client.send_sms(replace(lab.request(), sender=sender), key=new_key())
        (published,) = await lab.published()
        named = {name: value for name, value in published["attributes"].items() if "SMSType" not in name}
        assert named == {attribute or "AWS.SNS.SMS.SenderID": sender}

    @pytest.mark.parametrize(
        ("change", "field"),
        [({"sender": "-x"}, "from_number"), ({"sender": "a\r\nb"}, "from_number"), ({"body": ""}, "body")],
    )
    async def test_what_cannot_be_sent_is_refused_by_name(
        self, lab: "SnsLab", change: dict[str, str], field: str
    ) -> None:
        with pytest.raises(InvalidRequest) as caught:
            await lab.client().send_sms(replace(lab.request(), **change), key=new_key())  # type: ignore[arg-type]
        assert [error.field for error in caught.value.errors] == [field]
        assert await lab.published() == []

    async def test_a_text_that_is_longer_than_it_takes_may_go_elsewhere(self, lab: "SnsLab") -> None:
        with pytest.raises(ProviderDeclined) as caught:
            await lab.client().send_sms(lab.request("🙂" * 500), key=new_key())
        assert caught.value.reason == "payload_too_large"

    async def test_it_has_no_templates(self, lab: "SnsLab") -> None:
        with pytest.raises(CapabilityUnsupported):
            await lab.client().send_sms(replace(lab.request(""), provider_template="HX1"), key=new_key())
        assert await lab.published() == []

    async def test_another_region_is_told_as_what_it_is(self, lab: "SnsLab") -> None:
        with pytest.raises(ProviderRefusedUs) as caught:
            await lab.client(credentials={"region": "eu-west-1"}).send_sms(lab.request(), key=new_key())
        assert caught.value.reason == "authentication_failed"

    async def test_the_accounts_pace_is_a_throttle(self, lab: "SnsLab") -> None:
        await lab.register(messages_per_s=1)
        client = lab.client()
        await client.send_sms(lab.request(), key=new_key())
        with pytest.raises(ProviderThrottled):
            await client.send_sms(lab.request(), key=new_key())

    @pytest.mark.parametrize("answer", [b"", b"<Nothing/>", b"not XML at all", b"{}"])
    async def test_an_answer_that_says_nothing_is_no_success(self, answer: bytes) -> None:
        transport = httpx.MockTransport(lambda _: httpx.Response(200, content=answer))
        with pytest.raises(ProviderOutcomeUnknown):
            await client_on(transport).send_sms(SmsRequest(new_id("sms"), new_recipient(), "Hi."), key=new_key())

    @pytest.mark.parametrize("status", [500, 503, 408, 307])
    async def test_it_is_sent_once_whatever_the_answer(self, status: int) -> None:
        """botocore by itself would send a 500 five times."""
        actions: list[bytes] = []

        def answer(request: httpx.Request) -> httpx.Response:
            actions.append(request.content)
            return httpx.Response(status, content=b"<html></html>", headers={"location": "http://127.0.0.1:9/"})

        with pytest.raises(ProviderOutcomeUnknown):
            await client_on(httpx.MockTransport(answer)).send_sms(
                SmsRequest(new_id("sms"), new_recipient(), "Hi."), key=new_key()
            )
        assert sum(b"Action=Publish" in one for one in actions) == 1

    async def test_nothing_of_this_machine_is_used(self, lab: "SnsLab", monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in {
            "AWS_PROFILE": "nobodys",
            "AWS_ACCESS_KEY_ID": "AKIANOBODYSKEY000000",
            "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
            "AWS_ENDPOINT_URL_SNS": "http://127.0.0.1:9",
            "AWS_MAX_ATTEMPTS": "7",
            "HTTP_PROXY": "http://127.0.0.1:9",
        }.items():
            monkeypatch.setenv(name, value)
        assert (await lab.client().send_sms(lab.request(), key=new_key())).status == "sent"


class TestOptOuts:
    async def test_who_has_opted_out_is_not_written_to(self, lab: "SnsLab") -> None:
        """SNS itself would say that it has sent it."""
        request, client = lab.request(), lab.client()
        await lab.register(opted_out=[request.to])
        for _ in range(2):  # the second time from memory
            with pytest.raises(ProviderDeclined) as caught:
                await client.send_sms(request, key=new_key())
            assert (caught.value.reason, caught.value.error_code) == ("unsubscribed", "MESSAGE_REJECTED")
        assert await lab.published() == []

    async def test_each_number_is_asked_about_once(self, lab: "SnsLab") -> None:
        client, request = lab.client(), lab.request()
        await client.send_sms(request, key=new_key())
        await lab.register(opted_out=[request.to])
        await client.send_sms(request, key=new_key())
        assert [one["sent"] for one in await lab.published()] == [False, True]

    async def test_who_may_not_ask_sends_all_the_same(self, lab: "SnsLab") -> None:
        await lab.register(may_ask_opt_outs=False)
        assert (await lab.client().send_sms(lab.request(), key=new_key())).status == "sent"

    async def test_a_question_that_fails_stops_nothing(self, lab: "SnsLab") -> None:
        await lab.ask("/faults", kind="error_5xx", operation="CheckIf*", key_id=lab.account, times=1)
        assert (await lab.client().send_sms(lab.request(), key=new_key())).status == "sent"


class TestRefusal:
    @pytest.mark.parametrize(
        ("code", "status", "message", "reason"),
        [
            ("InvalidParameter", 400, "Invalid parameter: PhoneNumber Reason: +12 is not valid", "invalid_recipient"),
            ("InvalidParameter", 400, "Invalid parameter: Message too long", "payload_too_large"),
            ("ParameterValueInvalid", 400, "No.", "invalid_request"),
            ("AuthorizationError", 403, "No.", "authentication_failed"),
            ("ExpiredToken", 403, "No.", "authentication_failed"),
            ("Throttled", 429, "Rate exceeded", "rate_limited"),
            ("Throttling", 400, "Rate exceeded", "rate_limited"),
            ("OptedOut", 400, "No.", "unsubscribed"),
            ("NotFound", 404, "No.", "not_found"),
            ("NeverHeardOf", 403, "No.", "authentication_failed"),
            ("NeverHeardOf", 400, "No.", "invalid_request"),
            ("", 429, "", "rate_limited"),
        ],
    )
    def test_codes_have_words_of_ours(self, code: str, status: int, message: str, reason: str) -> None:
        refused = AwsRefused(code, message, status=status, retry_after_s=None, request_id="r-1")
        error = refusal(refused, effect=True)
        assert isinstance(error, ProviderError)
        assert (error.reason, error.provider_code, error.provider_request_id) == (reason, code or None, "r-1")

    def test_reasons_are_ours_and_codes_are_listed_once(self) -> None:
        assert CODES.keys() <= REASONS
        codes = [code for those in CODES.values() for code in those]
        assert len(codes) == len(set(codes))


class TestRegional:
    def test_each_region_has_its_address(self) -> None:
        ours = "https://sns.us-east-1.amazonaws.com"
        assert regional(ours, "us-east-1") == ours
        assert regional(ours, "ap-south-1") == "https://sns.ap-south-1.amazonaws.com"
        assert regional(ours, "cn-north-1") == "https://sns.cn-north-1.amazonaws.com.cn"
        assert regional("http://sandbox/sns/v1", "ap-south-1") == "http://sandbox/sns/v1"


class TestMoto:
    """Somebody else's idea of SNS: moto's server, which knows its own protocol and not our simulator."""

    async def test_it_takes_a_message(self, moto_url: str, pool: httpx.AsyncBaseTransport) -> None:
        client = client_on(pool, base_url=moto_url)
        await client.probe()
        request = SmsRequest(new_id("sms"), new_recipient(), "Olá 👋 & co", sender="OneRouter")
        assert (await client.send_sms(request, key=new_key())).provider_message_id

    async def test_numbers_that_end_in_99_have_opted_out(self, moto_url: str, pool: httpx.AsyncBaseTransport) -> None:
        request = SmsRequest(new_id("sms"), "+14155550199", "Hello.")
        with pytest.raises(ProviderDeclined) as caught:
            await client_on(pool, base_url=moto_url).send_sms(request, key=new_key())
        assert caught.value.reason == "unsubscribed"


def client_on(transport: httpx.AsyncBaseTransport, base_url: str | None = None) -> SnsSms:
    credentials = {"access_key_id": "AKIALAB0000000000000", "secret_access_key": SECRET, "region": "us-east-1"}
    client: SnsSms = package("sns").open(
        {name: SecretStr(value) for name, value in credentials.items()},
        http=transport,
        environment="test",
        base_url=base_url,
    )
    return client
