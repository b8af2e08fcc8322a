"""What is particular about Twilio's client."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import httpx
import pytest
from pydantic import SecretStr
from tests.providers.sms.lab import new_recipient, package

from onerouter_common.errors import (
    CapabilityUnsupported,
    Conflict,
    InvalidRequest,
    ProviderDeclined,
    ProviderOutcomeUnknown,
    ProviderRefusedUs,
    ProviderThrottled,
    ProviderUnavailable,
)
from onerouter_common.ids import new_id
from onerouter_providers.messages import MessageReference, SmsRequest
from onerouter_providers.testing.payments_suite import new_key

if TYPE_CHECKING:
    from .conftest import TwilioLab

NUMBER = "+14155550100"
SERVICE = "MG" + "7" * 32
CONTENT = "HX" + "c" * 32


def reference(request: SmsRequest, sid: str) -> MessageReference:
    return MessageReference(request.message_id, sid, request.to, datetime.now(UTC))


class TestSend:
    @pytest.mark.parametrize(
        ("to", "reason"),
        [
            ("+15005550001", "invalid_recipient"),
            ("+15005550002", "destination_not_permitted"),
            ("+15005550003", "destination_not_permitted"),
            ("+15005550004", "unsubscribed"),
            ("+15005550009", "invalid_recipient"),
        ],
    )
    async def test_the_magic_recipients(self, lab: "TwilioLab", to: str, reason: str) -> None:
        with pytest.raises(ProviderDeclined) as caught:
            await lab.client().send_sms(replace(lab.request(), to=to), key=new_key())
        assert (caught.value.reason, caught.value.error_code) == (reason, "MESSAGE_REJECTED")

    async def test_a_sender_that_is_not_the_accounts(self, lab: "TwilioLab") -> None:
        with pytest.raises(ProviderRefusedUs) as caught:
            await lab.client().send_sms(replace(lab.request(), sender="+14155559999"), key=new_key())
        assert (caught.value.reason, caught.value.provider_code) == ("invalid_sender", "21606")

    async def test_the_auth_token_serves_where_there_is_no_api_key(self, lab: "TwilioLab") -> None:
        from .conftest import AUTH_TOKEN

        client = lab.client(credentials={"api_key_sid": "", "api_key_secret": AUTH_TOKEN})
        assert (await client.send_sms(lab.request(), key=new_key())).status == "queued"

    async def test_a_full_queue_is_a_throttle(self, lab: "TwilioLab") -> None:
        with pytest.raises(ProviderThrottled) as caught:
            await lab.client().send_sms(replace(lab.request(), sender="+15005550008"), key=new_key())
        assert caught.value.provider_code == "21611"

    async def test_who_said_stop_gets_nothing_until_start(self, lab: "TwilioLab") -> None:
        request = replace(lab.request(), sender=NUMBER)
        for word, refuses in (("STOP", True), ("START", False)):
            await lab.ask(f"/twilio/accounts/{lab.account}/incoming", sender=request.to, to=NUMBER, body=word)
            # Other senders are not concerned.
            await lab.client().send_sms(replace(request, sender="+15005550006"), key=new_key())
            if refuses:
                with pytest.raises(ProviderDeclined) as caught:
                    await lab.client().send_sms(request, key=new_key())
                assert caught.value.reason == "unsubscribed"
            else:
                await lab.client().send_sms(request, key=new_key())
        words = [one.object.facts["keyword"] for one in await lab.events() if one.object.facts.get("keyword")]
        assert words == ["STOP", "START"]

    async def test_twilios_own_template_is_filled_there(self, lab: "TwilioLab") -> None:
        request = replace(lab.request(""), provider_template=CONTENT, variables={"1": "Ada 👋", "2": 7})
        made = await lab.client().send_sms(request, key=new_key())
        assert made.body == await lab.text_of(made.provider_message_id) == "Hi Ada 👋, number 7."
        with pytest.raises(ProviderRefusedUs) as caught:
            await lab.client().send_sms(replace(request, provider_template="HX" + "9" * 32), key=new_key())
        assert caught.value.reason == "not_found"
        for wrong, field in (
            (replace(request, provider_template="welcome"), "provider_template"),
            (replace(request, variables={"1": []}), "variables"),
        ):
            with pytest.raises(InvalidRequest) as refused:
                await lab.client().send_sms(wrong, key=new_key())
            assert [error.field for error in refused.value.errors] == [field]

    @pytest.mark.parametrize("body", ["", "x" * 1_601])
    async def test_a_text_that_no_sms_holds_is_refused_here(self, lab: "TwilioLab", body: str) -> None:
        with pytest.raises(InvalidRequest) as caught:
            await lab.client().send_sms(replace(lab.request(), body=body), key=new_key())
        assert [error.field for error in caught.value.errors] == ["body"]

    async def test_schedules_need_a_service_and_a_time_that_twilio_takes(self, lab: "TwilioLab") -> None:
        in_an_hour = datetime.now(UTC) + timedelta(hours=1)
        with pytest.raises(CapabilityUnsupported):
            await lab.client().send_sms(replace(lab.request(), sender=NUMBER, send_at=in_an_hour), key=new_key())
        for ahead in (timedelta(minutes=5), timedelta(days=36)):
            with pytest.raises(InvalidRequest):
                await lab.client().send_sms(replace(lab.request(), send_at=datetime.now(UTC) + ahead), key=new_key())

    @pytest.mark.parametrize("answer", [{}, {"sid": "nothing like it"}, {"sid": 4}])
    async def test_an_answer_without_a_sid_is_no_success(self, answer: dict[str, object]) -> None:
        transport = httpx.MockTransport(lambda _: httpx.Response(201, json=answer))
        client = package("twilio").open(
            {
                "account_sid": SecretStr("AC" + "0" * 32),
                "api_key_secret": SecretStr("s" * 32),
                "from_number": SecretStr(NUMBER),
            },
            http=transport,
            environment="test",
        )
        with pytest.raises(ProviderOutcomeUnknown):
            await client.send_sms(SmsRequest(new_id("sms"), new_recipient(), "Hello."), key=new_key())


class TestFind:
    async def test_a_service_may_have_made_the_text_plainer(self, lab: "TwilioLab") -> None:
        """ "Smart encoding" swaps typographic characters, a trial account adds a sentence."""
        since, client = datetime.now(UTC), lab.client()
        request = lab.request("“Ada” – it’s 5 o’clock…")
        sent = "Sent from your Twilio trial account - \"Ada\" - it's 5 o'clock..."
        made = await client.send_sms(replace(request, body=sent), key=new_key())
        found = await client.find_sms(request, since=since)
        assert found is not None
        assert found.provider_message_id == made.provider_message_id

    async def test_a_text_that_may_have_been_rewritten_is_not_absent(self, lab: "TwilioLab") -> None:
        """What Twilio replaces is its own list, which grows: a message like it may be ours, and is not sent twice."""
        since, client = datetime.now(UTC), lab.client()
        request = lab.request("Your table ⌘ is ready")
        assert await client.find_sms(request, since=since) is None
        other = await client.send_sms(replace(request, body="Your table + is ready"), key=new_key())
        with pytest.raises(ProviderOutcomeUnknown):
            await client.find_sms(request, since=since)
        assert await client.find_sms(request, since=since, but_not={other.provider_message_id}) is None
        assert await client.find_sms(replace(request, sender="MG" + "8" * 32), since=since) is None
        assert await client.find_sms(request, since=datetime.now(UTC) + timedelta(minutes=1)) is None
        made = await client.send_sms(request, key=new_key())
        found = await client.find_sms(request, since=since)
        assert found is not None
        assert found.provider_message_id == made.provider_message_id

    async def test_another_text_sender_or_time_is_another_message(self, lab: "TwilioLab") -> None:
        client, request = lab.client(), lab.request()
        await client.send_sms(replace(request, body="Something else."), key=new_key())
        await client.send_sms(replace(request, sender=NUMBER), key=new_key())
        assert await client.find_sms(request, since=datetime.now(UTC)) is None
        await client.send_sms(request, key=new_key())
        assert await client.find_sms(request, since=datetime.now(UTC)) is not None
        assert await client.find_sms(request, since=datetime.now(UTC) + timedelta(minutes=1)) is None

    async def test_of_twins_the_one_that_is_nobody_elses(self, lab: "TwilioLab") -> None:
        since, client, request = datetime.now(UTC), lab.client(), lab.request()
        first = await client.send_sms(request, key=new_key())
        second = await client.send_sms(request, key=new_key())
        known = {first.provider_message_id}
        found = await client.find_sms(request, since=since, but_not=known)
        assert found is not None
        assert found.provider_message_id == second.provider_message_id
        assert await client.find_sms(request, since=since, but_not={*known, second.provider_message_id}) is None

    async def test_of_a_template_only_that_there_is_none_can_be_told(self, lab: "TwilioLab") -> None:
        """Nobody but Twilio knows what it says: any other message at that time could be it."""
        since, client = datetime.now(UTC), lab.client()
        request = replace(lab.request(""), provider_template=CONTENT, variables={"1": "Ada"})
        assert await client.find_sms(request, since=since) is None
        other = await client.send_sms(replace(lab.request(), to=request.to), key=new_key())
        with pytest.raises(ProviderOutcomeUnknown):
            await client.find_sms(request, since=since)
        assert await client.find_sms(request, since=since, but_not={other.provider_message_id}) is None

    async def test_what_is_scheduled_is_found_too(self, lab: "TwilioLab") -> None:
        since, request = datetime.now(UTC), lab.request()
        request = replace(request, send_at=datetime.now(UTC) + timedelta(hours=1))
        await lab.client().send_sms(request, key=new_key())
        found = await lab.client().find_sms(request, since=since)
        assert found is not None
        assert found.status == "scheduled"

    async def test_all_pages_are_walked(self, lab: "TwilioLab") -> None:
        since, client, request = datetime.now(UTC), lab.client(), lab.request()
        made = await client.send_sms(request, key=new_key())
        for number in range(101):
            await client.send_sms(replace(request, body=f"Number {number}."), key=new_key())
        found = await client.find_sms(request, since=since)
        assert found is not None
        assert found.provider_message_id == made.provider_message_id

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"messages": "none"},
            {"messages": [], "next_page_uri": "https://evil.example/2010-04-01/"},
            {"messages": [], "next_page_uri": "/2010-04-01/Accounts/AC" + "1" * 32 + "/Messages.json?Page=1"},
        ],
    )
    async def test_a_strange_list_is_no_absence(self, body: dict[str, object]) -> None:
        asked: list[httpx.URL] = []

        def answer(request: httpx.Request) -> httpx.Response:
            asked.append(request.url)
            return httpx.Response(200, json=body)

        credentials = {
            "account_sid": SecretStr("AC" + "0" * 32),
            "api_key_secret": SecretStr("s" * 32),
            "from_number": SecretStr(NUMBER),
        }
        client = package("twilio").open(credentials, http=httpx.MockTransport(answer), environment="test")
        with pytest.raises(ProviderUnavailable):
            await client.find_sms(SmsRequest(new_id("sms"), "+1", "Hello."), since=datetime.now(UTC))
        assert {url.host for url in asked} == {"api.twilio.com"}
        assert len(asked) == 1


class TestCancel:
    async def test_what_is_on_its_way_cannot_be_canceled(self, lab: "TwilioLab") -> None:
        client, request = lab.client(), lab.request()
        made = await client.send_sms(request, key=new_key())
        with pytest.raises(Conflict):
            await client.cancel_sms(reference(request, made.provider_message_id), key=new_key())


class TestGet:
    async def test_the_price_is_told_once_it_was_sent(self, lab: "TwilioLab") -> None:
        client, request = lab.client(), lab.request("a" * 161)
        made = await client.send_sms(request, key=new_key())
        assert (made.segments, made.cost) == (None, None)
        await lab.decide(made.provider_message_id, "delivered")
        shown = await client.get_sms(reference(request, made.provider_message_id))
        assert (shown.segments, str(shown.cost), shown.cost_currency) == (2, "0.01660", "USD")
        assert shown.is_tracked
