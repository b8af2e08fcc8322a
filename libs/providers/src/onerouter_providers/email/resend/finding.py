"""Finds an email that was sent without an answer, after Resend has forgotten its key.

Resend lists emails without their tags, and the calls made to it with all that was sent. So the list says whether there can be
one at all (same sender, recipients and subject), and the calls say whether it is ours.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from onerouter_common.errors import ProviderUnavailable
from onerouter_providers.email.composing import REFERENCE
from onerouter_providers.email.fields import ascii_domain
from onerouter_providers.email.resend.errors import PROVIDER
from onerouter_providers.email.resend.mapping import bare, moment
from onerouter_providers.email.resend.wire import Wire, segment, strange
from onerouter_providers.messages import EmailRequest

_CAPABILITY: Final = "email.send"
_CLOCKS_DIFFER: Final = timedelta(minutes=1)
"""How far Resend's clock may be behind ours."""
_MADE_BY: Final = timedelta(seconds=30)
"""How long after an email was made the call that made it is written down, and before."""
_MOST_CALLS: Final = 40
"""More calls are not opened one by one: it is tried again later, or a person looks."""


async def find(wire: Wire, request: EmailRequest, *, since: datetime, deadline: float) -> str | None:
    """The id of the email made for this request; None when there surely is none.

    Raises ProviderUnavailable when there is one like it and Resend does not say whose it is.
    """
    since -= _CLOCKS_DIFFER
    alike = await _alike(wire, request, since, deadline)
    if not alike:
        return None
    opened = 0
    unclear = dict(alike)
    async for calls in wire.pages(_CAPABILITY, "/logs", deadline):
        for call in calls:
            at = moment(call.get("created_at"))
            if at is None:
                raise strange(_CAPABILITY, "a call without its time")
            if at < since - _MADE_BY:
                _refuse_unclear(unclear)
                return None
            if not _made_one_of(call, at, unclear):
                continue
            opened += 1
            if opened > _MOST_CALLS:
                _refuse_unclear(unclear)
                return None
            email_id, reference = await _asked_and_answered(wire, str(call.get("id")), deadline)
            if reference == request.message_id and email_id is not None:
                return email_id
            unclear.pop(email_id or "", None)
            if not unclear:
                return None
    _refuse_unclear(unclear)
    return None


async def _alike(wire: Wire, request: EmailRequest, since: datetime, deadline: float) -> dict[str, datetime]:
    """Emails since then with the same sender, recipients and subject: id → when it was made."""
    found: dict[str, datetime] = {}
    async for emails in wire.pages(_CAPABILITY, "/emails", deadline):
        for email in emails:
            at, email_id = moment(email.get("created_at")), email.get("id")
            if at is None or not isinstance(email_id, str):
                raise strange(_CAPABILITY, "an email without its id or time")
            if at < since:
                return found
            if _is_like(email, request):
                found[email_id] = at
    return found


def _is_like(email: Mapping[str, Any], request: EmailRequest) -> bool:
    to = email.get("to")
    to = [to] if isinstance(to, str) else to
    return (
        isinstance(to, list)
        and {bare(str(one)) for one in to} == {ascii_domain(one.email, "to").lower() for one in request.to}
        and bare(str(email.get("from", ""))) == ascii_domain(request.sender.email, "from").lower()
        and (request.subject is None or _words(email.get("subject")) == _words(request.subject))
    )


def _words(subject: object) -> list[str]:
    """A subject without its spaces, which may be shown otherwise than they were sent."""
    return str(subject).split()


def _made_one_of(call: Mapping[str, Any], at: datetime, emails: Mapping[str, datetime]) -> bool:
    return (
        call.get("method") == "POST"
        and call.get("endpoint") == "/emails"
        and call.get("response_status") == 200
        and any(abs(at - made_at) <= _MADE_BY for made_at in emails.values())
    )


async def _asked_and_answered(wire: Wire, call_id: str, deadline: float) -> tuple[str | None, str | None]:
    """The email a call made, and our message id in what was asked."""
    call = await wire.get(_CAPABILITY, f"/logs/{segment(call_id)}", deadline)
    asked, answered = call.get("request_body"), call.get("response_body")
    tags = asked.get("tags") if isinstance(asked, dict) else None
    ours = [tag.get("value") for tag in tags if isinstance(tag, dict) and tag.get("name") == REFERENCE] if tags else []
    email_id = answered.get("id") if isinstance(answered, dict) else None
    return (email_id if isinstance(email_id, str) else None), (str(ours[0]) if ours else None)


def _refuse_unclear(unclear: Mapping[str, datetime]) -> None:
    """No call that was made is ours; what was sent in another way (a batch, the dashboard) may still be like it."""
    if unclear:
        raise ProviderUnavailable(
            "Resend has an email like it and does not say who asked for it.", provider=PROVIDER, reason="indeterminate"
        )
