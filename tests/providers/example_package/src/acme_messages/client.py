"""Acme's API. All I/O of this provider is here."""

from collections.abc import Mapping
from typing import Final

from pydantic import SecretStr

from onerouter_common.errors import ProviderRefusedUs
from onerouter_providers.http import Answer, ProviderHttp

_PROVIDER: Final = "acme"


def create_client(credentials: Mapping[str, SecretStr], *, http: ProviderHttp, base_url: str) -> "AcmeMessages":
    return AcmeMessages(http, base_url, credentials["account"].get_secret_value(), credentials["token"])


class AcmeMessages:
    def __init__(self, http: ProviderHttp, base_url: str, account: str, token: SecretStr) -> None:
        self._http = http
        self._base_url = f"{base_url}/v2/accounts/{account}"
        self._token = token

    async def send_sms(self, to: str, body: str, *, key: str) -> str:
        """Acme's id of the message; a repeated key gives the first one's."""
        answer = await self._http.send(
            "sms.send",
            "POST",
            f"{self._base_url}/messages",
            effect=True,
            headers={**self._authorization(), "Idempotency-Key": key},
            body={"to": to, "text": body},
        )
        return str(_accepted(answer).body["id"])

    async def probe(self) -> None:
        """Raises ProviderRefusedUs when the credentials are wrong."""
        _accepted(await self._http.send("probe", "GET", self._base_url, effect=False, headers=self._authorization()))

    def _authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token.get_secret_value()}"}


def _accepted(answer: Answer) -> Answer:
    if answer.status in (401, 403):
        raise ProviderRefusedUs("Acme refused the account or its token.", provider=_PROVIDER, reason="authentication")
    if not answer.ok:
        raise ProviderRefusedUs(f"Acme refused the request ({answer.status}).", provider=_PROVIDER)
    return answer
