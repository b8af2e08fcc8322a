"""Twilio's client: send, schedule, cancel, read and find SMS.

Twilio takes no idempotency key, and repeating a call that timed out sends a second, billed SMS. So nothing is repeated
here; a lost answer is found out by the first status callback, which comes to an address that names our message, or by
looking through the recipient's messages.
"""

import json
import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from pydantic import SecretStr

from onerouter_common.errors import CapabilityUnsupported, Conflict, InvalidRequest, ProviderRefusedUs
from onerouter_providers.http import ProviderHttp
from onerouter_providers.message_errors import refusal
from onerouter_providers.messages import MessageReference, MessageSnapshot, SmsRequest
from onerouter_providers.sms.twilio.errors import CANNOT_BE_CANCELED, DISPLAY_NAME, PROVIDER
from onerouter_providers.sms.twilio.finding import can_be, is_older, may_be_rewritten, says_the_same
from onerouter_providers.sms.twilio.mapping import moment, snapshot
from onerouter_providers.sms.twilio.sender import Sender, choose
from onerouter_providers.sms.twilio.wire import Wire, sid_of

BODY_CHARS: Final = 1_600
MESSAGE_PARAM: Final = "onerouter_message"
"""In the address that status callbacks come to: our message id."""
CALLBACK_OVERRIDES: Final = "rc=5&rp=5xx,ct,rt"
"""Up to five retries, on a 5xx, too: by itself Twilio retries once, and only what did not connect."""
_CONTENT_SID: Final = re.compile(r"HX[0-9a-fA-F]{32}")
_LEAST_AHEAD: Final = timedelta(minutes=15)
_MOST_AHEAD: Final = timedelta(days=35)


def create_client(credentials: Mapping[str, SecretStr], *, http: ProviderHttp, base_url: str) -> "TwilioSms":
    """One connection's client. Without an API key the secret is the account's Auth Token."""
    given = {name: value.get_secret_value() for name, value in credentials.items() if name in _PUBLIC}
    account_sid = given["account_sid"]
    wire = Wire(
        http,
        base_url=regional(base_url, region=given.get("region") or None, edge=given.get("edge") or None),
        account_sid=account_sid,
        user=given.get("api_key_sid") or account_sid,
        secret=credentials["api_key_secret"],
    )
    return TwilioSms(
        wire,
        service_sid=given.get("messaging_service_sid") or None,
        number=given.get("from_number") or None,
    )


_PUBLIC: Final = ("account_sid", "api_key_sid", "messaging_service_sid", "from_number", "region", "edge")


def regional(base_url: str, *, region: str | None, edge: str | None) -> str:
    """`https://api.dublin.ie1.twilio.com`; an operator's own address stays as it is."""
    if base_url != "https://api.twilio.com" or (region is None and edge is None):
        return base_url
    return f"https://{'.'.join(part for part in ('api', edge, region or 'us1') if part)}.twilio.com"


class TwilioSms:
    """What the sms category asks. Each method shares one deadline among its wire calls."""

    def __init__(self, wire: Wire, *, service_sid: str | None, number: str | None) -> None:
        self._wire = wire
        self._service_sid = service_sid
        self._number = number

    def __repr__(self) -> str:
        return f"TwilioSms(service_sid={self._service_sid!r})"

    @property
    def default_sender(self) -> str | None:
        return self._service_sid or self._number

    async def send_sms(self, request: SmsRequest, *, key: str) -> MessageSnapshot:  # noqa: ARG002 - Twilio takes none
        sender = self._sender(request)
        form = [("To", request.to), *sender.form(), *_content(request)]
        if request.callback_url is not None:
            form.append(("StatusCallback", callback_address(request.callback_url, request.message_id)))
        if request.send_at is not None:
            form += _schedule(request.send_at, sender)
        message = await self._wire.post("sms.send", "/Messages.json", form, self._wire.deadline())
        return snapshot(message, sid_of(message, "sms.send", effect=True))

    async def find_sms(
        self, request: SmsRequest, *, since: datetime, but_not: Collection[str] = ()
    ) -> MessageSnapshot | None:
        """The message that was made for this request after `since`, by recipient, sender, text and time.

        Another of the same text to the same recipient within that time cannot be told from it: `but_not` names those that
        are known to be somebody else's. Where Twilio may show another text than it was given (a template's, which it alone
        knows, or one with characters that it may have replaced), any message that could be it is no absence: raises
        ProviderOutcomeUnknown.
        """
        sender, deadline = self._sender(request), self._wire.deadline()
        found: Mapping[str, object] | None = None
        is_like_one = False
        # No filter by date: Twilio's is on when a message was sent, which one that still waits was not.
        async for page in self._wire.pages("sms.send", "/Messages.json", {"To": request.to}, deadline):
            for message in page:
                if message.get("sid") in but_not or not can_be(message, request, sender, since=since):
                    continue
                is_like_one = True
                if request.provider_template is None and says_the_same(message, request):
                    found = _earlier(found, message)
            if page and all(is_older(message, since=since) for message in page):
                break
        if found is not None:
            return snapshot(found, sid_of(found, "sms.send", effect=False))
        if is_like_one and (request.provider_template is not None or may_be_rewritten(request.body)):
            raise refusal(
                "indeterminate",
                provider=PROVIDER,
                display_name=DISPLAY_NAME,
                effect=True,
                hint="Another text than was given may be shown for it; the first status callback will tell.",
            )
        return None

    async def get_sms(self, reference: MessageReference) -> MessageSnapshot:
        return await self._get("sms.get", reference, self._wire.deadline())

    async def cancel_sms(self, reference: MessageReference, *, key: str) -> MessageSnapshot:  # noqa: ARG002
        """Only one that is scheduled. Raises Conflict for one that is on its way; canceled already: that is the answer."""
        deadline = self._wire.deadline()
        try:
            message = await self._wire.post("sms.cancel", _path(reference), [("Status", "canceled")], deadline)
        except ProviderRefusedUs as refused:
            if refused.provider_code != str(CANNOT_BE_CANCELED):
                raise
            shown = await self._get("sms.cancel", reference, deadline)
            if shown.status != "canceled":
                raise Conflict(f"The message is {shown.status}: it cannot be canceled any more.") from refused
            return shown
        return snapshot(message, sid_of(message, "sms.cancel", effect=True))

    async def probe(self) -> None:
        await self._wire.get("sms.get", "/Balance.json", self._wire.deadline())

    async def _get(self, capability: str, reference: MessageReference, deadline: float) -> MessageSnapshot:
        message = await self._wire.get(capability, _path(reference), deadline)
        return snapshot(message, sid_of(message, capability, effect=False))

    def _sender(self, request: SmsRequest) -> Sender:
        return choose(request.sender, service_sid=self._service_sid, number=self._number)


def callback_address(callback_url: str, message_id: str) -> str:
    """Where the callbacks about one message come in. The fragment is Twilio's syntax for its own retries, and not signed."""
    parts = urlsplit(callback_url)
    marker = urlencode({MESSAGE_PARAM: message_id})
    query = f"{parts.query}&{marker}" if parts.query else marker
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, CALLBACK_OVERRIDES))


def _path(reference: MessageReference) -> str:
    return f"/Messages/{quote(reference.provider_message_id, safe='')}.json"


def _content(request: SmsRequest) -> list[tuple[str, str]]:
    """The text, or a Content template that Twilio fills in. Raises InvalidRequest."""
    if request.provider_template is None:
        return [("Body", _body(request))]
    if not _CONTENT_SID.fullmatch(request.provider_template):
        raise InvalidRequest.of("provider_template", "must be the SID of a Content template at Twilio, HX…")
    variables = {name: _variable(name, value) for name, value in request.variables.items()}
    given = [("ContentVariables", json.dumps(variables, ensure_ascii=False))] if variables else []
    return [("ContentSid", request.provider_template), *given]


def _variable(name: str, value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InvalidRequest.of("variables", f"'{name[:60]}' must be text or a number for a template at Twilio")
    return str(value)


def _body(request: SmsRequest) -> str:
    if not request.body:
        raise InvalidRequest.of("body", "is required")
    if len(request.body) > BODY_CHARS:
        raise InvalidRequest.of("body", f"may have at most {BODY_CHARS} characters")
    return request.body


def _schedule(send_at: datetime, sender: Sender) -> list[tuple[str, str]]:
    """Raises CapabilityUnsupported without a messaging service, InvalidRequest for a time that Twilio does not take."""
    if sender.service_sid is None:
        raise CapabilityUnsupported("Twilio schedules messages of a messaging service only.")
    ahead = send_at - datetime.now(UTC)
    if not _LEAST_AHEAD <= ahead <= _MOST_AHEAD:
        raise InvalidRequest.of("send_at", "must be 15 minutes to 35 days ahead, for Twilio to keep the message")
    return [("ScheduleType", "fixed"), ("SendAt", send_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))]


def _earlier(found: Mapping[str, object] | None, other: Mapping[str, object]) -> Mapping[str, object]:
    """Of several that look alike the first: a repeat of ours would come later."""
    if found is None:
        return other
    first, second = moment(found.get("date_created")), moment(other.get("date_created"))
    return found if first is None or second is None or first < second else other
