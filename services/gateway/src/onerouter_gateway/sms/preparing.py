"""From a request to send SMS to the command that does it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from starlette.requests import Request

from onerouter_common.contracts.messages import CreateSmsBatch, SendSms, SmsContent, SmsRecipient
from onerouter_common.errors import InvalidRequest
from onerouter_common.ids import BATCH, SMS, new_id
from onerouter_common.recipients import phone_number_of, sms_sender_of
from onerouter_gateway.admission import Writing
from onerouter_gateway.commands.intent import Intent
from onerouter_gateway.edge.canonical import canonical_of
from onerouter_gateway.edge.validation import validate
from onerouter_gateway.gateway import gateway_of
from onerouter_gateway.messages.bulk import check_own, each
from onerouter_gateway.messages.channel import SMS_CHANNEL
from onerouter_gateway.messages.sending import (
    Chosen,
    Prepared,
    carrying,
    check_texts,
    common_fields,
    earlier,
    sendable,
)
from onerouter_gateway.sms.schemas import SmsBulk, SmsBulkItem, SmsSend

_ROUTE: Final = f"POST {SMS_CHANNEL.path}"
_BULK_ROUTE: Final = f"POST {SMS_CHANNEL.path}/bulk"


async def prepared(request: Request, asked: Writing, body: Mapping[str, Any]) -> Prepared:
    """One message. Raises InvalidRequest, ServiceNotConfigured, or Overloaded where the template cannot be looked up."""
    gateway = gateway_of(request)
    wanted = validate(SmsSend, body)
    verb = "send" if wanted.send_at is None else "schedule"
    canonical = {**canonical_of(wanted), "to": _one_spelling(wanted.to)}
    intent = Intent(f"sms.{verb}", SMS_CHANNEL.name, _ROUTE, canonical, {}, SMS)
    check_texts(wanted, {"body": wanted.body}, provider_template=wanted.provider_template)
    if wanted.body is None and not _has_template(wanted):
        raise InvalidRequest.of("body", "is required, or a template_id")
    repeated = await earlier(request, asked, intent, wanted)
    if repeated is not None:
        return repeated
    number = phone_number_of("to", wanted.to, region=asked.principal.default_region)
    sender = None if wanted.from_number is None else sms_sender_of("from_number", wanted.from_number)
    template = await sendable(gateway, asked, SMS_CHANNEL, wanted)
    template.check({})
    command = SendSms(
        **_content(wanted, template, sender, priority="transactional"),
        to=number.e164,
        country=number.country,
    )
    return carrying(intent, command, command.priority)


async def prepared_bulk(request: Request, asked: Writing, body: Mapping[str, Any]) -> Prepared:
    """A batch of messages. Raises the same; InvalidRequest, too, when no recipient can be one's."""
    gateway = gateway_of(request)
    wanted = validate(SmsBulk, body)
    intent = Intent("sms_batch.create", SMS_CHANNEL.name, _BULK_ROUTE, canonical_of(wanted), {}, BATCH)
    repeated = await gateway.commands.repeated(intent, asked.asked, request)
    if repeated is not None:
        return repeated
    check_texts(wanted, {"body": wanted.body}, provider_template=wanted.provider_template)
    sender = None if wanted.from_number is None else sms_sender_of("from_number", wanted.from_number)
    template = await sendable(gateway, asked, SMS_CHANNEL, wanted)
    region = asked.principal.default_region
    recipients = await each(wanted.recipients, lambda item: _recipient(item, wanted, template, region))
    common = SmsContent(**_content(wanted, template, sender, priority="bulk"))
    command = CreateSmsBatch(
        common=common,
        recipients=list(recipients.accepted),
        indexes=list(recipients.indexes),
        rejected=list(recipients.rejected),
    )
    return carrying(replace(intent, units=len(command.recipients)), command, common.priority)


def _has_template(wanted: SmsSend | SmsBulk) -> bool:
    return wanted.template_id is not None or wanted.provider_template is not None


def _content(wanted: SmsSend | SmsBulk, template: Chosen, sender: str | None, *, priority: str) -> dict[str, Any]:
    return {
        **common_fields(wanted, template, priority=priority),
        "body": wanted.body,
        "sender": sender,
        "provider_template": wanted.provider_template,
        "variables": wanted.variables if wanted.provider_template is not None else {},
    }


def _one_spelling(number: str) -> str:
    """Of the same number the same, however it is grouped; without a country code as it was written."""
    written = number.strip()
    return "+" + "".join(filter(str.isdigit, written)) if written.startswith("+") else written


def _recipient(item: Any, wanted: SmsBulk, template: Chosen, region: str | None) -> SmsRecipient:
    """Raises InvalidRequest."""
    one = validate(SmsBulkItem, item)
    has_template = _has_template(wanted)
    check_own(has_text=one.body is not None, has_variables=bool(one.variables), has_template=has_template)
    if one.body is None and wanted.body is None and not has_template:
        raise InvalidRequest.of("body", "is required, as the whole has none")
    number = phone_number_of("to", one.to, region=region)
    template.check(one.variables)
    return SmsRecipient(
        message_id=new_id(SMS),
        to=number.e164,
        country=number.country,
        body=one.body,
        variables=one.variables,
        metadata=one.metadata,
    )
