"""What is Resend's own: keys that may only send, a key used for something else, what is found after a day, refusals."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from pydantic import SecretStr
from tests.providers.email.lab import message, package_of

from onerouter_common.errors import (
    CapabilityUnsupported,
    Conflict,
    ProviderDeclined,
    ProviderOutcomeUnknown,
    ProviderRefusedUs,
    ProviderThrottled,
    ProviderUnavailable,
)
from onerouter_providers.email.resend.client import create_client
from onerouter_providers.http import ProviderHttp
from onerouter_providers.messages import Address, MessageReference, MessageSnapshot
from onerouter_providers.testing.payments_suite import new_key

if TYPE_CHECKING:
    from tests.pausing import Pause

    from .conftest import ResendLab

DAY_S = 86_401


def reference(made: MessageSnapshot) -> MessageReference:
    return MessageReference("eml_01", made.provider_message_id, "ada@example.net", datetime.now(UTC))


class TestAKeyThatMayOnlySend:
    @pytest.mark.parametrize("declared", [True, False])
    async def test_sends_and_is_good_and_reads_nothing(self, lab: "ResendLab", declared: bool) -> None:
        await lab.register(key_permission="sending_access")
        client = lab.client(credentials={"key_permission": "sending_access"} if declared else None)
        await client.probe()
        request = message()
        made = await client.send_email(request, key=new_key())
        for call in (
            client.get_email(reference(made)),
            client.find_email(request, since=datetime.now(UTC)),
            client.cancel_email(reference(made), key=new_key()),
        ):
            with pytest.raises(CapabilityUnsupported):
                await call

    async def test_is_not_asked_where_it_was_declared(self) -> None:
        asked: list[httpx.URL] = []

        def answer(request: httpx.Request) -> httpx.Response:
            asked.append(request.url)
            return httpx.Response(200, json={"id": "1", "last_event": "delivered", "data": [], "has_more": False})

        given = {"api_key": SecretStr("re_of_a_key_that_sends"), "key_permission": SecretStr("sending_access")}
        client = package_of("resend").open(given, http=httpx.MockTransport(answer), environment="test")
        told = MessageReference("eml_01", "1", "ada@example.net", datetime.now(UTC))
        for call in (
            client.get_email(told),
            client.find_email(message(), since=datetime.now(UTC)),
            client.cancel_email(told, key=new_key()),
        ):
            with pytest.raises(CapabilityUnsupported):
                await call
        assert asked == []


class TestSend:
    async def test_a_key_used_for_something_else_leads_to_what_was_sent(self, lab: "ResendLab") -> None:
        """As when our own words for a request changed between two tries."""
        client, key, request = lab.client(), new_key(), message()
        first = await client.send_email(request, key=key)
        again = await client.send_email(replace(request, headers={"X-New": "1"}), key=key)
        assert again.provider_message_id == first.provider_message_id
        assert await lab.effects(request) == 1

    async def test_a_key_used_for_what_is_not_found_stays_unknown(self, lab: "ResendLab") -> None:
        client, key, request = lab.client(), new_key(), message()
        await client.send_email(request, key=key)
        with pytest.raises(ProviderOutcomeUnknown):
            await client.send_email(message(), key=key)

    async def test_a_repeat_while_the_first_is_running_is_unknown_for_a_moment(
        self, lab: "ResendLab", pause: "Pause"
    ) -> None:
        client, key, request = lab.client(), new_key(), message()
        await lab.ask("/faults", provider="resend", kind="slow", times=1, delay_s=1, key_id=lab.account_id)
        first = asyncio.create_task(client.send_email(request, key=key))
        await pause.reached()
        with pytest.raises(ProviderOutcomeUnknown) as caught:
            await client.send_email(request, key=key)
        assert (caught.value.provider_code, caught.value.retry_after_s) == ("concurrent_idempotent_requests", 2)
        pause.end()
        assert (await first).provider_message_id

    async def test_a_template_is_sent_once_it_is_published(self, lab: "ResendLab") -> None:
        client = lab.client()
        headers = {"Authorization": f"Bearer {lab.credentials['api_key']}", "User-Agent": "test"}
        async with httpx.AsyncClient(base_url=f"{lab.url}/resend", headers=headers, trust_env=False) as api:
            given = {"name": "Welcome", "subject": "Hi {{{NAME}}}", "html": "<p>{{{NAME}}}</p>", "text": "{{{NAME}}}"}
            template_id = (await api.post("/templates", json=given)).json()["id"]
            request = message(subject=None, text=None, provider_template=template_id, variables={"NAME": "Ada"})
            with pytest.raises(ProviderRefusedUs):
                await client.send_email(request, key=new_key())
            await api.post(f"/templates/{template_id}/publish")
        made = await client.send_email(request, key=new_key())
        assert await lab.text_of(made.provider_message_id) == "Ada"
        with pytest.raises(ProviderRefusedUs):
            await client.send_email(replace(request, variables={}), key=new_key())

    async def test_an_account_over_its_quota_may_not_be_asked_again_soon(self, lab: "ResendLab") -> None:
        await lab.register(daily_quota=0)
        with pytest.raises(ProviderRefusedUs) as caught:
            await lab.client().send_email(message(), key=new_key())
        assert caught.value.reason == "insufficient_credit"

    async def test_too_many_calls_in_a_second_are_throttled(self, lab: "ResendLab") -> None:
        await lab.register(requests_per_s=1)
        with pytest.raises(ProviderThrottled) as caught:
            for _ in range(3):
                await lab.client().send_email(message(), key=new_key())
        assert caught.value.retry_after_s == 1


class TestFind:
    async def test_twins_are_told_apart(self, lab: "ResendLab") -> None:
        """The same text to the same person: only the calls say which is whose."""
        since, client, one = datetime.now(UTC), lab.client(), message()
        other, third = replace(one, message_id=message().message_id), replace(one, message_id=message().message_id)
        ids = [(await client.send_email(each, key=new_key())).provider_message_id for each in (one, other)]
        found = [await client.find_email(each, since=since) for each in (one, other, third)]
        assert [each and each.provider_message_id for each in found] == [*ids, None]

    async def test_however_it_is_written_it_is_found(self, lab: "ResendLab") -> None:
        since, client, name = datetime.now(UTC), lab.client(), message().message_id
        request = message(to=(Address(f"Ada.{name}@Bücher.example", "Lovelace, Ada"),), subject=" Two  spaces ")
        made = await client.send_email(request, key=new_key())
        found = await client.find_email(request, since=since)
        assert found is not None
        assert found.provider_message_id == made.provider_message_id

    async def test_one_like_it_that_nobody_claims_is_no_absence(self) -> None:
        """Sent in another way (a batch, the dashboard), it could be ours all the same."""
        request = message()
        alike = {
            "id": "1",
            "created_at": "2026-11-21 16:46:13.000000+00",
            "from": "hello@example.com",
            "to": [request.to[0].email.upper()],
            "subject": request.subject,
        }

        def answer(asked: httpx.Request) -> httpx.Response:
            return httpx.Response(200, json={"data": [alike] if asked.url.path == "/emails" else []})

        async for client in speaking(answer):
            with pytest.raises(ProviderUnavailable):
                await client.find_email(request, since=datetime(2026, 11, 21, tzinfo=UTC))
            other = replace(request, subject="Something else")
            assert await client.find_email(other, since=datetime(2026, 11, 21, tzinfo=UTC)) is None

    async def test_calls_that_cannot_be_opened_are_no_absence(self, lab: "ResendLab") -> None:
        since, client, request = datetime.now(UTC), lab.client(), message()
        await client.send_email(request, key=new_key())
        await lab.ask("/faults", provider="resend", operation="logs.*", kind="error_5xx", key_id=lab.account_id)
        with pytest.raises(ProviderUnavailable):
            await client.find_email(request, since=since)

    async def test_what_is_older_is_not_it(self, lab: "ResendLab") -> None:
        client, request = lab.client(), message()
        await client.send_email(request, key=new_key())
        assert await client.find_email(request, since=datetime.now(UTC) + timedelta(minutes=2)) is None

    async def test_after_a_day_a_repeat_would_send_again_and_it_is_found(self, lab: "ResendLab") -> None:
        since, client, key, request = datetime.now(UTC), lab.client(), new_key(), message()
        first = await client.send_email(request, key=key)
        await lab.advance(DAY_S)
        found = await client.find_email(request, since=since)
        assert found is not None
        assert found.provider_message_id == first.provider_message_id
        await client.send_email(request, key=key)
        assert await lab.effects(request) == 2  # which is why the manifest says how long a key is remembered


class TestCancel:
    async def test_what_has_gone_cannot_be_canceled(self, lab: "ResendLab") -> None:
        made = await lab.client().send_email(message(), key=new_key())
        with pytest.raises(Conflict):
            await lab.client().cancel_email(reference(made), key=new_key())


class TestRefusals:
    @pytest.mark.parametrize(
        ("status", "body", "kind", "reason"),
        [
            (
                422,
                {"name": "validation_error", "message": "Invalid `to` field."},
                ProviderDeclined,
                "invalid_recipient",
            ),
            (
                422,
                {"name": "validation_error", "message": "Invalid `from` field."},
                ProviderRefusedUs,
                "invalid_sender",
            ),
            (422, {"name": "validation_error", "message": "Tags should …"}, ProviderRefusedUs, "invalid_request"),
            (422, {"name": "missing_required_field", "message": "x"}, ProviderRefusedUs, "invalid_request"),
            (422, {"name": "invalid_from_address", "message": "x"}, ProviderRefusedUs, "invalid_sender"),
            (403, {"name": "validation_error", "message": "not verified"}, ProviderRefusedUs, "invalid_sender"),
            (403, {"name": "invalid_api_key", "message": "x"}, ProviderRefusedUs, "authentication_failed"),
            (401, {"error": {"name": "missing_api_key", "message": "x"}}, ProviderRefusedUs, "authentication_failed"),
            (403, "error code: 1010", ProviderRefusedUs, "authentication_failed"),
            (404, {"name": "not_found", "message": "x"}, ProviderRefusedUs, "not_found"),
            (405, {"name": "method_not_allowed", "message": "x"}, ProviderRefusedUs, "invalid_request"),
            (409, {"name": "concurrent_idempotent_requests"}, ProviderOutcomeUnknown, "indeterminate"),
            (409, {}, ProviderOutcomeUnknown, "indeterminate"),
            (413, "<html>", ProviderDeclined, "payload_too_large"),
            (418, {}, ProviderRefusedUs, "unknown"),
            (429, {"name": "rate_limit_exceeded"}, ProviderThrottled, "rate_limited"),
            (429, "slow down", ProviderThrottled, "rate_limited"),
            (429, {"name": "daily_quota_exceeded"}, ProviderRefusedUs, "insufficient_credit"),
            (429, {"name": "monthly_quota_exceeded"}, ProviderRefusedUs, "insufficient_credit"),
            (451, {"name": "security_error"}, ProviderDeclined, "content_rejected"),
            (500, {"name": "application_error"}, ProviderOutcomeUnknown, "indeterminate"),
            (200, {}, ProviderOutcomeUnknown, "indeterminate"),
            (200, "sent", ProviderOutcomeUnknown, "indeterminate"),
        ],
    )
    async def test_each_has_its_class_and_reason(
        self, status: int, body: dict[str, Any] | str, kind: type[Exception], reason: str
    ) -> None:
        async for client in answering(status, body):
            with pytest.raises(kind) as caught:
                await client.send_email(message(), key=new_key())
            assert (type(caught.value), caught.value.reason) == (kind, reason)  # type: ignore[attr-defined]

    @pytest.mark.parametrize(
        "body",
        [{}, {"data": 5}, {"data": [{"id": "1"}]}, {"data": [], "has_more": True}, {"data": [{"created_at": "x"}]}],
    )
    async def test_a_list_that_cannot_be_read_is_no_absence(self, body: dict[str, Any]) -> None:
        async for client in answering(200, body):
            with pytest.raises(ProviderUnavailable):
                await client.find_email(message(), since=datetime.now(UTC))

    async def test_a_state_we_have_not_met_is_no_answer(self) -> None:
        async for client in answering(200, {"id": "1", "last_event": "vanished"}):
            with pytest.raises(ProviderUnavailable):
                await client.get_email(MessageReference("eml_01", "1", "a@example.net", datetime.now(UTC)))

    async def test_a_domain_that_is_not_verified(self, lab: "ResendLab") -> None:
        with pytest.raises(ProviderRefusedUs) as caught:
            await lab.client().send_email(message(sender=Address("a@elsewhere.example")), key=new_key())
        assert caught.value.reason == "invalid_sender"


async def answering(status: int, body: dict[str, Any] | str) -> AsyncIterator[Any]:
    """A client whose every call is answered so."""

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(status, text=body) if isinstance(body, str) else httpx.Response(status, json=body)

    async for client in speaking(answer):
        yield client


async def speaking(answer: Callable[[httpx.Request], httpx.Response]) -> AsyncIterator[Any]:
    async with httpx.MockTransport(answer) as pool:
        http = ProviderHttp(pool, provider="resend", display_name="Resend")
        yield create_client({"api_key": SecretStr("re_12345678")}, http=http, base_url="https://resend.test")
