"""A message as it goes out: rendered, without those who must not get it, with its files; and the same again when asked."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.services.messaging.examples import EMAIL_COMMAND, NOW, SMS_COMMAND, an_operation

from onerouter_common.clock import SystemClock
from onerouter_common.contracts.messages import AttachmentUse, EmailAddress, TemplateUse
from onerouter_common.db.engine import Pool, worker_pool
from onerouter_common.errors import CallerError, InvalidRequest, NotFound, Overloaded
from onerouter_common.web.internal import TenantContext
from onerouter_messaging.attachment.service import Attachments
from onerouter_messaging.content.batches import BatchContents
from onerouter_messaging.content.composer import MessageComposer
from onerouter_messaging.content.source import Source
from onerouter_messaging.message.noted import Noted
from onerouter_messaging.message.state import Party
from onerouter_messaging.suppression.checking import SuppressionCheck
from onerouter_messaging.suppression.schemas import AddSuppression
from onerouter_messaging.suppression.service import Suppressions
from onerouter_messaging.template.renderer.process import Renderers
from onerouter_messaging.template.rendering import Rendering
from onerouter_messaging.template.schemas import CreateTemplate
from onerouter_messaging.template.service import Templates
from onerouter_providers.messages import Address

ANN = TenantContext("ten_1", "test")
SMS = an_operation("sms.send", "sms_1")
EMAIL = an_operation("email.send", "em_1")


def composer_of(pool: Pool, renderers: Renderers) -> MessageComposer:
    rendering = Rendering(renderers)
    return MessageComposer(Source(pool), BatchContents(pool, rendering), rendering, SuppressionCheck(pool))


@pytest.fixture
def composer(pool: Pool, renderers: Renderers) -> MessageComposer:
    return composer_of(pool, renderers)


async def suppress(engine: AsyncEngine, *addresses: str) -> None:
    for address in addresses:
        channel: Any = "email" if "@" in address else "sms"
        await Suppressions(engine).add(ANN, channel, AddSuppression(address=address))


async def template(engine: AsyncEngine, renderers: Renderers, channel: Any, **parts: Any) -> str:
    templates = Templates(engine, Rendering(renderers), SystemClock())
    id_ = str((await templates.create(ANN, channel, CreateTemplate(name="t", **parts)))["id"])
    await templates.publish(ANN, channel, id_, None)
    return id_


class TestSms:
    async def test_what_was_asked_goes_out(self, composer: MessageComposer) -> None:
        made = await composer.sms(SMS, SMS_COMMAND.model_copy(update={"sender": "ACME"}))
        assert (made.message_id, made.to, made.body, made.sender) == ("sms_1", SMS_COMMAND.to, SMS_COMMAND.body, "ACME")

    async def test_of_a_template_at_the_provider_the_text_is_there(self, composer: MessageComposer) -> None:
        use = {"body": None, "provider_template": "HX1", "variables": {"1": "Ann"}}
        made = await composer.sms(SMS, SMS_COMMAND.model_copy(update=use))
        assert (made.body, made.provider_template, made.variables) == ("", "HX1", {"1": "Ann"})

    async def test_nothing_goes_to_who_is_on_the_list(
        self, composer: MessageComposer, engine: AsyncEngine, pool: Pool
    ) -> None:
        await suppress(engine, SMS_COMMAND.to)
        with pytest.raises(CallerError) as refused:
            await composer.sms(SMS, SMS_COMMAND)
        assert refused.value.error_code == "SUPPRESSED"
        assert (await composer.sms(SMS, SMS_COMMAND, noted=Noted())).body == SMS_COMMAND.body
        assert (await composer.sms(an_operation("sms.send", "sms_2", tenant_id="ten_2"), SMS_COMMAND)).body
        overriding = SMS_COMMAND.model_copy(update={"override_suppression": "a code she has just asked for"})
        for _ in range(2):
            assert (await composer.sms(SMS, overriding)).body == SMS_COMMAND.body
        rows = await pool.fetch(
            "SELECT address, by_whom, note, message_id FROM suppression_audit WHERE action = 'overridden'"
        )
        assert [tuple(row) for row in rows] == [(SMS_COMMAND.to, "key_1", "a code she has just asked for", "sms_1")]

    async def test_a_template_says_the_same_whenever_it_is_asked(
        self, composer: MessageComposer, engine: AsyncEngine, renderers: Renderers, pool: Pool
    ) -> None:
        id_ = await template(engine, renderers, "sms", body="Hi {{ name }} at {{ 'now' | date: '%H:%M:%S' }}")
        use = TemplateUse(template_id=id_, version=1, variables={"name": "Ann"})
        command = SMS_COMMAND.model_copy(update={"body": None, "template": use})
        first = await composer.sms(SMS, command)
        assert first.body == "Hi Ann at 09:30:00"
        await Templates(engine, Rendering(renderers), SystemClock()).delete(ANN, "sms", id_)
        assert await composer_of(pool, renderers).sms(SMS, command, noted=Noted()) == first
        later = command.model_copy(update={"send_at": NOW + timedelta(hours=2)})
        assert (await composer.sms(SMS, later)).body == "Hi Ann at 11:30:00"
        with pytest.raises(NotFound):
            await composer.sms(an_operation("sms.send", "sms_2", tenant_id="ten_2"), command)

    async def test_one_that_is_too_long_is_refused(self, composer: MessageComposer) -> None:
        with pytest.raises(InvalidRequest, match="1600"):
            await composer.sms(SMS, SMS_COMMAND.model_copy(update={"body": "x" * 10_000}))


class TestEmail:
    async def test_who_is_on_the_list_is_left_out(self, composer: MessageComposer, engine: AsyncEngine) -> None:
        await suppress(engine, "bob@example.com")
        made = await composer.email(EMAIL, EMAIL_COMMAND)
        assert (made.to, made.cc) == ([Address("ann@example.com", "Ann")], [])
        await suppress(engine, "ann@example.com")
        with pytest.raises(CallerError) as refused:
            await composer.email(EMAIL, EMAIL_COMMAND)
        assert refused.value.error_code == "SUPPRESSED"
        then = Noted(sender=Party("old@example.org", "Old"), left_out=("bob@example.com",))
        asked = await composer.email(EMAIL, EMAIL_COMMAND, noted=then)
        assert [one.email for one in (*asked.to, *asked.cc)] == ["ann@example.com"]
        assert asked.sender == Address("old@example.org", "Old")
        why = EMAIL_COMMAND.model_copy(update={"override_suppression": "the law"})
        assert [one.email for one in (await composer.email(EMAIL, why)).cc] == ["bob@example.com"]

    async def test_whom_it_is_to_decides_for_those_in_copy(
        self, composer: MessageComposer, engine: AsyncEngine
    ) -> None:
        await suppress(engine, "ann@example.com")
        with pytest.raises(CallerError) as refused:
            await composer.email(EMAIL, EMAIL_COMMAND)
        assert refused.value.detail.startswith("Nothing was sent, to cc and bcc neither: the recipient is on")
        two = [*EMAIL_COMMAND.to, EmailAddress(email="eve@example.com")]
        assert [one.email for one in (await composer.email(EMAIL, EMAIL_COMMAND.model_copy(update={"to": two}))).cc]
        await suppress(engine, "eve@example.com")
        with pytest.raises(CallerError, match=r"^Nothing was sent: all recipients in to are on"):
            await composer.email(EMAIL, EMAIL_COMMAND.model_copy(update={"to": two, "cc": []}))

    async def test_the_connection_has_a_sender_where_the_email_names_none(self, composer: MessageComposer) -> None:
        command = EMAIL_COMMAND.model_copy(update={"sender": None})
        made = await composer.email(EMAIL, command, default_from="Acme <Hello@Acme.example>")
        assert made.sender == Address("hello@acme.example", "Acme")
        assert (
            await composer.email(EMAIL, EMAIL_COMMAND, default_from="x@y.example")
        ).sender.email == "shop@example.org"
        with pytest.raises(InvalidRequest) as refused:
            await composer.email(EMAIL, command)
        assert refused.value.errors[0].field == "from_email"

    async def test_html_gets_a_text(self, composer: MessageComposer) -> None:
        html = EMAIL_COMMAND.model_copy(update={"text": None, "html": "<p>Hello <b>Ann</b></p>"})
        assert (await composer.email(EMAIL, html)).text == "Hello Ann"
        hard = EMAIL_COMMAND.model_copy(update={"text": None, "html": "<a" + " <" * 200_000})
        assert (await composer.email(EMAIL, hard)).html == hard.html

    @pytest.mark.parametrize("part", ["html", "text"])
    @pytest.mark.parametrize("text", ["a\x00", "a\ud800"])
    async def test_what_could_never_be_stored_is_not_sent(
        self, composer: MessageComposer, part: str, text: str
    ) -> None:
        with pytest.raises(InvalidRequest) as refused:
            await composer.email(EMAIL, EMAIL_COMMAND.model_copy(update={part: text}))
        assert [one.field for one in refused.value.errors] == [part]
        with pytest.raises(InvalidRequest, match="body"):
            await composer.sms(SMS, SMS_COMMAND.model_copy(update={"body": text}))

    async def test_a_template_is_rendered_and_escaped(
        self, composer: MessageComposer, engine: AsyncEngine, renderers: Renderers
    ) -> None:
        id_ = await template(
            engine,
            renderers,
            "email",
            subject="Hi {{ name }}",
            html="<p>{{ name }}, {{ shop }}</p>",
            defaults={"shop": "Acme"},
        )
        use = TemplateUse(template_id=id_, version=1, variables={"name": "<Ann>"})
        command = EMAIL_COMMAND.model_copy(update={"subject": None, "text": None, "template": use})
        made = await composer.email(EMAIL, command)
        assert (made.subject, made.html, made.text) == ("Hi <Ann>", "<p>&lt;Ann&gt;, Acme</p>", "<Ann>, Acme")
        broken = use.model_copy(update={"variables": {"name": "Ann\r\nBcc: eve@example.com"}})
        with pytest.raises(InvalidRequest, match="subject"):
            await composer.email(EMAIL, command.model_copy(update={"template": broken}))

    async def test_a_providers_template_is_passed_on(self, composer: MessageComposer) -> None:
        changes = {"subject": None, "text": None, "provider_template": "d-1", "variables": {"a": 1}}
        made = await composer.email(EMAIL, EMAIL_COMMAND.model_copy(update=changes))
        assert (made.provider_template, made.variables, made.subject, made.text) == ("d-1", {"a": 1}, None, None)

    async def test_files_are_put_in(self, composer: MessageComposer, engine: AsyncEngine, pool: Pool) -> None:
        stored = await Attachments(engine, pool).keep(ANN, b"%PDF-1.7", "application/pdf")
        use = AttachmentUse(
            attachment_id=stored.id, filename="a.pdf", content_type="application/pdf", size_bytes=8, content_id="logo"
        )
        command = EMAIL_COMMAND.model_copy(update={"attachments": [use]})
        [file] = (await composer.email(EMAIL, command)).attachments
        assert (file.filename, file.content, file.content_type, file.content_id) == (
            "a.pdf",
            b"%PDF-1.7",
            "application/pdf",
            "logo",
        )
        for op in (
            an_operation("email.send", "em_2", tenant_id="ten_2"),
            an_operation("email.send", "em_3", environment="live"),
        ):
            with pytest.raises(InvalidRequest, match="attachments"):
                await composer.email(op, command)

    async def test_what_is_away_lets_nothing_go(self, messaging_database: Any, renderers: Renderers) -> None:
        async with worker_pool(messaging_database.dsn, "messaging", size=1) as closed:
            composer = composer_of(closed, renderers)
        with pytest.raises(Overloaded):
            await composer.email(EMAIL, EMAIL_COMMAND)
        with pytest.raises(Overloaded):
            await composer_of(closed, renderers)._source.template(EMAIL, TemplateUse(template_id="tpl_1", version=1))
