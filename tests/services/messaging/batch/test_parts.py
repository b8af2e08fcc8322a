"""A part and what is common make the message that was asked for."""

from datetime import UTC, datetime
from typing import Any

import pytest
from tests.services.messaging.examples import an_operation

from onerouter_common.contracts.messages import (
    CreateEmailBatch,
    CreateSmsBatch,
    EmailAddress,
    EmailContent,
    EmailRecipient,
    SendEmail,
    SmsContent,
    SmsRecipient,
    TemplateUse,
)
from onerouter_common.db.engine import Pool
from onerouter_common.errors import InvalidRequest
from onerouter_messaging.batch.parts import own_parts, whole
from onerouter_messaging.content.batches import BatchContents
from onerouter_messaging.template.renderer.process import Renderers
from onerouter_messaging.template.rendering import Rendering

USE = TemplateUse(template_id="tpl_1", version=2, variables={"shop": "Acme", "code": "0"})
LATER = datetime(2027, 1, 1, tzinfo=UTC)


def test_what_is_its_own_goes_over_what_is_common() -> None:
    common = SmsContent(
        template=USE, sender="ACME", metadata={"a": "1", "b": "1"}, tags=["t"], providers=["sns"], priority="bulk"
    )
    recipients = [
        SmsRecipient(message_id="sms_1", to="+14155550001", variables={"code": "7"}, metadata={"b": "2"}),
        SmsRecipient(message_id="sms_2", to="+14155550002", country="US", body="Just for you"),
    ]
    batch = CreateSmsBatch(common=common, recipients=recipients, indexes=[0, 1])
    (_, first), (_, second) = own_parts("bat_1", batch)
    assert first.template == USE.model_copy(update={"variables": {"code": "7"}})
    assert (first.metadata, first.tags, first.is_part, first.batch_id) == ({"b": "2"}, [], True, "bat_1")
    assert (first.providers, first.priority) == (["sns"], "bulk"), "the route needs them before it is put together"
    made: Any = whole(first, common)
    assert made.template == USE.model_copy(update={"variables": {"shop": "Acme", "code": "7"}})
    assert (made.to, made.sender, made.tags, made.metadata) == ("+14155550001", "ACME", ["t"], {"a": "1", "b": "2"})
    made = whole(second, common)
    assert (made.body, made.template, made.country, made.batch_id) == ("Just for you", None, "US", "bat_1")


def test_variables_of_a_template_of_the_providers_are_its_own_and_those_of_all() -> None:
    common = SmsContent(provider="twilio", provider_template="HX1", variables={"1": "Acme", "2": "b"})
    recipient = SmsRecipient(message_id="sms_1", to="+14155550001", variables={"2": "Ada"})
    [(_, own)] = own_parts("bat_1", CreateSmsBatch(common=common, recipients=[recipient], indexes=[0]))
    made: Any = whole(own, common)
    assert (made.provider_template, made.variables, made.template) == ("HX1", {"1": "Acme", "2": "Ada"}, None)


def test_everything_else_of_an_email_is_common() -> None:
    common = EmailContent(
        subject="S",
        html="<p>",
        headers={"X-A": "b"},
        reply_to=[EmailAddress(email="a@b.example")],
        provider="sendgrid",
        provider_template="d-1",
        variables={"shop": "Acme"},
        override_suppression="asked for",
        send_at=LATER,
    )
    to = EmailAddress(email="ada@example.com")
    recipient = EmailRecipient(message_id="em_1", to=to, variables={"name": "Ada"})
    [(_, own)] = own_parts("bat_1", CreateEmailBatch(common=common, recipients=[recipient], indexes=[0]))
    assert isinstance(own, SendEmail)
    assert (own.html, own.headers, own.reply_to, own.variables) == (None, {}, [], {"name": "Ada"})
    assert (own.provider, own.send_at) == ("sendgrid", LATER)
    variables = {"shop": "Acme", "name": "Ada"}
    expected = SendEmail(**{**dict(common), "to": [to], "variables": variables, "batch_id": "bat_1", "is_part": True})
    assert whole(own, common) == expected


async def test_a_part_of_what_is_not_kept_any_more_is_refused(pool: Pool, renderers: Renderers) -> None:
    contents = BatchContents(pool, Rendering(renderers))
    part = SendEmail(to=[EmailAddress(email="ada@example.com")], batch_id="bat_1", is_part=True)
    with pytest.raises(InvalidRequest, match="not kept any more"):
        await contents.whole(an_operation("email.send", "em_1"), part)
    alone = part.model_copy(update={"is_part": False})
    assert await contents.whole(an_operation("email.send", "em_1"), alone) is alone
