"""One call to Stripe's REST API: address, headers, form, and what a refusal means."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

import structlog
from pydantic import SecretStr

from onerouter_common.errors import (
    Conflict,
    ProviderError,
    ProviderOutcomeUnknown,
    ProviderUnavailable,
)
from onerouter_providers.http import Answer, ProviderHttp
from onerouter_providers.payments.stripe.errors import PROVIDER, REQUEST_ID_HEADER, refusal
from onerouter_providers.payments.stripe.form import Value, pairs

log = structlog.get_logger()

VERSION: Final = "2026-05-27.dahlia"
"""What this code was written for; without it each account would answer in the version it was opened with."""
REPLAYED_HEADER: Final = "Idempotent-Replayed"
PAGE: Final = 100
PAGES: Final = 50
"""A list of more than 5,000 is not walked to its end."""


class Wire:
    """Holds the secret key; everything that goes out passes here."""

    def __init__(self, http: ProviderHttp, *, base_url: str, secret_key: SecretStr) -> None:
        self._http = http
        self._base_url = base_url
        self._secret_key = secret_key

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
        )
        return _accept(answer, capability, effect=False)

    async def post(
        self, capability: str, path: str, params: Mapping[str, Value], deadline: float, *, key: str
    ) -> Mapping[str, Any]:
        """`key`: Stripe answers a repeat with the first answer, whatever that was, for a day."""
        return _accept(await self._post(capability, path, params, deadline, key), capability, effect=True)

    async def make(
        self,
        capability: str,
        path: str,
        params: Mapping[str, Value],
        deadline: float,
        *,
        key: str,
        thing: str | None = None,
    ) -> Mapping[str, Any]:
        """Post what makes an object, or changes the one at the path `thing`, and show it as it is now: the first answer to a
        repeat may be a day old.
        """
        answer = await self._post(capability, path, params, deadline, key)
        made = _accept(answer, capability, effect=True)
        made_id = made.get("id")
        if not isinstance(made_id, str) or not made_id:
            raise strange(capability, "an object without an id", effect=True)
        if answer.headers.get(REPLAYED_HEADER) != "true":
            return made
        expand = params.get("expand")
        query = {
            f"expand[{place}]": str(each) for place, each in enumerate(expand if isinstance(expand, tuple) else ())
        }
        try:
            return await self.get(capability, thing or f"{path}/{segment(made_id)}", deadline, query)
        except ProviderError:
            return made  # it was done, which is what was asked

    async def delete(
        self, capability: str, path: str, params: Mapping[str, Value], deadline: float
    ) -> Mapping[str, Any]:
        """Takes no key: what is gone cannot go again."""
        answer = await self._http.send(
            capability,
            "DELETE",
            self._base_url + path,
            effect=True,
            headers=self._headers(),
            form=pairs(params) if params else None,
            deadline=deadline,
        )
        return _accept(answer, capability, effect=True)

    async def _post(self, capability: str, path: str, params: Mapping[str, Value], deadline: float, key: str) -> Answer:
        return await self._http.send(
            capability,
            "POST",
            self._base_url + path,
            effect=True,
            headers={**self._headers(), "Idempotency-Key": key},
            form=pairs(params),
            deadline=deadline,
        )

    async def pages(
        self, capability: str, path: str, params: Mapping[str, str], deadline: float
    ) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
        """A list, newest first. Raises ProviderUnavailable for one that does not end: what is not in it may be behind."""
        window = {**params, "limit": str(PAGE)}
        for _ in range(PAGES):
            body = await self.get(capability, path, deadline, window)
            items = items_of(body, capability)
            yield items
            if body.get("has_more") is not True:
                return
            last = items[-1].get("id") if items else None
            if not isinstance(last, str):
                raise strange(capability, "a list that goes on after nothing")
            window = {**window, "starting_after": last}
        raise strange(capability, "a list without an end")

    def _headers(self) -> dict[str, str]:
        # Made for each call, so that the only lasting copy of the secret is a SecretStr.
        return {"Authorization": f"Bearer {self._secret_key.get_secret_value()}", "Stripe-Version": VERSION}


def items_of(body: Mapping[str, Any], capability: str) -> Sequence[Mapping[str, Any]]:
    """The objects of a list. Raises ProviderUnavailable when it is none: that is not an absence."""
    items = body.get("data")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise strange(capability, "a list without data")
    return items


def strange(capability: str, what: str, *, effect: bool = False) -> ProviderError:
    """An answer in a shape that Stripe does not document: no base for saying what was done."""
    log.warning("stripe.strange_answer", capability=capability, what=what)
    kind = ProviderOutcomeUnknown if effect else ProviderUnavailable
    return kind(f"Stripe answered with {what}.", provider=PROVIDER, reason="indeterminate")


def segment(value: object) -> str:
    """An id as one segment of a path. Raises Conflict where there is none yet."""
    if not isinstance(value, str) or not value:
        raise Conflict("This has no id at Stripe yet.")
    return quote(value, safe="")


def _accept(answer: Answer, capability: str, *, effect: bool) -> Mapping[str, Any]:
    if not answer.ok:
        raise refusal(
            answer.status, answer.body, capability, effect=effect, request_id=answer.headers.get(REQUEST_ID_HEADER)
        )
    return answer.body
