"""What is checked before a message is taken, in the order in which Twilio complains."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from onerouter_sandbox.twilio.account import Account
from onerouter_sandbox.twilio.errors import Refused
from onerouter_sandbox.twilio.state import State

_E164: Final = re.compile(r"\+[1-9][0-9]{6,14}")
_NAME: Final = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11}")
_VARIABLE: Final = re.compile(r"\{\{\s*([A-Za-z0-9_-]{1,16})\s*\}\}")
_TO: Final = {
    "+15005550001": 21211,
    "+15005550002": 21612,
    "+15005550003": 21408,
    "+15005550004": 21610,
    "+15005550009": 21614,
}
"""Twilio's own magic recipients."""
_FROM: Final = {"+15005550001": 21212, "+15005550007": 21606, "+15005550008": 21611}
_GOOD_SENDER: Final = "+15005550006"
_LEAST_AHEAD_S: Final = 300
_MOST_AHEAD_S: Final = 35 * 86_400
_CALLBACK_CHARS: Final = 4_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """A message that may be sent."""

    to: str
    sender: str | None
    service_sid: str | None
    body: str
    callback_url: str | None
    send_at: float | None


def check(state: State, account: Account, form: Mapping[str, str], now: float) -> Wanted:
    """Raises Refused."""
    if not account.active:
        raise Refused(20005)
    to = _recipient(form)
    body = _filled(account, form) if "ContentSid" in form else form.get("Body", "")
    if not body:
        raise Refused(21602)
    if len(body) > 1_600:
        raise Refused(21617)
    service_sid, sender = _sender(account, form)
    refused = state.recipient(account.account_sid, to)
    if refused.refused_with is not None:
        raise Refused(refused.refused_with)
    if (service_sid or sender) in refused.opted_out_of:
        raise Refused(21610)
    return Wanted(to, sender, service_sid, body, _callback_url(form), _send_at(form, service_sid, now))


def _filled(account: Account, form: Mapping[str, str]) -> str:
    """A Content template with its variables."""
    text = account.contents.get(form["ContentSid"])
    if text is None:
        raise Refused(21655)
    try:
        variables = json.loads(form.get("ContentVariables", "{}"))
    except ValueError:
        raise Refused(21656) from None
    if not isinstance(variables, dict) or not all(isinstance(value, str) for value in variables.values()):
        raise Refused(21656)
    return _VARIABLE.sub(lambda found: variables.get(found.group(1), ""), text)


def _recipient(form: Mapping[str, str]) -> str:
    to = form.get("To", "")
    if not to:
        raise Refused(21604)
    if to in _TO:
        raise Refused(_TO[to])
    if not _E164.fullmatch(to):
        raise Refused(21211)
    return to


def _sender(account: Account, form: Mapping[str, str]) -> tuple[str | None, str | None]:
    """The service and the sender; with a service alone, the sender is chosen when the message goes."""
    service_sid, sender = form.get("MessagingServiceSid"), form.get("From")
    if service_sid is None and sender is None:
        raise Refused(21603)
    if service_sid is not None:
        if service_sid not in account.messaging_services:
            raise Refused(21701)
        if not pool(account, service_sid):
            raise Refused(21703)
    if sender is not None:
        if sender in _FROM:
            raise Refused(_FROM[sender])
        is_known = sender in account.numbers or sender == _GOOD_SENDER or _NAME.fullmatch(sender) is not None
        if not is_known:
            raise Refused(21606)
    return service_sid, sender


def pool(account: Account, service_sid: str) -> tuple[str, ...]:
    return account.messaging_services.get(service_sid) or account.numbers


def _callback_url(form: Mapping[str, str]) -> str | None:
    url = form.get("StatusCallback")
    if url is None:
        return None
    parts = urlsplit(url)
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or "_" in parts.hostname
        or len(url) > _CALLBACK_CHARS
    ):
        raise Refused(21609)
    return url


def _send_at(form: Mapping[str, str], service_sid: str | None, now: float) -> float | None:
    kind, when = form.get("ScheduleType"), form.get("SendAt")
    if kind is None and when is None:
        return None
    if kind != "fixed":
        raise Refused(35117)
    if when is None:
        raise Refused(35111)
    if service_sid is None:
        raise Refused(35118)
    try:
        at = datetime.strptime(when, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise Refused(35114) from None
    if not _LEAST_AHEAD_S <= at - now <= _MOST_AHEAD_S:
        raise Refused(35114)
    return at
