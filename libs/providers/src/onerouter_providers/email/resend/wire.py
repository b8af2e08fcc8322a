"""One call to Resend's API: address, headers, bytes, and what a refusal means."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

import structlog
from pydantic import SecretStr

from onerouter_common.errors import ProviderError, ProviderOutcomeUnknown, ProviderUnavailable
from onerouter_providers.email.resend.errors import PROVIDER, refused
from onerouter_providers.http import Answer, ProviderHttp

log = structlog.get_logger()

PAGE: Final = 100
PAGES: Final = 20
"""A list of more than 2,000 is not walked to its end."""


class Wire:
    """Holds the API key; everything that goes out passes here."""

    def __init__(self, http: ProviderHttp, *, base_url: str, api_key: SecretStr) -> None:
        self._http = http
        self._base_url = base_url
        self._api_key = api_key

    def deadline(self) -> float:
        return self._http.deadline()

    async def get(
        self, capability: str, path: str, deadline: float, params: Mapping[str, str] | None = None
    ) -> Mapping[str, Any]:
        answer = await self._http.send(
            capability,
            "GET",
            self._base_url + path,
            effect=False,
            headers=self._headers(),
            params=params,
            deadline=deadline,
            any_refusal=True,
        )
        return _accept(answer, effect=False)

    async def post(
        self, capability: str, path: str, body: Mapping[str, Any], deadline: float, *, key: str | None = None
    ) -> Mapping[str, Any]:
        """`key`: Resend answers a repeat with the first answer for a day, if not one byte of the body is another."""
        headers = self._headers() | ({} if key is None else {"Idempotency-Key": key})
        answer = await self._http.send(
            capability,
            "POST",
            self._base_url + path,
            effect=True,
            headers=headers,
            content=exact(body),
            deadline=deadline,
            any_refusal=True,
        )
        return _accept(answer, effect=True)

    async def pages(self, capability: str, path: str, deadline: float) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
        """A list, newest first. Raises ProviderUnavailable for one that does not end: what is not in it may be behind."""
        window = {"limit": str(PAGE)}
        for _ in range(PAGES):
            body = await self.get(capability, path, deadline, window)
            items = _items(body, capability)
            yield items
            if body.get("has_more") is not True:
                return
            last = items[-1].get("id") if items else None
            if not isinstance(last, str):
                raise strange(capability, "a list that goes on after nothing")
            window = {**window, "after": last}
        raise strange(capability, "a list without an end")

    def _headers(self) -> dict[str, str]:
        # Made for each call, so that the only lasting copy of the secret is a SecretStr.
        return {"Authorization": f"Bearer {self._api_key.get_secret_value()}"}


def exact(body: Mapping[str, Any]) -> bytes:
    """The same bytes for the same body, whatever order its parts were read back in."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def segment(value: str) -> str:
    """An id as one segment of a path."""
    return quote(value, safe="")


def strange(capability: str, what: str, *, effect: bool = False) -> ProviderError:
    """An answer in a shape that Resend does not document: no base for saying what was done."""
    log.warning("resend.strange_answer", capability=capability, what=what)
    kind = ProviderOutcomeUnknown if effect else ProviderUnavailable
    return kind(f"Resend answered with {what}.", provider=PROVIDER, reason="indeterminate")


def _items(body: Mapping[str, Any], capability: str) -> Sequence[Mapping[str, Any]]:
    """The objects of a list. Raises ProviderUnavailable when it is none: that is not an absence."""
    items = body.get("data")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise strange(capability, "a list without data")
    return items


def _accept(answer: Answer, *, effect: bool) -> Mapping[str, Any]:
    if not answer.ok:
        raise refused(answer, effect=effect)
    return answer.body
