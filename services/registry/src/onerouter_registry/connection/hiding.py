"""Takes credentials out of what a provider says of them, however it quotes them. Pure."""

import html
import json
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final
from urllib.parse import quote, quote_plus

from pydantic import SecretStr

_HIDDEN: Final = "••••"
_LEAST: Final = 4
"""A shorter value could be part of any word."""


def hide(words: str, secrets: Iterable[SecretStr]) -> str:
    """The words without these values, as they are or as they travel: in URLs, JSON, HTML and base64, alone or in a pair."""
    # Marked first, then replaced: one that begins or ends like another must not leave the rest of that behind.
    marked = bytearray(len(words))
    for form in {form for secret in secrets for form in _forms(secret.get_secret_value()) if len(form) >= _LEAST}:
        at = words.find(form)
        while at >= 0:
            marked[at : at + len(form)] = b"x" * len(form)
            at = words.find(form, at + 1)
    parts = groupby(zip(words, marked, strict=True), key=lambda one: one[1])
    return "".join(_HIDDEN if mark else "".join(character for character, _ in part) for mark, part in parts)


def _forms(value: str) -> Iterator[str]:
    if len(value) < _LEAST:
        return
    yield value
    for escaped in (quote(value), quote(value, safe=""), quote_plus(value)):
        yield escaped
        yield re.sub("%[0-9A-F]{2}", lambda code: code.group().lower(), escaped)
    for is_ascii in (True, False):
        yield json.dumps(value, ensure_ascii=is_ascii)[1:-1]
    yield html.escape(value)
    for encoded in _base64(value.encode()):
        yield encoded
        yield encoded.replace("+", "-").replace("/", "_")


def _base64(raw: bytes) -> Iterator[str]:
    """Of the value alone, and of each place it may have inside something longer (`key:secret`): there, without the
    characters at its ends that its neighbours have a part in."""
    yield b64encode(raw).decode()
    for lead in range(3):
        encoded = b64encode(bytes(lead) + raw).decode()
        rest = (lead + len(raw)) % 3
        yield encoded[(0, 2, 3)[lead] : len(encoded) - (0, 3, 2)[rest]]
