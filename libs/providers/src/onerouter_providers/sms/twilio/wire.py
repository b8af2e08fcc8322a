"""One call to Twilio's REST API: address, credentials, form, and what a refusal means."""

import base64
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

import structlog
from pydantic import SecretStr

from onerouter_common.errors import ProviderError, ProviderOutcomeUnknown, ProviderUnavailable
from onerouter_providers.http import ProviderHttp, parse_retry_after
from onerouter_providers.sms.twilio.errors import DISPLAY_NAME, PROVIDER, REQUEST_ID_HEADER, refusal

log = structlog.get_logger()

VERSION: Final = "2010-04-01"
PAGE: Final = 100
PAGES: Final = 20
"""A list of more than 2,000 messages to one recipient is not walked to its end."""
_SID: Final = re.compile(r"(SM|MM)[0-9a-fA-F]{32}")


class Wire:
    """Holds the secret; everything that goes out passes here."""

    def __init__(self, http: ProviderHttp, *, base_url: str, account_sid: str, user: str, secret: SecretStr) -> None:
        self._http = http
        self._base_url = base_url
        self._account = f"/{VERSION}/Accounts/{account_sid}"
        self._user = user
        self._secret = secret

    def deadline(self) -> float:
        return self._http.deadline()

    async def get(
        self, capability: str, path: str, deadline: float, params: Mapping[str, str] | None = None
    ) -> Mapping[str, Any]:
        """`path`: below the account."""
        return await self._call(capability, "GET", self._account + path, deadline, params=params)

    async def post(
        self, capability: str, path: str, form: Sequence[tuple[str, str]], deadline: float
    ) -> Mapping[str, Any]:
        return await self._call(capability, "POST", self._account + path, deadline, form=form)

    async def pages(
        self, capability: str, path: str, params: Mapping[str, str], deadline: float
    ) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
        """The messages of a list. Raises ProviderUnavailable for one that does not end: what is not in it may be behind."""
        body = await self.get(capability, path, deadline, {**params, "PageSize": str(PAGE)})
        for _ in range(PAGES):
            yield _messages_of(body, capability)
            further = body.get("next_page_uri")
            if further is None:
                return
            # It is Twilio's own, but a credential goes with it: to this account's addresses only.
            if not isinstance(further, str) or not further.startswith(f"{self._account}{path}?"):
                raise strange(capability, "a list that goes on elsewhere")
            body = await self._call(capability, "GET", further, deadline)
        raise strange(capability, "a list without an end")

    async def _call(
        self,
        capability: str,
        method: str,
        path: str,
        deadline: float,
        *,
        params: Mapping[str, str] | None = None,
        form: Sequence[tuple[str, str]] | None = None,
    ) -> Mapping[str, Any]:
        effect = method != "GET"
        answer = await self._http.send(
            capability,
            method,
            self._base_url + path,
            effect=effect,
            headers={"Authorization": self._authorization()},
            params=params,
            form=form,
            any_refusal=True,
            deadline=deadline,
        )
        if answer.ok:
            return answer.body
        raise refusal(
            answer.status,
            answer.body,
            effect=effect,
            retry_after_s=parse_retry_after(answer.headers.get("Retry-After")),
            request_id=answer.headers.get(REQUEST_ID_HEADER),
        )

    def _authorization(self) -> str:
        # Made for each call, so that the only lasting copy of the secret is a SecretStr.
        pair = f"{self._user}:{self._secret.get_secret_value()}"
        return "Basic " + base64.b64encode(pair.encode()).decode()


def sid_of(message: Mapping[str, Any], capability: str, *, effect: bool) -> str:
    """Raises ProviderOutcomeUnknown for an answer without one: who reads it cannot tell what was done."""
    sid = message.get("sid")
    if not isinstance(sid, str) or not _SID.fullmatch(sid):
        raise strange(capability, "a message without a SID", effect=effect)
    return sid


def strange(capability: str, what: str, *, effect: bool = False) -> ProviderError:
    """An answer in a shape that Twilio does not document: no base for saying what was done."""
    log.warning("twilio.strange_answer", capability=capability, what=what)
    kind = ProviderOutcomeUnknown if effect else ProviderUnavailable
    reason = "indeterminate" if effect else "provider_unavailable"
    return kind(f"{DISPLAY_NAME} answered with {what}.", provider=PROVIDER, reason=reason)


def _messages_of(body: Mapping[str, Any], capability: str) -> Sequence[Mapping[str, Any]]:
    """Raises ProviderUnavailable when it is no list: that is not an absence."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        raise strange(capability, "a list without messages")
    return messages
