"""Resend's client.

Every send carries the operation's key, and a repeat is the same byte by byte: Resend then answers what it answered first and
sends nothing. A key that may only send cannot ask what became of an email; callbacks still tell.
"""

from collections.abc import Awaitable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

from pydantic import SecretStr

from onerouter_common.errors import (
    CallerError,
    CapabilityUnsupported,
    Conflict,
    ProviderError,
    ProviderOutcomeUnknown,
    ProviderRefusedUs,
)
from onerouter_providers.email.resend import finding
from onerouter_providers.email.resend.errors import KEY_USED, SEND_ONLY
from onerouter_providers.email.resend.mapping import body_of, sent_snapshot, snapshot
from onerouter_providers.email.resend.wire import Wire, segment, strange
from onerouter_providers.http import ProviderHttp
from onerouter_providers.messages import EmailRequest, MessageReference, MessageSnapshot

_KEY_KEPT: Final = timedelta(hours=24)
_CANCEL_REFUSED: Final = frozenset({"invalid_request", "conflict"})

T = TypeVar("T")


def create_client(credentials: Mapping[str, SecretStr], *, http: ProviderHttp, base_url: str) -> "ResendEmail":
    """One connection's client."""
    permission = credentials.get("key_permission")
    return ResendEmail(
        Wire(http, base_url=base_url, api_key=credentials["api_key"]),
        may_read=permission is None or permission.get_secret_value() != "sending_access",
    )


class ResendEmail:
    """All that the email category asks. Each method shares one deadline among its wire calls."""

    def __init__(self, wire: Wire, *, may_read: bool = True) -> None:
        self._wire = wire
        self._may_read = may_read

    async def send_email(self, request: EmailRequest, *, key: str) -> MessageSnapshot:
        body, deadline = body_of(request), self._wire.deadline()
        try:
            answer = await self._wire.post("email.send", "/emails", body, deadline, key=key)
        except ProviderOutcomeUnknown as doubt:
            if doubt.provider_code != KEY_USED:
                raise
            return await self._sent_otherwise(doubt, request, deadline)
        email_id = answer.get("id")
        if not isinstance(email_id, str) or not email_id:
            raise strange("email.send", "an email without an id", effect=True)
        return sent_snapshot(request, email_id)

    async def find_email(self, request: EmailRequest, *, since: datetime) -> MessageSnapshot | None:
        self._check_may_read()
        deadline = self._wire.deadline()
        email_id = await self._reading(finding.find(self._wire, request, since=since, deadline=deadline))
        return None if email_id is None else await self._shown("email.send", email_id, deadline)

    async def get_email(self, reference: MessageReference) -> MessageSnapshot:
        self._check_may_read()
        return await self._shown("email.get", reference.provider_message_id, self._wire.deadline())

    async def cancel_email(self, reference: MessageReference, *, key: str) -> MessageSnapshot:  # noqa: ARG002 - Resend takes none
        """Raises Conflict when it is not scheduled any more."""
        self._check_may_read()
        deadline, email_id = self._wire.deadline(), reference.provider_message_id
        path = f"/emails/{segment(email_id)}/cancel"
        try:
            await self._reading(self._wire.post("email.cancel", path, {}, deadline))
        except ProviderRefusedUs as refused:
            if refused.reason not in _CANCEL_REFUSED:
                raise
            shown = await self._shown("email.cancel", email_id, deadline)
            if shown.status != "canceled":
                raise Conflict(f"The email cannot be canceled any more: it is {shown.status}.") from refused
            return shown
        return MessageSnapshot("canceled", email_id)

    async def probe(self) -> None:
        """A key that may only send is refused the list, by a name that proves it good."""
        try:
            await self._wire.get("probe", "/domains", self._wire.deadline(), {"limit": "1"})
        except ProviderRefusedUs as refused:
            if refused.provider_code != SEND_ONLY:
                raise

    async def _sent_otherwise(
        self, doubt: ProviderOutcomeUnknown, request: EmailRequest, deadline: float
    ) -> MessageSnapshot:
        """The key went out before with another body: what that made, if it can be found; else the doubt stays."""
        since = datetime.now(UTC) - _KEY_KEPT
        try:
            self._check_may_read()
            email_id = await finding.find(self._wire, request, since=since, deadline=deadline)
        except (ProviderError, CallerError):
            raise doubt from None
        if email_id is None:
            raise doubt
        return sent_snapshot(request, email_id)

    async def _shown(self, capability: str, email_id: str, deadline: float) -> MessageSnapshot:
        path = f"/emails/{segment(email_id)}"
        email: Mapping[str, Any] = await self._reading(self._wire.get(capability, path, deadline))
        shown = snapshot(email, email_id)
        if shown is None:
            raise strange(capability, "an email in a state we do not know")
        return shown

    def _check_may_read(self) -> None:
        """Raises CapabilityUnsupported for a key that was declared to send only: Resend need not be asked."""
        if not self._may_read:
            raise _send_only()

    async def _reading(self, call: Awaitable[T]) -> T:
        """What only a key with full access may do. Raises CapabilityUnsupported for one that may only send."""
        try:
            return await call
        except ProviderRefusedUs as refused:
            if refused.provider_code != SEND_ONLY:
                raise
            raise _send_only() from refused

    def __repr__(self) -> str:
        return f"ResendEmail(may_read={self._may_read})"


def _send_only() -> CapabilityUnsupported:
    return CapabilityUnsupported(
        "The connection's API key may only send: what became of an email is told by callbacks. "
        "Connect a key with full access to ask Resend."
    )
