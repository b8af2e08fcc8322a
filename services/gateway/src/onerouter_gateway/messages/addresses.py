"""Addresses in queries, as messages and suppressions have them."""

import re
from typing import Final

from onerouter_common.errors import InvalidRequest
from onerouter_common.recipients import email_of, phone_number_of
from onerouter_gateway.messages.channel import Channel

_SHORT_CODE: Final = re.compile(r"[0-9]{3,8}", re.ASCII)
_LOST_PLUS: Final = re.compile(r" (?=[1-9])", re.ASCII)


def asked_address(channel: Channel, field: str, value: str, *, region: str | None) -> str:
    """A number in E.164 or an email address in lower case. Raises InvalidRequest that names the field.

    A number without its country code is one of `region`. A plus that was not escaped in an address line arrives as a blank.
    """
    if channel.name == "email":
        return email_of(field, value.strip().replace(" ", "+"))
    number = _LOST_PLUS.sub("+", value, count=1) if value.startswith(" ") else value
    try:
        return phone_number_of(field, number, region=region).e164
    except InvalidRequest:
        if _SHORT_CODE.fullmatch(value):
            return value  # what came in may be to one
        raise
