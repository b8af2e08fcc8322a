"""PayPal's access token: one for each client, asked for early, once at a time.

PayPal limits how often an application asks for one, and a token lasts about nine hours.
Source: https://developer.paypal.com/api/rest/authentication/
"""

import asyncio
import base64
import time
from collections.abc import Callable
from typing import Final

from pydantic import SecretStr

from onerouter_common.errors import ProviderError, ProviderRefusedUs, ProviderThrottled, ProviderUnavailable
from onerouter_providers.http import ProviderHttp
from onerouter_providers.payments.paypal.errors import PROVIDER, refusal

_EARLY_S: Final = 300.0
_EARLY_SHARE: Final = 0.1
"""A new one is fetched this long before the old one ends, or this share of its life if that is shorter."""
_LONGEST_S: Final = 86_400.0


class AccessTokens:
    """The token of one set of credentials. Lives on one event loop; `repr` shows nothing."""

    def __init__(
        self,
        http: ProviderHttp,
        *,
        url: str,
        client_id: str,
        client_secret: SecretStr,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._http = http
        self._url = url
        self._client_id = client_id
        self._client_secret = client_secret
        self._now = monotonic
        self._token: SecretStr | None = None
        self._refresh_at = 0.0
        self._ends_at = 0.0
        self._fetching: asyncio.Task[SecretStr] | None = None

    async def get(self, deadline: float) -> SecretStr:
        """A token that is good. `deadline`: loop time.

        Raises ProviderRefusedUs for wrong credentials, ProviderUnavailable and ProviderThrottled when none can be had:
        whatever it was wanted for has not been sent.
        """
        if self._token is not None and self._now() < self._refresh_at:
            return self._token
        task = self._fetching
        if task is None:
            task = self._fetching = asyncio.create_task(self._fetch(), name="paypal-token")
            task.add_done_callback(self._fetched)
        try:
            async with asyncio.timeout_at(deadline):
                return await asyncio.shield(task)  # it is everybody's who waits for it
        except TimeoutError as error:
            return self._still_good(
                ProviderUnavailable(
                    "PayPal gave no access token in time; nothing was sent.",
                    provider=PROVIDER,
                    reason="provider_unavailable",
                ),
                error,
            )
        except (ProviderUnavailable, ProviderThrottled) as error:
            return self._still_good(error, error.__cause__)

    async def renew(self, deadline: float) -> None:
        """Ask for a new one, whatever we have; raises as `get`."""
        self._token = None
        await self.get(deadline)

    def drop(self, token: SecretStr) -> None:
        """PayPal does not take this one any more. A newer one stays."""
        if self._token is token:
            self._token = None

    def _still_good(self, error: ProviderError, cause: BaseException | None) -> SecretStr:
        """The old token, which was only to be replaced early; raises `error` when there is none."""
        if self._token is not None and self._now() < self._ends_at:
            return self._token
        raise error from cause

    async def _fetch(self) -> SecretStr:
        # Made for each call, so that the only lasting copy of the secret is a SecretStr.
        pair = f"{self._client_id}:{self._client_secret.get_secret_value()}".encode()
        started = self._now()
        answer = await self._http.send(
            "token",
            "POST",
            self._url,
            effect=False,
            headers={"Authorization": f"Basic {base64.b64encode(pair).decode()}"},
            form=[("grant_type", "client_credentials")],
        )
        if not answer.ok:
            raise refusal(answer.status, answer.body, "token", effect=False)
        token, lasts_s = answer.body.get("access_token"), answer.body.get("expires_in")
        if not isinstance(token, str) or not token or not isinstance(lasts_s, int | float) or lasts_s <= 0:
            raise ProviderRefusedUs("PayPal gave no access token.", provider=PROVIDER, reason="unknown")
        lasts_s = min(float(lasts_s), _LONGEST_S)
        self._token = SecretStr(token)
        self._refresh_at = started + lasts_s - min(_EARLY_S, lasts_s * _EARLY_SHARE)
        self._ends_at = started + lasts_s
        return self._token

    def _fetched(self, task: "asyncio.Task[SecretStr]") -> None:
        self._fetching = None
        if not task.cancelled():
            task.exception()  # whoever waited may have given up by now
