"""Mailgun's client.

Mailgun knows no idempotency key. Every mail bears a Message-Id made of our id, so that the Events API says whether it was
taken; that index lags, by Mailgun's own word up to half an hour.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pydantic import SecretStr

from onerouter_common.errors import (
    CapabilityUnsupported,
    ProviderOutcomeUnknown,
    ProviderRefusedUs,
    ProviderUnavailable,
)
from onerouter_providers import message_errors
from onerouter_providers.email.mailgun.errors import DISPLAY_NAME, PROVIDER, refusal
from onerouter_providers.email.mailgun.form import message_id_of, parts_of
from onerouter_providers.email.mailgun.mapping import Event, bare, snapshot_of
from onerouter_providers.email.mailgun.wire import Wire, base_url_in
from onerouter_providers.http import ProviderHttp
from onerouter_providers.messages import EmailRequest, MessageReference, MessageSnapshot

_FATE: Final = "accepted OR delivered OR failed OR rejected"
"""Events that tell what became of a mail: opens and clicks, of which there may be thousands, are left out."""
_PAGE: Final = 300
_MARGIN: Final = timedelta(minutes=5)
"""How much Mailgun's clock may be behind ours."""
_INDEXED_AFTER: Final = timedelta(minutes=30)
"""By Mailgun's documentation, pages of the last half hour are not complete."""


def create_client(credentials: Mapping[str, SecretStr], *, http: ProviderHttp, base_url: str) -> "MailgunEmail":
    """One connection's client."""
    region = credentials.get("region")
    return MailgunEmail(
        http,
        base_url=base_url_in((region and region.get_secret_value()) or "us", base_url),
        api_key=credentials["api_key"],
        domain=credentials["domain"].get_secret_value(),
    )


class MailgunEmail:
    """A `SendsEmail` over one domain. Each method is one wire call, but for `probe`."""

    def __init__(self, http: ProviderHttp, *, base_url: str, api_key: SecretStr, domain: str) -> None:
        self._wire = Wire(http, base_url=base_url, api_key=api_key, domain=domain)
        self._domain = domain

    def __repr__(self) -> str:
        return f"MailgunEmail(domain={self._domain!r})"

    async def send_email(self, request: EmailRequest, *, key: str) -> MessageSnapshot:  # noqa: ARG002 - takes no key
        answer = await self._wire.post("email.send", "/v3/{domain}/messages", parts_of(request, self._domain))
        message_id = answer.get("id")
        if not isinstance(message_id, str) or not bare(message_id):
            raise ProviderOutcomeUnknown(
                "Mailgun answered without the id of the message; whether it was taken is being found out.",
                provider=PROVIDER,
                reason="indeterminate",
            )
        return MessageSnapshot("queued" if request.send_at is None else "scheduled", bare(message_id))

    async def find_email(self, request: EmailRequest, *, since: datetime) -> MessageSnapshot | None:
        message_id = message_id_of(request.message_id, self._domain)
        return snapshot_of(await self._events("email.send", message_id, since), message_id)

    async def get_email(self, reference: MessageReference) -> MessageSnapshot:
        """Of the copy for `reference.to`.

        Raises ProviderUnavailable while the index may not have the message yet, ProviderRefusedUs (`not_found`) later.
        """
        message_id = reference.provider_message_id
        found = snapshot_of(
            await self._events("email.get", message_id, reference.sent_at), message_id, reference.to or None
        )
        if found is not None:
            return found
        if datetime.now(UTC) - reference.sent_at < _INDEXED_AFTER:
            raise ProviderUnavailable(
                "Mailgun does not show this message yet.", provider=PROVIDER, reason="provider_unavailable"
            )
        raise message_errors.refusal(
            "not_found",
            provider=PROVIDER,
            display_name=DISPLAY_NAME,
            effect=False,
            hint="It keeps events for some days only, by the account's plan.",
        )

    async def cancel_email(self, reference: MessageReference, *, key: str) -> MessageSnapshot:  # noqa: ARG002
        raise CapabilityUnsupported("Mailgun cannot cancel one scheduled message, only all of a domain at once.")

    async def probe(self) -> None:
        """Reads the domain. A sending key may not do that: whether it may send, a form that lacks everything tells."""
        try:
            answer = await self._wire.get("email.get", "/v4/domains/{domain}")
        except ProviderRefusedUs as refused:
            if refused.reason != "authentication_failed":
                raise
            await self._probe_sending(refused)
            return
        domain = answer.get("domain")
        state = domain.get("state") if isinstance(domain, Mapping) else None
        if state not in (None, "active"):
            raise message_errors.refusal(
                "invalid_sender",
                provider=PROVIDER,
                display_name=DISPLAY_NAME,
                effect=False,
                hint=f"The domain is {state}.",
            )

    async def _probe_sending(self, refused: ProviderRefusedUs) -> None:
        answer = await self._wire.try_empty("email.send", "/v3/{domain}/messages")
        if answer.status == 400:  # the key is good: it is the form that lacks its fields
            return
        if answer.ok:
            raise ProviderUnavailable(
                "Mailgun took a message without any field.", provider=PROVIDER, reason="provider_unavailable"
            )
        told = refusal(answer, effect=False)
        raise refused if told.reason == "authentication_failed" else told

    async def _events(self, capability: str, message_id: str, since: datetime) -> list[Event]:
        params = {
            "message-id": message_id,
            "event": _FATE,
            "begin": str(int((since - _MARGIN).timestamp())),
            "ascending": "yes",
            "limit": str(_PAGE),
        }
        answer: Mapping[str, Any] = await self._wire.get(capability, "/v3/{domain}/events", params)
        items = answer.get("items")
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise ProviderUnavailable(
                "Mailgun answered with a list without items.", provider=PROVIDER, reason="provider_unavailable"
            )
        return items
