"""One call to PayPal's REST API: address, token, request id, and what a refusal means."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

import structlog
from pydantic import SecretStr

from onerouter_common.errors import Conflict, ProviderError, ProviderOutcomeUnknown, ProviderUnavailable
from onerouter_providers.http import Answer, ProviderHttp
from onerouter_providers.payments.paypal.errors import PROVIDER, refusal
from onerouter_providers.payments.paypal.token import AccessTokens

log = structlog.get_logger()

PAGE: Final = 20
"""The most that PayPal's lists of plans and subscriptions give at once."""
PAGES: Final = 50
"""A list of more than 1,000 is not walked to its end."""


class Wire:
    """Holds the app's secret; everything that goes out passes here."""

    def __init__(self, http: ProviderHttp, *, base_url: str, client_id: str, client_secret: SecretStr) -> None:
        self._http = http
        self._base_url = base_url
        self._tokens = AccessTokens(
            http, url=f"{base_url}/v1/oauth2/token", client_id=client_id, client_secret=client_secret
        )

    def deadline(self) -> float:
        return self._http.deadline()

    async def renew_token(self) -> None:
        await self._tokens.renew(self._http.deadline())

    async def get(
        self, capability: str, path: str, deadline: float, params: Mapping[str, str] | None = None
    ) -> Mapping[str, Any]:
        answer = await self.answer(capability, "GET", path, deadline, effect=False, params=params)
        return _accept(answer, capability, effect=False)

    async def post(
        self,
        capability: str,
        path: str,
        body: Mapping[str, Any] | None,
        deadline: float,
        *,
        key: str | None = None,
        effect: bool = True,
    ) -> Mapping[str, Any]:
        """`key` goes as PayPal-Request-Id, to those calls that know it; `effect` False: a search, or a question."""
        headers = {"PayPal-Request-Id": key} if key else {}
        answer = await self.answer(capability, "POST", path, deadline, effect=effect, headers=headers, body=body)
        return _accept(answer, capability, effect=effect)

    async def post_raw(self, capability: str, path: str, content: bytes, deadline: float) -> Mapping[str, Any]:
        """A question whose bytes are not to be touched."""
        answer = await self.answer(capability, "POST", path, deadline, effect=False, content=content)
        return _accept(answer, capability, effect=False)

    async def delete(self, capability: str, path: str, deadline: float) -> None:
        answer = await self.answer(capability, "DELETE", path, deadline, effect=True)
        _accept(answer, capability, effect=True)

    async def pages(
        self, capability: str, path: str, name: str, params: Mapping[str, str], deadline: float
    ) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
        """A list whose items are under `name`. Raises ProviderUnavailable for one that does not end: what is not in it
        may be behind."""
        for number in range(1, PAGES + 1):
            window = {**params, "page_size": str(PAGE), "page": str(number)}
            items = (await self.get(capability, path, deadline, window)).get(name, [])
            if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
                raise strange(capability, "a list that is none", effect=False)
            yield items
            if len(items) < PAGE:
                return
        raise strange(capability, "a list without an end", effect=False)

    async def answer(
        self,
        capability: str,
        method: str,
        path: str,
        deadline: float,
        *,
        effect: bool,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        content: bytes | None = None,
    ) -> Answer:
        """For who reads refusals: as `ProviderHttp.send`, with a token."""
        answer: Answer | None = None
        for _ in range(2):
            token = await self._tokens.get(deadline)
            answer = await self._http.send(
                capability,
                method,
                self._base_url + path,
                effect=effect,
                headers={
                    "Authorization": f"Bearer {token.get_secret_value()}",
                    "Prefer": "return=representation",
                    **(headers or {}),
                },
                params=params,
                body=body,
                content=content,
                deadline=deadline,
            )
            if answer.status != 401:
                break
            self._tokens.drop(token)  # it ended early: refused before anything was done, so once more with a new one
        assert answer is not None  # noqa: S101 - the loop runs
        return answer


def strange(capability: str, what: str, *, effect: bool = True) -> ProviderError:
    """An answer in a shape that PayPal does not document: no base for saying what was done."""
    log.warning("paypal.strange_answer", capability=capability, what=what)
    kind = ProviderOutcomeUnknown if effect else ProviderUnavailable
    return kind(f"PayPal answered with {what}.", provider=PROVIDER, reason="indeterminate")


def segment(value: object, what: str = "payment") -> str:
    """An id as one segment of a path. Raises Conflict where there is none yet."""
    if not isinstance(value, str) or not value:
        raise Conflict(f"The {what} has no id at PayPal yet.")
    return quote(value, safe="")


def sub_key(key: str, step: str) -> str:
    """The request id of one step of an operation that takes several: the same for each repeat."""
    return str(uuid5(NAMESPACE_URL, f"{key}/{step}"))


def _accept(answer: Answer, capability: str, *, effect: bool) -> Mapping[str, Any]:
    if not answer.ok:
        raise refusal(answer.status, answer.body, capability, effect=effect)
    return answer.body
