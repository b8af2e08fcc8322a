"""SMS, email, templates, batches and suppressions by the published client."""

from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import uuid4

import pytest
from tests.e2e.addressees import ADDRESSEES
from tests.e2e.sdk.driver import Sdk, reached
from tests.e2e.world import World

from onerouter import ConflictError, NotFoundError, ValidationError

CODE: Final = "Your code is 481-223."


class TestSms:
    async def test_is_sent_once_and_followed(self, sdk: Sdk, world: World) -> None:
        twilio = ADDRESSEES["twilio"]
        to, key = twilio.new_address(), str(uuid4())
        sent = await sdk.call("sms.send", to, CODE, provider="twilio", idempotency_key=key)
        again = await sdk.call("sms.send", to=to, body=CODE, provider="twilio", idempotency_key=key)
        assert sent.id == sent["message_id"] == again.id
        assert sent.service == "twilio"
        delivered = await reached(sdk, "sms.get_status", sent.id, "delivered")
        assert delivered.id == (await sdk.call("sms.get", sent.id)).id
        assert [each["body"] for each in await twilio.received(world, to)] == [CODE]

    async def test_can_wait_and_be_given_up(self, sdk: Sdk) -> None:
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        later = await sdk.call("sms.send", ADDRESSEES["twilio"].new_address(), CODE, send_at=tomorrow)
        assert later.status == "scheduled"
        assert (await sdk.call("sms.cancel", later.id)).status == "canceled"
        sent = await sdk.call("sms.send", ADDRESSEES["twilio"].new_address(), CODE, provider="twilio")
        await reached(sdk, "sms.get", sent.id, "delivered")
        with pytest.raises(ConflictError):
            await sdk.call("sms.cancel", sent.id)

    async def test_goes_to_many_with_each_one_s_own_words(self, sdk: Sdk) -> None:
        name = f"Code {uuid4()}"
        template = await sdk.call("templates.create", "sms", name, body="{{ code }} is your code for {{ shop }}.")
        await sdk.call("templates.update", "sms", template.id, defaults={"shop": "the shop"})
        shown = await sdk.call("templates.preview", "sms", template.id, variables={"code": "481-223"})
        assert shown.body == "481-223 is your code for the shop."
        published = await sdk.call("templates.publish", "sms", template.id)
        assert published.current.version == 1
        to = [ADDRESSEES["twilio"].new_address() for _ in range(3)]
        recipients = [{"to": each, "variables": {"code": str(n)}} for n, each in enumerate(to)] + [{"to": "nobody"}]
        batch = await sdk.call("sms.send_bulk", recipients, template_id=template.id, provider="twilio")
        assert (batch.total, [each.index for each in batch.rejected]) == (4, [3])
        await reached(sdk, "sms.get_batch", batch.id, "completed")
        messages = await sdk.all_of("sms.list_batch_messages", batch.id, limit=2)
        assert {each.to for each in messages} == set(to)
        assert {each.template.id for each in messages} == {template.id}
        (version,) = await sdk.all_of("templates.list_versions", "sms", template.id)
        assert version.is_current
        assert [each.id for each in await sdk.all_of("templates.list", "sms", name=name)] == [template.id]
        assert (await sdk.call("templates.delete", "sms", template.id)).deleted
        with pytest.raises(NotFoundError):
            await sdk.call("templates.get", "sms", template.id)

    async def test_a_batch_that_waits_is_given_up(self, sdk: Sdk) -> None:
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        recipients = [{"to": ADDRESSEES["twilio"].new_address()} for _ in range(2)]
        batch = await sdk.call("sms.send_bulk", recipients, body=CODE, send_at=tomorrow, provider="twilio")
        await sdk.call("sms.cancel_batch", batch.id)
        for message in await sdk.all_of("sms.list_batch_messages", batch.id):
            await reached(sdk, "sms.get", message.id, "canceled")


class TestEmail:
    async def test_goes_to_many_or_to_nobody_any_more(self, sdk: Sdk) -> None:
        recipients = [{"to": ADDRESSEES["resend"].new_address()} for _ in range(3)]
        words = {"subject": "Hello", "text_body": "Hello", "provider": "resend"}
        batch = await sdk.call("email.send_bulk", recipients, **words)
        done = await reached(sdk, "email.get_batch", batch.id, "completed")
        assert (done.total, batch.rejected) == (3, [])
        messages = await sdk.all_of("email.list_batch_messages", batch.id, limit=2)
        assert {each.batch_id for each in messages} == {batch.id}
        assert len(messages) == 3
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        later = await sdk.call("email.send_bulk", recipients, send_at=tomorrow, **words)
        await sdk.call("email.cancel_batch", later.id)
        for message in await sdk.all_of("email.list_batch_messages", later.id):
            await reached(sdk, "email.get", message.id, "canceled")
        one = await sdk.call("email.send", recipients[0]["to"], send_at=tomorrow, **words)
        assert (await sdk.call("email.cancel", one.id)).status == "canceled"

    async def test_is_sent_with_what_belongs_to_it(self, sdk: Sdk, world: World) -> None:
        resend = ADDRESSEES["resend"]
        to, tag = resend.new_address(), uuid4().hex
        sent = await sdk.call(
            "email.send",
            to=[to, {"email": resend.new_address(), "name": "Grace"}],
            subject="Your receipt",
            html_body="<p>Thank you.</p>",
            provider="resend",
            tags=[tag],
            attachments=[{"filename": "receipt.txt", "content": "NDk5LjAwIElOUgo="}],
        )
        assert sent.id == sent["email_id"]
        assert sent.from_.email
        await reached(sdk, "email.get_status", sent.id, "delivered")
        full = await sdk.call("email.get", sent.id, include="content")
        assert full.html == "<p>Thank you.</p>"
        assert [each.id for each in await sdk.all_of("email.list", tag=tag)] == [sent.id]
        assert len(await resend.received(world, to)) == 1

    async def test_without_words_is_not_asked_for(self, sdk: Sdk) -> None:
        with pytest.raises(ValueError, match="html_body or text_body"):
            await sdk.call("email.send", "ada@example.net", "Hello")

    async def test_to_who_does_not_want_any_is_refused(self, sdk: Sdk) -> None:
        address = ADDRESSEES["resend"].new_address()
        assert not (await sdk.call("suppressions.check", "email", address)).suppressed
        listed = await sdk.call("suppressions.create", "email", address, note="asked by telephone")
        assert (await sdk.call("suppressions.check", "email", address)).suppressed
        assert [each.id for each in await sdk.all_of("suppressions.list", "email", address=address)] == [listed.id]
        with pytest.raises(ValidationError):
            await sdk.call("email.send", address, "Hello", text_body="Hello", provider="resend")
        assert (await sdk.call("suppressions.delete", listed.id)).deleted
        assert (await sdk.call("email.send", address, "Hello", text_body="Hello", provider="resend")).id
