"""One attempt as it goes out: signed with what is live, with the headers and the authorization its endpoint asked for."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from typing import Final

from pydantic import SecretStr

from onerouter_webhooks.delivery.queue import Work
from onerouter_webhooks.delivery.tokens import TokenRefused, Tokens
from onerouter_webhooks.delivery.transport import Answer, Transport
from onerouter_webhooks.endpoint.auth import OAuth2Auth
from onerouter_webhooks.endpoint.keys import Credentials, SigningKeys, SigningKeysUnavailable

_UNAUTHORIZED: Final = 401
_LEAST_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Requests:
    keys: SigningKeys
    transport: Transport
    tokens: Tokens
    timeout_s: float
    """Of an attempt, where the endpoint names none: from the token, if one is needed, to the last byte."""

    async def send(self, work: Work, url: str, body: bytes, at: datetime) -> Answer:
        """What came of it, within the time limit. Raises SigningKeysUnavailable and ProxyAway: then nothing was sent."""
        started, limit_s = perf_counter(), work.timeout_s or self.timeout_s
        credentials = self.keys.find_open(work.endpoint_id, work.endpoint_version, at)
        if credentials is None:
            credentials = await self._credentials(work, at, limit_s)
        token = None
        if isinstance(credentials.auth, OAuth2Auth):
            try:
                async with asyncio.timeout(max(_LEAST_S, limit_s - (perf_counter() - started))):
                    token = await self.tokens.get(credentials.auth_id, credentials.auth)
            except (TokenRefused, TimeoutError) as error:
                why = str(error) or "The token endpoint did not answer in time."
                return Answer(None, "authorization", int((perf_counter() - started) * 1000), {}, body=why.encode())
        headers = {name: value.get_secret_value() for name, value in credentials.headers.items()}
        if (authorization := _authorization(credentials, token)) is not None:
            headers["Authorization"] = authorization
        headers |= credentials.signer.headers(work.event_id, int(at.timestamp()), body)
        left_s = max(_LEAST_S, limit_s - (perf_counter() - started))
        answer = await self.transport.post(url, body, headers, total_s=left_s)
        if token is not None and answer.status == _UNAUTHORIZED:
            self.tokens.drop(credentials.auth_id, token)
        return answer

    async def _credentials(self, work: Work, at: datetime, limit_s: float) -> Credentials:
        """Within the limit too: a database that is slow must not have an attempt outlast its lease."""
        try:
            async with asyncio.timeout(limit_s):
                return await self.keys.of(work.endpoint_id, work.endpoint_version, at)
        except TimeoutError:
            raise SigningKeysUnavailable("they did not come in time") from None


def _authorization(credentials: Credentials, token: SecretStr | None) -> str | None:
    if token is not None:
        return f"Bearer {token.get_secret_value()}"
    if credentials.auth is None or isinstance(credentials.auth, OAuth2Auth):
        return None
    return credentials.auth.header()
