"""Strings that do not show themselves: not in a `repr`, and so not in a traceback that prints variables."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

PATTERN: Final = re.compile(r"(unf_(?:test|live)_[0-9A-Za-z]{4})[0-9A-Za-z]+|(wh(?:sec|sk)_)[0-9A-Za-z+/=_-]+")
"""API keys and signing secrets, wherever they stand in a text."""

_SIGNED: Final = re.compile(r"(https?://[^\s?\"']*\?)[^\s\"']*X-Amz-Signature=[^\s\"']*")
"""Whoever has the whole of such an address may do what it is for."""


def redacted(text: str) -> str:
    """Keys shortened to what tells them apart: `unf_test_9aF3…`."""
    return PATTERN.sub(lambda found: f"{found.group(1) or found.group(2)}…", _SIGNED.sub(r"\1…", text))


class Secret(str):
    """The string itself, to whoever asks for it; `'unf_test_9aF3…'` where it is merely shown."""

    __slots__ = ()

    def __repr__(self) -> str:
        shown = redacted(str(self))
        return repr(shown if shown != str(self) else "***")


def several(given: str | Iterable[str] | None) -> tuple[Secret, ...] | None:
    """Of one text they are separated by spaces."""
    if given is None:
        return None
    return tuple(Secret(each) for each in (given.split() if isinstance(given, str) else given))


class SecretBytes(bytes):
    """The same for what goes on the wire."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "b'***'"
