"""Addresses as callers write them → mailboxes, each once."""

from collections.abc import Sequence
from typing import Any

from onerouter_common.contracts.messages import EmailAddress
from onerouter_common.errors import FieldError, InvalidRequest
from onerouter_common.recipients import mailbox_of
from onerouter_gateway.messages.sending import of_many


def address_of(field: str, value: Any, *, name: str | None = None) -> EmailAddress:
    """Of a string or `{email, name}`. Raises InvalidRequest, also for what would break out of its line."""
    if isinstance(value, dict):
        found = mailbox_of(field, value["email"], name if name is not None else value["name"])
    else:
        found = mailbox_of(field, value, name)
    return EmailAddress(email=found.email, name=found.name)


def addresses_of(field: str, values: Sequence[Any]) -> list[EmailAddress]:
    """The first of equal ones counts. Raises InvalidRequest that names all that are wrong."""
    found: dict[str, EmailAddress] = {}
    errors: list[FieldError] = []
    for index, value in enumerate(values):
        try:
            one = address_of(f"{field}.{index}", value)
        except InvalidRequest as error:
            errors.extend(error.errors)
            continue
        found.setdefault(one.email, one)
    if errors:
        raise of_many(errors)
    return list(found.values())


def without(addresses: Sequence[EmailAddress], *others: Sequence[EmailAddress]) -> list[EmailAddress]:
    """Those that are not among the others: a copy to who is written to anyway is no second email."""
    known = {one.email for other in others for one in other}
    return [one for one in addresses if one.email not in known]
