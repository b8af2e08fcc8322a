"""One call to SendGrid's API: address, headers, and what a refusal means."""

from collections.abc import Mapping
from typing import Any, Final, Literal

import structlog
from pydantic import SecretStr

from onerouter_common.errors import ProviderError, ProviderOutcomeUnknown, ProviderUnavailable
from onerouter_providers.email.sendgrid.errors import PROVIDER, refused
from onerouter_providers.http import Answer, ProviderHttp

log = structlog.get_logger()

GLOBAL: Final = "https://api.sendgrid.com"
EU: Final = "https://api.eu.sendgrid.com"


class Wire:
    """Holds the API key; everything that goes out passes here."""

    def __init__(self, http: ProviderHttp, *, base_url: str, api_key: SecretStr) -> None:
        self._http = http
        self._base_url = base_url
        self._api_key = api_key

    def deadline(self) -> float:
        return self._http.deadline()

    async def ask(
        self,
        capability: str,
        method: Literal["GET", "POST"],
        path: str,
        deadline: float,
        body: Mapping[str, Any] | None = None,
    ) -> Mapping[str, Any]:
        """A call that changes nothing; some questions are posted."""
        return (await self._send(capability, method, path, body, deadline, effect=False)).body

    async def do(
        self,
        capability: str,
        method: Literal["POST", "PATCH"],
        path: str,
        deadline: float,
        body: Mapping[str, Any],
    ) -> Answer:
        """A call with an effect; what it did may stand in the headers."""
        return await self._send(capability, method, path, body, deadline, effect=True)

    async def _send(
        self,
        capability: str,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        deadline: float,
        *,
        effect: bool,
    ) -> Answer:
        answer = await self._http.send(
            capability,
            method,
            self._base_url + path,
            effect=effect,
            # Made for each call, so that the only lasting copy of the secret is a SecretStr.
            headers={"Authorization": f"Bearer {self._api_key.get_secret_value()}"},
            body=body,
            deadline=deadline,
            any_refusal=True,
        )
        if not answer.ok:
            raise refused(answer, effect=effect)
        return answer


def strange(capability: str, what: str, *, effect: bool = False) -> ProviderError:
    """An answer in a shape that SendGrid does not document: no base for saying what was done."""
    log.warning("sendgrid.strange_answer", capability=capability, what=what)
    kind = ProviderOutcomeUnknown if effect else ProviderUnavailable
    return kind(f"SendGrid answered with {what}.", provider=PROVIDER, reason="indeterminate")
