"""What is written down of a message right before its wire call, so that later it is looked for, or repeated, as it was. Pure.

The suppression list, a connection's sender and a renderer may change between a call and the question what became of it.
"""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from onerouter_messaging.message.state import Party
from onerouter_providers.messages import Address, EmailRequest, SmsRequest


@dataclass(frozen=True, slots=True)
class Noted:
    sender: Party | None = None
    """Whom it was from in effect, also where the connection's own was taken."""
    left_out: tuple[str, ...] = ()
    """Recipients of an email that were on the suppression list."""
    body: str | None = None
    """Of an SMS."""
    digest: str | None = None
    """Of an email's subject and texts. None: not known."""


def of_sms(request: SmsRequest) -> Noted:
    return Noted(sender=None if request.sender is None else Party(request.sender), body=request.body)


def of_email(request: EmailRequest, asked: Collection[str]) -> Noted:
    """`asked`: everybody it was to go to."""
    kept = {one.email for one in (*request.to, *request.cc, *request.bcc)}
    return Noted(
        sender=Party(request.sender.email, request.sender.name),
        left_out=tuple(one for one in asked if one not in kept),
        digest=digest_of(request),
    )


def digest_of(request: EmailRequest) -> str:
    return _digest(request.subject, request.html, request.text)


@lru_cache(maxsize=4)  # a bulk send says the same to all, half a megabyte at times
def _digest(subject: str | None, html: str | None, text: str | None) -> str:
    return hashlib.sha256(orjson.dumps([subject, html, text])).hexdigest()


def address_of(sender: Party) -> Address:
    return Address(sender.address, sender.name)


def noted_row(noted: Noted) -> dict[str, Any]:
    row: dict[str, Any] = {"left_out": list(noted.left_out), "body": noted.body, "digest": noted.digest}
    if noted.sender is not None:
        row["sender"] = {"address": noted.sender.address, "name": noted.sender.name}
    return {name: value for name, value in row.items() if value}


def noted_of(row: Mapping[str, Any]) -> Noted:
    sender = row.get("sender")
    return Noted(
        sender=None if sender is None else Party(sender["address"], sender.get("name")),
        left_out=tuple(row.get("left_out", ())),
        body=row.get("body"),
        digest=row.get("digest"),
    )
