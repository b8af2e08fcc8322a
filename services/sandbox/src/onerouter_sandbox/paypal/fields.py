"""Reading a request body field by field; what does not fit is refused in PayPal's words, naming the field."""

import re
from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from onerouter_sandbox.paypal.errors import Refused, bad_request, unprocessable
from onerouter_sandbox.paypal.money import Money, NotMoney, read_money

_TWO_WORDS: Final = frozenset({"products", "plans", "subscriptions", "invoices"})
"""APIs that tell too long from too short, and below the operation that speaks of the length of arrays."""
_COUNTED: Final = frozenset({"partner-referrals.create"})
_MOMENT: Final = re.compile(r"^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$")


def parse_moment(text: str) -> float | None:
    """Seconds since 1970, or None when it is no RFC 3339 moment."""
    if not _MOMENT.match(text):
        return None
    try:
        return datetime.fromisoformat(text.upper()).timestamp()
    except ValueError:
        return None


class Fields:
    """The fields of one object of a body. `operation` says whose words are used, `at` is the object's JSON pointer."""

    def __init__(self, body: Any, operation: str, at: str = "") -> None:
        if not isinstance(body, dict):
            raise bad_request("INVALID_PARAMETER_SYNTAX", at or "/", operation)
        self._body = body
        self._operation = operation
        self._at = at

    @property
    def raw(self) -> dict[str, Any]:
        return self._body

    def has(self, name: str) -> bool:
        return self._body.get(name) is not None

    def need(self, *names: str) -> None:
        for name in names:
            if not self.has(name):
                raise bad_request("MISSING_REQUIRED_PARAMETER", f"{self._at}/{name}", self._operation)

    def inner(self, name: str) -> "Fields | None":
        return Fields(self._body[name], self._operation, f"{self._at}/{name}") if self.has(name) else None

    def needed(self, name: str) -> "Fields":
        self.need(name)
        return Fields(self._body[name], self._operation, f"{self._at}/{name}")

    def each(self, name: str, least: int, most: int) -> list["Fields"]:
        """Objects of a list; a missing list is an empty one."""
        given = self._body.get(name, [])
        if not isinstance(given, list):
            raise self.wrong(name, "INVALID_PARAMETER_SYNTAX")
        if not least <= len(given) <= most:
            if self._operation in _COUNTED:
                raise self.wrong(name, "INVALID_ARRAY_LENGTH")
            raise self.wrong(name, "INVALID_PARAMETER_VALUE" if given else "MISSING_REQUIRED_PARAMETER")
        return [Fields(one, self._operation, f"{self._at}/{name}/{place}") for place, one in enumerate(given)]

    def text(self, name: str, most: int, *, least: int = 1) -> str | None:
        value = self._body.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            raise self.wrong(name, "INVALID_PARAMETER_SYNTAX")
        if len(value) > most:
            raise self.wrong(name, "INVALID_STRING_MAX_LENGTH" if self._has_two_words else "INVALID_STRING_LENGTH")
        if len(value) < least:
            raise self.wrong(name, "INVALID_STRING_MIN_LENGTH" if self._has_two_words else "INVALID_STRING_LENGTH")
        return value

    def needed_text(self, name: str, most: int, *, least: int = 1) -> str:
        self.need(name)
        return self.text(name, most, least=least) or ""

    def word(self, name: str, allowed: Collection[str], default: str | None = None) -> str:
        value = self._body.get(name, default)
        if value is None:
            raise self.wrong(name, "MISSING_REQUIRED_PARAMETER")
        if not isinstance(value, str) or value not in allowed:
            raise self.wrong(name, "INVALID_PARAMETER_VALUE", str(value)[:100])
        return value

    def whole(self, name: str, least: int, most: int, default: int) -> int:
        value = self._body.get(name, default)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.wrong(name, "INVALID_PARAMETER_SYNTAX")
        if value < least:
            raise self.wrong(name, "INVALID_INTEGER_MIN_VALUE")
        if value > most:
            raise self.wrong(name, "INVALID_INTEGER_MAX_VALUE")
        return value

    def flag(self, name: str, default: bool) -> bool:
        value = self._body.get(name, default)
        if not isinstance(value, bool):
            raise self.wrong(name, "INVALID_PARAMETER_SYNTAX")
        return value

    def money(self, name: str, *, least: int = 1) -> Money | None:
        if not self.has(name):
            return None
        try:
            return read_money(self._body[name], least=least)
        except NotMoney as problem:
            place = name if problem.part is None else f"{name}/{problem.part}"
            issues = {"missing": "MISSING_REQUIRED_PARAMETER", "syntax": "INVALID_PARAMETER_SYNTAX"}
            raise self.wrong(place, issues.get(problem.why, "INVALID_PARAMETER_VALUE")) from problem

    def moment(self, name: str) -> float | None:
        text = self.text(name, 64)
        at = None if text is None else parse_moment(text)
        if text is not None and at is None:
            raise self.wrong(name, "INVALID_PARAMETER_SYNTAX")
        return at

    def wrong(self, name: str, issue: str, value: str | None = None, description: str | None = None) -> Refused:
        """400 for one field."""
        return bad_request(issue, f"{self._at}/{name}", self._operation, value, description)

    def refused(self, issue: str, name: str | None = None) -> Refused:
        """422, for one field or for the whole."""
        return unprocessable(issue, None if name is None else f"{self._at}/{name}", self._operation)

    @property
    def _has_two_words(self) -> bool:
        return self._operation.partition(".")[0] in _TWO_WORDS
