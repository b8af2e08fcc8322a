"""What mentions a person, or a resource, is no longer kept: headers and body go, what a callback is known by stays.

Bodies are sealed, so they are opened and searched one after the other; nothing about people is indexed for this.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_plus

import structlog

from onerouter_common.secrets import SecretUnopenable
from onerouter_webhooks.callback.sealing import Sealing
from onerouter_webhooks.callback.stored.repository import StoredCallbacks, Wanted
from onerouter_webhooks.callback.stored.schemas import Redacted, RedactRequest

log = structlog.get_logger()

_PHONE: Final = re.compile(r"\+?[0-9]{5,15}")
_UNIT: Final = re.compile(r"(?:\\+u[0-9a-fA-F]{4})+")
_ESCAPED: Final = re.compile(r"\\+([\"/])")


@dataclass(frozen=True, slots=True)
class RedactCallbacks:
    """A page at a time. Repeatable: what was redacted is not found again."""

    stored: StoredCallbacks
    sealing: Sealing

    async def page(self, request: RedactRequest) -> Redacted:
        """Raises Overloaded while a KMS is away, and what the database raises."""
        wanted = Wanted(
            tenant_id=request.tenant_id, environment=request.environment, since=request.since, until=request.until
        )
        page = await self.stored.page(wanted, request.after)
        pattern = pattern_of(request.mentioning)
        found: list[str] = []
        unopenable = 0
        for kept in await self.stored.fetch(page.ids):
            try:
                headers, body = await self.sealing.open(kept.source.owner, kept.source.id, kept.sealed)
            except SecretUnopenable:
                unopenable += 1  # nobody can read it any more, and that is what is wanted
                continue
            if await asyncio.to_thread(mentions, pattern, headers, body):
                found.append(kept.source.id)
        redacted = await self.stored.redact(found) if found else 0
        if redacted:
            log.info("callback.redacted", tenant_id=request.tenant_id, count=redacted)
        return Redacted(
            examined=page.examined,
            unopenable=unopenable,
            reached=page.reached,
            next_after=page.last,
            redacted=redacted,
        )


def pattern_of(texts: Sequence[str]) -> re.Pattern[str]:
    """Finds each text by itself, whatever its case, and not as a part of a longer one (`a@b.com` in `aa@b.com`)."""
    return re.compile("|".join(_pattern(text) for text in texts), re.IGNORECASE)


def mentions(pattern: re.Pattern[str], headers: Mapping[str, str], body: bytes) -> bool:
    """Looks at the body as it is, as a form and as JSON, which may hold JSON in a text."""
    text = body.decode("utf-8", "replace")
    told = "\n".join([text, *headers.values()])
    return any(pattern.search(form) for form in (told, unquote_plus(told), _without_escapes(told)))


def _pattern(text: str) -> str:
    if _PHONE.fullmatch(text):
        return rf"(?<![0-9])\+?{text.removeprefix('+')}(?![0-9])"
    return rf"(?<![\w.+-]){re.escape(text)}(?![\w-]|\.\w)"


def _without_escapes(text: str) -> str:
    return _ESCAPED.sub(r"\1", _UNIT.sub(lambda units: _characters(units.group()), text))


def _characters(units: str) -> str:
    codes = [int(one, 16) for one in re.findall(r"u([0-9a-fA-F]{4})", units)]
    return b"".join(code.to_bytes(2, "big") for code in codes).decode("utf-16-be", "replace")
