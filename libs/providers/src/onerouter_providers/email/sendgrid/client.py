"""SendGrid's client.

SendGrid knows no keys: a message carries our id among its custom arguments, and is found in the logs by it. A message that is
to be sent later is in no log before its time, so until then nobody can say that there is none.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

from pydantic import SecretStr

from onerouter_common.errors import Conflict, ProviderRefusedUs, ProviderUnavailable
from onerouter_providers.email.sendgrid import logs
from onerouter_providers.email.sendgrid.errors import DISPLAY_NAME, PROVIDER, REQUEST_ID_HEADER
from onerouter_providers.email.sendgrid.mapping import body_of, id_of
from onerouter_providers.email.sendgrid.wire import EU, GLOBAL, Wire, strange
from onerouter_providers.http import ProviderHttp
from onerouter_providers.message_errors import refusal
from onerouter_providers.messages import EmailRequest, MessageReference, MessageSnapshot

_SCOPE: Final = "mail.send"


def create_client(credentials: Mapping[str, SecretStr], *, http: ProviderHttp, base_url: str) -> "SendGridEmail":
    """One connection's client. An operator's base URL stands, wherever the tenant's data is."""
    residency = credentials.get("data_residency")
    in_eu = residency is not None and residency.get_secret_value() == "eu"
    url = EU if in_eu and base_url == GLOBAL else base_url
    return SendGridEmail(Wire(http, base_url=url, api_key=credentials["api_key"]), in_eu=in_eu)


class SendGridEmail:
    """All that the email category asks. Each method shares one deadline among its wire calls."""

    def __init__(self, wire: Wire, *, in_eu: bool = False) -> None:
        self._wire = wire
        self._in_eu = in_eu

    async def send_email(self, request: EmailRequest, *, key: str) -> MessageSnapshot:  # noqa: ARG002 - SendGrid takes none
        body_of(request)  # what cannot be sent needs no batch
        deadline = self._wire.deadline()
        later = request.send_at is not None and request.send_at > datetime.now(UTC)
        batch_id = await self._new_batch(deadline) if later else None
        body = body_of(request, batch_id=batch_id)
        answer = await self._wire.do("email.send", "POST", "/v3/mail/send", deadline, body)
        message_id = answer.headers.get(REQUEST_ID_HEADER)
        if not message_id:
            raise strange("email.send", "no id of the message", effect=True)
        return MessageSnapshot("scheduled" if later else "queued", id_of(message_id, batch_id))

    async def find_email(self, request: EmailRequest, *, since: datetime) -> MessageSnapshot | None:
        found = await logs.find(self._wire, request, since=since, deadline=self._wire.deadline())
        if found is None and request.send_at is not None and datetime.now(UTC) < request.send_at + logs.SETTLES:
            raise _not_yet("A message that is to be sent later is in SendGrid's logs only after its time.")
        return found

    async def get_email(self, reference: MessageReference) -> MessageSnapshot:
        """Raises ProviderUnavailable while it is not in the logs yet."""
        found = await logs.read(self._wire, reference, self._wire.deadline())
        if found is not None:
            return found
        waits = "." in reference.provider_message_id
        if waits or datetime.now(UTC) < reference.sent_at + logs.SETTLES:
            raise _not_yet("The message is not in SendGrid's logs yet.")
        raise refusal("not_found", provider=PROVIDER, display_name=DISPLAY_NAME, effect=False)

    async def cancel_email(self, reference: MessageReference, *, key: str) -> MessageSnapshot:  # noqa: ARG002
        """Raises Conflict when it is not scheduled, or too soon to be stopped."""
        batch_id = reference.provider_message_id.partition(".")[2]
        if not batch_id:
            raise Conflict("The email was not scheduled at SendGrid, so it cannot be canceled there.")
        deadline = self._wire.deadline()
        cancel = {"batch_id": batch_id, "status": "cancel"}
        try:
            await self._wire.do("email.cancel", "POST", "/v3/user/scheduled_sends", deadline, cancel)
        except ProviderRefusedUs as refused:
            if refused.reason != "invalid_request":
                raise
            await self._cancel_again(batch_id, refused, deadline)
        return MessageSnapshot("canceled", reference.provider_message_id)

    async def probe(self) -> None:
        scopes = (await self._wire.ask("probe", "GET", "/v3/scopes", self._wire.deadline())).get("scopes")
        if not isinstance(scopes, list) or _SCOPE not in scopes:
            raise refusal(
                "authentication_failed",
                provider=PROVIDER,
                display_name=DISPLAY_NAME,
                effect=False,
                hint="The API key lacks the permission Mail Send.",
            )

    async def _new_batch(self, deadline: float) -> str:
        """A batch that nothing is in changes nothing, so an unanswered question for one is no doubt."""
        batch_id = (await self._wire.ask("email.send", "POST", "/v3/mail/batch", deadline)).get("batch_id")
        if not isinstance(batch_id, str) or not batch_id:
            raise strange("email.send", "a batch without an id")
        return batch_id

    async def _cancel_again(self, batch_id: str, refused: ProviderRefusedUs, deadline: float) -> None:
        """A batch that has a status is not given one again, but may be given the same."""
        path = f"/v3/user/scheduled_sends/{quote(batch_id, safe='')}"
        try:
            await self._wire.do("email.cancel", "PATCH", path, deadline, {"status": "cancel"})
        except ProviderRefusedUs as again:
            if again.reason not in ("invalid_request", "not_found"):
                raise
            raise Conflict("The email cannot be canceled any more: its time has come, or is too near.") from refused

    def __repr__(self) -> str:
        return f"SendGridEmail(in_eu={self._in_eu})"


def _not_yet(why: str) -> ProviderUnavailable:
    return ProviderUnavailable(why, provider=PROVIDER, reason="provider_unavailable")
