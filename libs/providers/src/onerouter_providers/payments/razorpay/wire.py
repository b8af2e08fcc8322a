"""Razorpay over HTTP: who asks, what a refusal means, and lists page by page."""

import base64
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

import structlog
from pydantic import SecretStr

from onerouter_common.errors import (
    Conflict,
    ProviderError,
    ProviderOutcomeUnknown,
    ProviderThrottled,
    ProviderUnavailable,
)
from onerouter_providers.http import ProviderHttp
from onerouter_providers.payments.razorpay.errors import PROVIDER, refusal

log = structlog.get_logger()

PAGE: Final = 100
_PAGES: Final = 50
"""A look-up through more than 5,000 things is given up: then it is not known, which is not the same as absent."""


class Wire:
    """One account's access to the API. Holds the secret, and nothing else of a call."""

    def __init__(self, http: ProviderHttp, *, base_url: str, key_id: str, key_secret: SecretStr) -> None:
        self._http = http
        self._base_url = base_url
        self._key_secret = key_secret
        self.key_id = key_id

    def deadline(self) -> float:
        """For a capability of several calls: the loop time by which they all must have ended."""
        return self._http.deadline()

    async def get(
        self, capability: str, path: str, deadline: float, params: Mapping[str, str] | None = None
    ) -> Mapping[str, Any]:
        return await self._send(capability, "GET", path, deadline, effect=False, params=params)

    async def post(
        self,
        capability: str,
        path: str,
        body: Mapping[str, Any],
        deadline: float,
        headers: Mapping[str, str] | None = None,
    ) -> Mapping[str, Any]:
        return await self._send(capability, "POST", path, deadline, effect=True, body=body, headers=headers)

    async def patch(self, capability: str, path: str, body: Mapping[str, Any], deadline: float) -> Mapping[str, Any]:
        return await self._send(capability, "PATCH", path, deadline, effect=True, body=body)

    async def delete(self, capability: str, path: str, deadline: float) -> Mapping[str, Any]:
        return await self._send(capability, "DELETE", path, deadline, effect=True)

    async def page(
        self,
        capability: str,
        path: str,
        params: Mapping[str, str],
        deadline: float,
        page: int = 0,
        *,
        of: str = "items",
    ) -> Sequence[Mapping[str, Any]]:
        """One page of a list, newest first. A list that is none is a fault, not an absence."""
        window = {**params, "count": str(PAGE), **({"skip": str(page * PAGE)} if page else {})}
        items = (await self.get(capability, path, deadline, window)).get(of)
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise strange(capability, f"a collection without {of}")
        return items

    async def pages(
        self, capability: str, path: str, params: Mapping[str, str], deadline: float
    ) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
        """All of a list, page by page. Raises ProviderUnavailable for one that does not end."""
        for number in range(_PAGES):
            items = await self.page(capability, path, params, deadline, number)
            yield items
            if len(items) < PAGE:
                return
        raise strange(capability, "a list without an end")

    async def _send(
        self,
        capability: str,
        method: str,
        path: str,
        deadline: float,
        *,
        effect: bool,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Mapping[str, Any]:
        answer = await self._http.send(
            capability,
            method,
            self._base_url + path,
            effect=effect,
            headers={**self._authorization(), **(headers or {})},
            params=params,
            body=body,
            deadline=deadline,
        )
        if not answer.ok:
            raise refusal(answer.status, answer.body, capability, effect=effect)
        return answer.body

    def _authorization(self) -> dict[str, str]:
        # Made for each call, so that the only lasting copy of the secret is a SecretStr.
        pair = f"{self.key_id}:{self._key_secret.get_secret_value()}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}


def strange(capability: str, what: str, *, effect: bool = False) -> ProviderError:
    """An answer in a shape that Razorpay does not document: no base for saying what was done."""
    log.warning("razorpay.strange_answer", capability=capability, what=what)
    kind = ProviderOutcomeUnknown if effect else ProviderUnavailable
    return kind(f"Razorpay answered with {what}.", provider=PROVIDER, reason="indeterminate")


def in_doubt(error: ProviderThrottled | ProviderUnavailable, what: str) -> ProviderOutcomeUnknown:
    """A call without an effect could not be made after one that had, or may have had, an effect: the whole is a doubt."""
    return ProviderOutcomeUnknown(what, provider=PROVIDER, reason="indeterminate", retry_after_s=error.retry_after_s)


def segment(value: object, what: str = "payment") -> str:
    """An id as one segment of a path. Raises Conflict where there is none."""
    if not isinstance(value, str) or not value:
        raise Conflict(f"The {what} has no id at Razorpay yet.")
    return quote(value, safe="")
