"""A message of a bulk send as two parts: what it has in common with the others, stored once, and what is its own. Pure."""

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from pydantic import JsonValue

from onerouter_common.contracts.messages import (
    CreateEmailBatch,
    CreateSmsBatch,
    EmailContent,
    EmailRecipient,
    SendEmail,
    SendSms,
    SmsContent,
    SmsRecipient,
    TemplateUse,
)

CommandT = TypeVar("CommandT", bound=SendSms | SendEmail)


def own_parts(batch_id: str, command: CreateSmsBatch | CreateEmailBatch) -> list[tuple[str, SendSms | SendEmail]]:
    """(Message id, command) of each recipient: whom it is for, its own words, and what its route must know."""
    shared = _needed_before(command.common)
    if isinstance(command, CreateSmsBatch):
        return [(one.message_id, _sms(batch_id, command.common, one, shared)) for one in command.recipients]
    return [(one.message_id, _email(batch_id, command.common, one, shared)) for one in command.recipients]


def whole(own: CommandT, common: SmsContent | EmailContent) -> CommandT:
    """The message: variables and metadata of its own go over those of all, a text of its own before the template of all."""
    return cast(CommandT, own.model_copy(update={**dict(common), **_own_over(common, own)}))


def _own_over(common: SmsContent | EmailContent, own: SendSms | SendEmail) -> dict[str, Any]:
    given: dict[str, Any] = {"batch_id": own.batch_id, "metadata": {**common.metadata, **own.metadata}}
    if own.template is not None and common.template is not None:
        given["template"] = own.template.model_copy(
            update={"variables": {**common.template.variables, **own.template.variables}}
        )
    given["variables"] = {**common.variables, **own.variables}
    if isinstance(own, SendSms) and own.body is not None:
        given |= {"body": own.body, "template": None}
    return given


def _needed_before(common: SmsContent | EmailContent) -> dict[str, Any]:
    """What is asked before the message is put together: where it may go, when, and after whom."""
    return {
        "provider": common.provider,
        "providers": common.providers,
        "priority": common.priority,
        "send_at": common.send_at,
    }


def _sms(batch_id: str, common: SmsContent, recipient: SmsRecipient, shared: Mapping[str, Any]) -> SendSms:
    return SendSms(
        **shared,
        to=recipient.to,
        country=recipient.country,
        body=recipient.body,
        template=None if recipient.body is not None else _use(common.template, recipient.variables),
        variables={} if common.template is not None else recipient.variables,
        metadata=recipient.metadata,
        batch_id=batch_id,
        is_part=True,
    )


def _email(batch_id: str, common: EmailContent, recipient: EmailRecipient, shared: Mapping[str, Any]) -> SendEmail:
    return SendEmail(
        **shared,
        to=[recipient.to],
        template=_use(common.template, recipient.variables),
        variables={} if common.template is not None else recipient.variables,
        metadata=recipient.metadata,
        batch_id=batch_id,
        is_part=True,
    )


def _use(template: TemplateUse | None, variables: dict[str, JsonValue]) -> TemplateUse | None:
    return None if template is None else template.model_copy(update={"variables": variables})
