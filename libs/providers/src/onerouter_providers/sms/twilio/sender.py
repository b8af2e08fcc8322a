"""Who a message comes from: a messaging service that chooses, or a number, short code or name."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from onerouter_common.errors import InvalidRequest

_SERVICE: Final = re.compile(r"MG[0-9a-fA-F]{32}")
_FROM: Final = re.compile(r"\+[1-9][0-9]{6,14}|[0-9]{3,8}|[A-Za-z0-9 ]{1,11}")


@dataclass(frozen=True, slots=True)
class Sender:
    service_sid: str | None = None
    number: str | None = None
    """A number, short code or name. Beside a service: one of its pool."""

    def form(self) -> list[tuple[str, str]]:
        service = [("MessagingServiceSid", self.service_sid)] if self.service_sid else []
        return service + ([("From", self.number)] if self.number else [])

    def is_of(self, message: Mapping[str, Any]) -> bool:
        """Whether a message was sent by this one. A service names a number only once it has chosen one."""
        if self.service_sid is not None and message.get("messaging_service_sid") != self.service_sid:
            return False
        return self.number is None or message.get("from") in (None, self.number)


def choose(asked: str | None, *, service_sid: str | None, number: str | None) -> Sender:
    """The sender of one message; the connection's own where it asks for none. Raises InvalidRequest."""
    if asked is None:
        if service_sid is None and number is None:
            raise InvalidRequest.of(
                "from_number", "is required: the connection has neither a messaging service nor a sender"
            )
        # A service chooses the best of its pool, where the connection has one.
        return Sender(service_sid) if service_sid is not None else Sender(number=number)
    if asked == service_sid or _SERVICE.fullmatch(asked):
        return Sender(asked)
    if not _FROM.fullmatch(asked):
        raise InvalidRequest.of(
            "from_number",
            "must be a number like +14155550100, a short code, at most 11 letters and digits, or MG…, at Twilio",
        )
    return Sender(number=asked)
