"""Where a reader of events stands. Pure."""

import base64
import binascii
from typing import Final, NamedTuple

from onerouter_common.errors import InvalidRequest

_CHARS: Final = 64
_MOST_XID: Final = 2**64
_MOST_SEQ: Final = 2**63


class Position(NamedTuple):
    """Of an event in the order of commits: the transaction that wrote it, and its turn within that one."""

    xid: int
    seq: int


BEGINNING: Final = Position(0, 0)


def cursor_of(position: Position) -> str:
    """Opaque to callers."""
    return base64.urlsafe_b64encode(f"{position.xid}.{position.seq}".encode()).decode().rstrip("=")


def position_of(cursor: str, field: str) -> Position:
    """Raises InvalidRequest about `field` for what is no cursor of ours."""
    invalid = InvalidRequest.of(field, "is not a cursor that was given here")
    if len(cursor) > _CHARS:
        raise invalid
    try:
        decoded = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
        xid, _, seq = decoded.partition(".")
        position = Position(int(xid), int(seq))
    except (binascii.Error, ValueError):
        raise invalid from None
    if not (0 <= position.xid < _MOST_XID and 0 <= position.seq < _MOST_SEQ) or cursor != cursor_of(position):
        raise invalid
    return position
