"""SNS's client: it sends, and that is all that SNS can do with an SMS.

There is no idempotency key for phone numbers, no status and no list: what became of a call without an answer nobody can
tell, so its idempotency is `none` and it is never repeated.
"""

import re
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final, NoReturn

from pydantic import SecretStr

from onerouter_common.errors import CapabilityUnsupported, InvalidRequest
from onerouter_providers.aws import Aws, AwsKeys, AwsRefused
from onerouter_providers.http import ProviderHttp
from onerouter_providers.message_errors import refusal as refusal_of
from onerouter_providers.messages import MessageReference, MessageSnapshot, SmsRequest
from onerouter_providers.sms.sns.errors import DISPLAY_NAME, PROVIDER, nobody_can_be_asked, opted_out, refusal
from onerouter_providers.sms.sns.optouts import OptOuts

BODY_CHARS: Final = 1_600
_NUMBER: Final = re.compile(r"\+?[0-9]{5,14}")
_SENDER_ID: Final = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9][A-Za-z0-9-]{1,9}[A-Za-z0-9]")
_SETTINGS: Final = ("sender_id", "origination_number", "default_sms_type", "in_entity_id", "in_template_id")
_ATTRIBUTES: Final = {
    "default_sms_type": "AWS.SNS.SMS.SMSType",
    "sender_id": "AWS.SNS.SMS.SenderID",
    "origination_number": "AWS.MM.SMS.OriginationNumber",
    "in_entity_id": "AWS.MM.SMS.EntityId",
    "in_template_id": "AWS.MM.SMS.TemplateId",
}


def create_client(credentials: Mapping[str, SecretStr], *, http: ProviderHttp, base_url: str) -> "SnsSms":
    """One connection's client."""
    region = credentials["region"].get_secret_value()
    aws = Aws(
        http,
        service="sns",
        region=region,
        base_url=regional(base_url, region),
        keys=AwsKeys.of(credentials),
    )
    settings = {name: credentials[name].get_secret_value() for name in _SETTINGS if name in credentials}
    return SnsSms(aws, {name: value for name, value in settings.items() if value})


def regional(base_url: str, region: str) -> str:
    """The region's own address; an operator's stays as it is."""
    if base_url != "https://sns.us-east-1.amazonaws.com":
        return base_url
    return f"https://sns.{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}"


class SnsSms:
    """What the sms category asks, as far as SNS can. `settings`: the connection's own, by the names of its credentials."""

    def __init__(self, aws: Aws, settings: Mapping[str, str]) -> None:
        self._aws = aws
        # Said with each message: what the account's default is differs by its age.
        self._settings = {"default_sms_type": "Transactional", **settings}
        self._opt_outs = OptOuts(aws)

    def __repr__(self) -> str:
        return f"SnsSms({self._aws!r})"

    async def send_sms(self, request: SmsRequest, *, key: str) -> MessageSnapshot:  # noqa: ARG002 - SNS takes none
        """Status `sent`, which is the last that is heard of it. Raises ProviderDeclined for who has opted out at AWS."""
        if request.send_at is not None:
            raise CapabilityUnsupported("Amazon SNS cannot keep a message for later.")
        if request.provider_template is not None:
            raise CapabilityUnsupported("Amazon SNS has no templates: send a body, or a template_id.")
        params = {
            "PhoneNumber": request.to,
            "Message": _body(request),
            "MessageAttributes": self._attributes(request.sender),
        }
        deadline = await self._aws.deadline()
        if await self._opt_outs.has(request.to, deadline):
            raise opted_out()
        try:
            answer = await self._aws.call("sms.send", "publish", params, effect=True, deadline=deadline)
        except AwsRefused as refused:
            raise refusal(refused, effect=True) from None
        message_id = answer.get("MessageId")
        if not isinstance(message_id, str) or not message_id:
            raise refusal_of("indeterminate", provider=PROVIDER, display_name=DISPLAY_NAME, effect=True)
        return MessageSnapshot(status="sent", provider_message_id=message_id, is_tracked=False)

    async def find_sms(
        self,
        request: SmsRequest,  # noqa: ARG002
        *,
        since: datetime,  # noqa: ARG002
        but_not: Collection[str] = (),  # noqa: ARG002
    ) -> NoReturn:
        """Raises ProviderOutcomeUnknown: SNS cannot be asked."""
        raise nobody_can_be_asked()

    async def get_sms(self, reference: MessageReference) -> NoReturn:  # noqa: ARG002
        raise CapabilityUnsupported("Amazon SNS tells nothing of a message that it has taken.")

    async def cancel_sms(self, reference: MessageReference, *, key: str) -> NoReturn:  # noqa: ARG002
        raise CapabilityUnsupported("Amazon SNS sends at once: there is nothing left to cancel.")

    async def probe(self) -> None:
        try:
            await self._aws.call(
                "sms.send", "get_sms_attributes", {}, effect=False, deadline=await self._aws.deadline()
            )
        except AwsRefused as refused:
            raise refusal(refused, effect=False) from None

    def _attributes(self, sender: str | None) -> dict[str, Any]:
        settings = {**self._settings, **_named(sender)}
        return {
            _ATTRIBUTES[name]: {"DataType": "String", "StringValue": value} for name, value in settings.items() if value
        }


def _named(sender: str | None) -> Mapping[str, str]:
    """The sender that a message asks for, in place of both of the connection's. Raises InvalidRequest."""
    if sender is None:
        return {}
    if _NUMBER.fullmatch(sender):
        return {"origination_number": sender, "sender_id": ""}
    if _SENDER_ID.fullmatch(sender):
        return {"sender_id": sender, "origination_number": ""}
    raise InvalidRequest.of(
        "from_number",
        "must be a number of 5 to 14 digits, or 3 to 11 letters, digits and hyphens with a letter among them, at Amazon SNS",
    )


def _body(request: SmsRequest) -> str:
    if not request.body:
        raise InvalidRequest.of("body", "is required")
    if len(request.body) > BODY_CHARS:
        raise InvalidRequest.of("body", f"may have at most {BODY_CHARS} characters")
    return request.body
