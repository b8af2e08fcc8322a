"""SendGrid's email logs: one line for each recipient of a message, some time after it was processed.

They are asked in a query language of their own, and cannot be asked for custom arguments: those are in each line's details.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

from onerouter_common.errors import ProviderUnavailable
from onerouter_providers.email.composing import REFERENCE
from onerouter_providers.email.fields import ascii_domain
from onerouter_providers.email.sendgrid.errors import PROVIDER
from onerouter_providers.email.sendgrid.mapping import BATCH, id_of
from onerouter_providers.email.sendgrid.states import snapshot
from onerouter_providers.email.sendgrid.wire import Wire, strange
from onerouter_providers.messages import EmailRequest, MessageReference, MessageSnapshot

SETTLES: Final = timedelta(minutes=15)
"""After this long a message is in the logs, if there is one (manifest: `absence_settles_s`)."""
_LINES: Final = 1_000
_CLOCKS_DIFFER: Final = timedelta(minutes=1)
_MOST_OPENED: Final = 40
"""More lines are not opened one by one: it is tried again later, or a person looks."""


async def find(wire: Wire, request: EmailRequest, *, since: datetime, deadline: float) -> MessageSnapshot | None:
    """The message whose custom arguments name this request; None when the logs have none.

    Raises ProviderUnavailable when there are more lines than can be looked through.
    """
    lines = await _lines(wire, "email.send", request.to[0].email, since, deadline)
    # Those with its subject first; the others too, as a subject may be logged otherwise than it was sent.
    for opened, line in enumerate(sorted(lines, key=lambda each: each.get("subject") != request.subject)):
        if opened >= _MOST_OPENED:
            raise _too_many("email.send")
        path = f"/v3/logs/{quote(_id(line, 'email.send'), safe='')}"
        details = await wire.ask("email.send", "GET", path, deadline)
        args = details.get("custom_args")
        if isinstance(args, dict) and args.get(REFERENCE) == request.message_id:
            return _shown(
                line, id_of(_id(line, "email.send"), _text(args.get(BATCH))), "email.send", request.to[0].email
            )
    return None


async def read(wire: Wire, reference: MessageReference, deadline: float) -> MessageSnapshot | None:
    """What became of a message for the recipient it names; None while that is not in the logs."""
    stem = id_of(reference.provider_message_id, None)
    for line in await _lines(wire, "email.get", reference.to, reference.sent_at, deadline):
        if id_of(_id(line, "email.get"), None) == stem:
            return _shown(line, reference.provider_message_id, "email.get", reference.to)
    return None


def query_of(email: str, since: datetime) -> str:
    """The condition in SendGrid's words; a quote within quotes is doubled, or it would end them."""
    quoted = email.replace("'", "''")
    at = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"to_email = '{quoted}' AND sg_message_id_created_at > TIMESTAMP \"{at}\""


async def _lines(
    wire: Wire, capability: str, email: str, since: datetime, deadline: float
) -> Sequence[Mapping[str, Any]]:
    """All lines of one recipient since then, however the logs write the address."""
    local, _, domain = ascii_domain(email, "to").rpartition("@")
    spellings = (f"{local}@{domain}", f"{local}@{domain.lower()}", f"{local}@{domain}".lower())
    found: list[Mapping[str, Any]] = []
    for spelled in dict.fromkeys(spellings):
        asked = {"query": query_of(spelled, since - _CLOCKS_DIFFER), "limit": _LINES}
        lines = (await wire.ask(capability, "POST", "/v3/logs", deadline, asked)).get("messages")
        if not isinstance(lines, list) or not all(isinstance(line, dict) for line in lines):
            raise strange(capability, "logs without messages")
        if len(lines) >= _LINES:
            raise _too_many(capability)
        found += lines
    return found


def _shown(line: Mapping[str, Any], message_id: str, capability: str, recipient: str) -> MessageSnapshot:
    shown = snapshot(line, message_id)
    if shown is None:
        raise strange(capability, "an email in a state we do not know")
    # A line is of one recipient, and the logs were asked for this one.
    return replace(shown, facts={**shown.facts, "recipient": recipient})


def _id(line: Mapping[str, Any], capability: str) -> str:
    value = line.get("sg_message_id")
    if not isinstance(value, str) or not value:
        raise strange(capability, "a line of its logs without an id")
    return value


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _too_many(capability: str) -> ProviderUnavailable:
    return ProviderUnavailable(
        f"SendGrid's logs have too much of this recipient to look through for {capability}.",
        provider=PROVIDER,
        reason="provider_unavailable",
    )
