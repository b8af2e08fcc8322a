"""Which characters a text may hold. Pure, and also asked in renderer processes.

NUL: PostgreSQL stores none, so what was sent could never be written down (https://www.postgresql.org/docs/16/datatype-json.html),
and mail has none either (RFC 5322 3.5). Halves of surrogate pairs cannot be encoded at all.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from onerouter_common.errors import InvalidRequest

WHY: Final = "contains characters that cannot be sent (NUL, or half of a surrogate pair)"


def is_sendable(text: str) -> bool:
    if "\x00" in text:
        return False
    try:
        text.encode()  # a hundred times as fast as a regular expression
    except UnicodeEncodeError:
        return False
    return True


def sendable(field: str, text: str) -> str:
    """The text itself. Raises InvalidRequest."""
    if not is_sendable(text):
        raise InvalidRequest.of(field, WHY)
    return text


def all_sendable(field: str, value: Any) -> None:
    """Of all texts and names within a JSON value. Raises InvalidRequest."""
    if isinstance(value, str):
        sendable(field, value)
    elif isinstance(value, Mapping):
        for name, one in value.items():
            sendable(field, name)
            all_sendable(field, one)
    elif isinstance(value, Sequence):
        for one in value:
            all_sendable(field, one)
