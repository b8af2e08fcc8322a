"""One call to Mailgun's API: address, key, form, and what a refusal means."""

import base64
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from pydantic import SecretStr

from onerouter_providers.email.mailgun.errors import refusal
from onerouter_providers.email.mailgun.form import Part, encode
from onerouter_providers.http import Answer, ProviderHttp

_HOSTS: Final[Mapping[str, str]] = {"us": "", "eu": ".eu"}


def base_url_in(region: str, base_url: str) -> str:
    """`https://api{region}.mailgun.net` of the manifest as it is in a region; another address stays as it is."""
    return base_url.replace("{region}", _HOSTS[region])


class Wire:
    """Holds the key; everything that goes out passes here. Paths name the domain as `{domain}`."""

    def __init__(self, http: ProviderHttp, *, base_url: str, api_key: SecretStr, domain: str) -> None:
        self._http = http
        self._base_url = base_url
        self._api_key = api_key
        self._domain = quote(domain, safe="")

    async def get(self, capability: str, path: str, params: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        answer = await self._http.send(
            capability,
            "GET",
            self._url(path),
            effect=False,
            headers=self._headers(),
            params=params,
            any_refusal=True,
        )
        return _accept(answer, effect=False)

    async def post(self, capability: str, path: str, parts: list[Part]) -> Mapping[str, Any]:
        content, content_type = encode(parts)
        answer = await self._http.send(
            capability,
            "POST",
            self._url(path),
            effect=True,
            headers=self._headers(),
            content=content,
            content_type=content_type,
            any_refusal=True,
        )
        return _accept(answer, effect=True)

    async def try_empty(self, capability: str, path: str) -> Answer:
        """What Mailgun answers to a form that lacks everything: it can do nothing but say who may not ask."""
        return await self._http.send(
            capability,
            "POST",
            self._url(path),
            effect=False,
            headers=self._headers(),
            form=(),
            any_refusal=True,
        )

    def _url(self, path: str) -> str:
        return self._base_url + path.replace("{domain}", self._domain)

    def _headers(self) -> dict[str, str]:
        # Made for each call, so that the only lasting copy of the secret is a SecretStr.
        pair = f"api:{self._api_key.get_secret_value()}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}


def _accept(answer: Answer, *, effect: bool) -> Mapping[str, Any]:
    if not answer.ok:
        raise refusal(answer, effect=effect)
    return answer.body
