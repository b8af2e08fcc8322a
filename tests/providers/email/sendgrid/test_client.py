"""What is SendGrid's own: logs that lag, messages that wait, batches, regions, refusals."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from pydantic import SecretStr
from tests.providers.email.lab import message

from onerouter_common.errors import (
    Conflict,
    ProviderDeclined,
    ProviderOutcomeUnknown,
    ProviderRefusedUs,
    ProviderThrottled,
    ProviderUnavailable,
)
from onerouter_providers.email.sendgrid.client import create_client
from onerouter_providers.http import ProviderHttp
from onerouter_providers.messages import Address, MessageReference, MessageSnapshot
from onerouter_providers.testing.payments_suite import new_key

if TYPE_CHECKING:
    from .conftest import SendGridLab

HOUR = timedelta(hours=1)


def reference(made: MessageSnapshot, to: str = "ada@example.net", sent_at: datetime | None = None) -> MessageReference:
    return MessageReference("eml_01", made.provider_message_id, to, sent_at or datetime.now(UTC))


class TestFind:
    async def test_twins_are_told_apart(self, lab: "SendGridLab") -> None:
        """The same text to the same person: only the custom arguments say which is whose."""
        since, client, one = datetime.now(UTC), lab.client(), message()
        other, third = replace(one, message_id=message().message_id), replace(one, message_id=message().message_id)
        ids = [(await client.send_email(each, key=new_key())).provider_message_id for each in (one, other)]
        found = [await client.find_email(each, since=since) for each in (one, other, third)]
        assert [each and each.provider_message_id for each in found] == [*ids, None]

    async def test_an_address_is_found_however_it_is_written(self, lab: "SendGridLab") -> None:
        since, client, name = datetime.now(UTC), lab.client(), message().message_id
        request = message(to=(Address(f"O'Neil.{name}@Example.net"), Address(f"{name}@example.net")))
        made = await client.send_email(request, key=new_key())
        found = await client.find_email(request, since=since)
        assert found is not None
        assert found.provider_message_id == made.provider_message_id

    async def test_a_subject_that_is_logged_otherwise_is_no_absence(self) -> None:
        """A message that was sent and is not recognized would be sent again."""
        request = message(subject="Your  code ")

        def answer(asked: httpx.Request) -> httpx.Response:
            if asked.method == "POST":
                line = {"sg_message_id": "a.1", "subject": "Your code", "status": "delivered"}
                return httpx.Response(200, json={"messages": [line]})
            return httpx.Response(200, json={"custom_args": {"onerouter_id": request.message_id}})

        async for client in speaking(answer):
            found = await client.find_email(request, since=datetime.now(UTC))
            assert (found.provider_message_id, found.status) == ("a", "delivered")

    async def test_what_is_to_be_sent_later_is_not_absent_before_its_time(self, lab: "SendGridLab") -> None:
        since, client = datetime.now(UTC), lab.client()
        sent, unsent = (message(send_at=datetime.now(UTC) + HOUR) for _ in range(2))
        made = await client.send_email(sent, key=new_key())
        for request in (sent, unsent):
            with pytest.raises(ProviderUnavailable):
                await client.find_email(request, since=since)
        await lab.advance(HOUR.total_seconds() + 60)
        found = await client.find_email(sent, since=since)
        assert found is not None
        assert found.provider_message_id == made.provider_message_id
        long_ago = replace(unsent, send_at=datetime.now(UTC) - HOUR)
        assert await client.find_email(long_ago, since=since) is None

    async def test_too_much_to_look_through_is_no_absence(self, lab: "SendGridLab") -> None:
        line = {"sg_message_id": "a.1", "subject": "Hi", "status": "processed"}

        def answer(request: httpx.Request) -> httpx.Response:
            many: dict[str, Any] = {"messages": [line] * 1_000} if request.method == "POST" else {"custom_args": {}}
            return httpx.Response(200, json=many)

        async for client in speaking(answer):
            with pytest.raises(ProviderUnavailable):
                await client.find_email(message(), since=datetime.now(UTC))

    @pytest.mark.parametrize("body", [{}, {"messages": 5}, {"messages": [5]}, {"messages": [{"subject": "Hi"}]}])
    async def test_logs_that_cannot_be_read_are_no_absence(self, body: dict[str, Any]) -> None:
        async for client in answering(200, body):
            with pytest.raises(ProviderUnavailable):
                await client.find_email(message(subject="Hi"), since=datetime.now(UTC))


class TestGet:
    async def test_what_the_logs_do_not_show_yet_is_not_lost(self, lab: "SendGridLab") -> None:
        await lab.register(log_lag_s=900)
        client, request = lab.client(), message()
        made = await client.send_email(request, key=new_key())
        with pytest.raises(ProviderUnavailable):
            await client.get_email(reference(made, request.to[0].email))
        await lab.advance(901)
        assert (await client.get_email(reference(made, request.to[0].email))).status == "sent"

    async def test_what_was_never_there_is_not_found(self, lab: "SendGridLab") -> None:
        long_ago = datetime.now(UTC) - HOUR
        with pytest.raises(ProviderRefusedUs) as caught:
            await lab.client().get_email(reference(MessageSnapshot("queued", "nobodys"), sent_at=long_ago))
        assert caught.value.reason == "not_found"

    async def test_who_bounced_is_not_written_to_again(self, lab: "SendGridLab") -> None:
        client, request = lab.client(), message()
        made = await client.send_email(request, key=new_key())
        await lab.decide(made.provider_message_id, "failed")
        again = await client.send_email(replace(request, message_id=message().message_id), key=new_key())
        shown = await client.get_email(reference(again, request.to[0].email))
        assert (shown.status, shown.error_reason) == ("failed", "suppressed")
        assert shown.facts == {"event": "suppressed", "suppressed_for": "bounce", "recipient": request.to[0].email}
        (dropped,) = await lab.told(again.provider_message_id)
        assert (dropped.object.status, dropped.object.error_reason) == ("failed", "suppressed")


class TestCallbacks:
    async def test_events_come_in_batches_of_several_messages(self, lab: "SendGridLab") -> None:
        await lab.register(batch_s=0.3, fate="opened")
        client = lab.client()
        made = [await client.send_email(message(), key=new_key()) for _ in range(3)]
        async with asyncio.timeout(60):
            while not lab.inbox.came.get(lab.account_id):
                await asyncio.sleep(0.01)
        assert len(lab.inbox.came[lab.account_id]) == 1
        for each in made:
            events = await lab.told(each.provider_message_id)
            assert [event.type for event in events] == ["processed", "delivered", "open"]

    async def test_of_a_scheduled_message_they_name_the_same(self, lab: "SendGridLab") -> None:
        request = message(send_at=datetime.now(UTC) + HOUR)
        made = await lab.client().send_email(request, key=new_key())
        await lab.advance(HOUR.total_seconds() + 1)
        (sent,) = await lab.told(made.provider_message_id)
        assert (sent.object.reference, sent.object.status) == (request.message_id, "sent")


class TestCancel:
    async def test_what_was_not_scheduled_cannot_be_canceled(self, lab: "SendGridLab") -> None:
        made = await lab.client().send_email(message(), key=new_key())
        with pytest.raises(Conflict):
            await lab.client().cancel_email(reference(made), key=new_key())

    async def test_what_is_about_to_go_cannot_be_canceled(self, lab: "SendGridLab") -> None:
        request = message(send_at=datetime.now(UTC) + timedelta(minutes=5))
        made = await lab.client().send_email(request, key=new_key())
        with pytest.raises(Conflict):
            await lab.client().cancel_email(reference(made), key=new_key())


class TestSend:
    async def test_a_batch_that_is_not_given_is_no_doubt(self, lab: "SendGridLab") -> None:
        request = message(send_at=datetime.now(UTC) + HOUR)
        await lab.ask("/faults", provider="sendgrid", operation="mail.batch.*", kind="error_5xx", key_id=lab.account_id)
        with pytest.raises(ProviderUnavailable):
            await lab.client().send_email(request, key=new_key())

    async def test_a_template_is_filled_in(self, lab: "SendGridLab") -> None:
        async with httpx.AsyncClient(
            base_url=f"{lab.url}/sendgrid/v3",
            headers={"Authorization": f"Bearer {lab.credentials['api_key']}"},
            trust_env=False,
        ) as api:
            template = (await api.post("/templates", json={"name": "Welcome", "generation": "dynamic"})).json()
            version = {"name": "1", "subject": "Hi {{name}}", "plain_content": "{{name}}{{nothing}}"}
            (await api.post(f"/templates/{template['id']}/versions", json=version)).raise_for_status()
        request = message(subject=None, text=None, provider_template=template["id"], variables={"name": "Ada"})
        made = await lab.client().send_email(request, key=new_key())
        assert await lab.text_of(made.provider_message_id) == "Ada"

    @pytest.mark.parametrize(
        ("account", "reason"),
        [
            ({"credits": 0}, "insufficient_credit"),
            ({"senders": ["elsewhere.example"]}, "invalid_sender"),
            ({"scopes": ["messages.read"]}, "authentication_failed"),
        ],
    )
    async def test_refusals_of_the_account(self, lab: "SendGridLab", account: dict[str, Any], reason: str) -> None:
        await lab.register(**account)
        with pytest.raises(ProviderRefusedUs) as caught:
            await lab.client().send_email(message(), key=new_key())
        assert caught.value.reason == reason

    async def test_a_key_that_may_not_send_is_no_good(self, lab: "SendGridLab") -> None:
        await lab.register(scopes=["messages.read"])
        with pytest.raises(ProviderRefusedUs, match="Mail Send"):
            await lab.client().probe()

    async def test_too_many_calls_in_a_second_are_throttled(self, lab: "SendGridLab") -> None:
        await lab.register(requests_per_s=1)
        with pytest.raises(ProviderThrottled) as caught:
            for _ in range(3):
                await lab.client().send_email(message(), key=new_key())
        assert caught.value.retry_after_s is not None
        assert 0 <= caught.value.retry_after_s <= 1

    async def test_a_message_that_is_too_large_is_declined(self, lab: "SendGridLab") -> None:
        """Found out by SendGrid's proxy, which answers in HTML."""
        async for client in answering(413, "<html>413 Request Entity Too Large</html>"):
            with pytest.raises(ProviderDeclined) as caught:
                await client.send_email(message(), key=new_key())
            assert caught.value.reason == "payload_too_large"


class TestWhereTheDataIs:
    @pytest.mark.parametrize(
        ("residency", "base_url", "host"),
        [
            ("", "https://api.sendgrid.com", "api.sendgrid.com"),
            ("global", "https://api.sendgrid.com", "api.sendgrid.com"),
            ("eu", "https://api.sendgrid.com", "api.eu.sendgrid.com"),
            ("eu", "https://sandbox.test/sendgrid", "sandbox.test"),
        ],
    )
    async def test_the_region_is_the_accounts_unless_an_operator_says_otherwise(
        self, residency: str, base_url: str, host: str
    ) -> None:
        asked: list[str] = []

        def answer(request: httpx.Request) -> httpx.Response:
            asked.append(request.url.host)
            return httpx.Response(200, json={"scopes": ["mail.send"]})

        async for client in speaking(answer, base_url, data_residency=residency):
            await client.probe()
        assert asked == [host]


class TestRefusals:
    @pytest.mark.parametrize(
        ("status", "error", "kind", "reason"),
        [
            (400, {"field": "personalizations.0.to.0.email"}, ProviderDeclined, "invalid_recipient"),
            (400, {"field": "personalizations.0.cc.1.email"}, ProviderDeclined, "invalid_recipient"),
            (400, {"field": "from.email"}, ProviderRefusedUs, "invalid_sender"),
            (400, {"field": "content.0.value"}, ProviderRefusedUs, "invalid_request"),
            (400, {"field": None}, ProviderRefusedUs, "invalid_request"),
            (401, {"message": "Maximum credits exceeded"}, ProviderRefusedUs, "insufficient_credit"),
            (401, {"message": "authorization required"}, ProviderRefusedUs, "authentication_failed"),
            (403, {"message": "The from address does not match …"}, ProviderRefusedUs, "invalid_sender"),
            (403, {"message": "access forbidden"}, ProviderRefusedUs, "authentication_failed"),
            (404, {}, ProviderRefusedUs, "not_found"),
            (405, {}, ProviderRefusedUs, "invalid_request"),
            (418, {}, ProviderRefusedUs, "unknown"),
            (429, {}, ProviderThrottled, "rate_limited"),
            (500, {}, ProviderOutcomeUnknown, "indeterminate"),
            (200, {}, ProviderOutcomeUnknown, "indeterminate"),
        ],
    )
    async def test_each_has_its_class_and_reason(
        self, status: int, error: dict[str, Any], kind: type[Exception], reason: str
    ) -> None:
        async for client in answering(status, {"errors": [error]}):
            with pytest.raises(kind) as caught:
                await client.send_email(message(), key=new_key())
            assert (type(caught.value), caught.value.reason) == (kind, reason)  # type: ignore[attr-defined]

    @pytest.mark.parametrize("body", [{}, {"errors": []}, {"errors": 5}, {"errors": [5]}, "<html>"])
    async def test_strange_ones_go_by_their_status(self, body: dict[str, Any] | str) -> None:
        async for client in answering(401, body):
            with pytest.raises(ProviderRefusedUs) as caught:
                await client.send_email(message(), key=new_key())
            assert caught.value.reason == "authentication_failed"


async def answering(status: int, body: dict[str, Any] | str) -> AsyncIterator[Any]:
    """A client whose every call is answered so."""

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(status, text=body) if isinstance(body, str) else httpx.Response(status, json=body)

    async for client in speaking(answer):
        yield client


async def speaking(
    answer: Callable[[httpx.Request], httpx.Response], base_url: str = "https://sendgrid.test", **credentials: str
) -> AsyncIterator[Any]:
    given = {name: SecretStr(value) for name, value in {"api_key": "SG.1", **credentials}.items()}
    async with httpx.MockTransport(answer) as pool:
        yield create_client(
            given, http=ProviderHttp(pool, provider="sendgrid", display_name="SendGrid"), base_url=base_url
        )
