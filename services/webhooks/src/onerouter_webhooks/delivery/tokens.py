"""Access tokens of tenants' authorization servers: kept until shortly before they expire, fetched by one request at a time.

A token that gets old is renewed while it is still good, so that no delivery waits for it; only the first one does.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final

import orjson
import structlog
from pydantic import SecretStr

from onerouter_common.egress import ProxyAway
from onerouter_webhooks.delivery.transport import Answer, Transport
from onerouter_webhooks.endpoint.auth import OAuth2Auth

log = structlog.get_logger()

_REMEMBERED: Final = 10_000
_FETCH_S: Final = 10.0
_REFUSED_S: Final = 5.0
"""How long a refusal is taken for an answer: not every delivery of a burst asks again."""
_LIFETIME_S: Final = 300.0
"""Where the server does not say (RFC 6749 §5.1 only recommends that it does)."""
_LONGEST_LIFETIME_S: Final = 86_400.0
_RENEW_AFTER: Final = 0.75
_UNUSED_AFTER: Final = 0.95
"""Shares of its lifetime."""
_LONGEST_TOKEN: Final = 8_000
_TOO_SHORT: Final = "The token endpoint gave a token that was no longer good when it came."


class TokenRefused(Exception):
    """There is no token now. The text is for the tenant: it says what its server did, without what is secret."""


@dataclass(slots=True)
class _Kept:
    token: SecretStr | None = None
    renew_at: float = 0.0
    good_until: float = 0.0
    refused: TokenRefused | ProxyAway | None = None
    refused_until: float = 0.0
    fetching: asyncio.Task[None] | None = None


class Tokens:
    """One a process. Requests go through the same guarded transport as deliveries."""

    def __init__(self, transport: Transport, time: Callable[[], float] = monotonic) -> None:
        self._transport = transport
        self._time = time
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    async def get(self, auth_id: str, auth: OAuth2Auth) -> SecretStr:
        """A token that is good now. Raises TokenRefused and ProxyAway; ends within the bound of one request."""
        kept = self._of(auth_id)
        now = self._time()
        if kept.token is not None and now < kept.good_until:
            if now >= kept.renew_at and now >= kept.refused_until:
                self._begin(kept, auth)
            return kept.token
        if kept.fetching is None and now < kept.refused_until:
            raise _again(kept.refused)
        await asyncio.shield(self._begin(kept, auth))  # who gives up waiting does not take the token from the others
        if kept.token is None or self._time() >= kept.good_until:
            raise _again(kept.refused)
        return kept.token

    def drop(self, auth_id: str, token: SecretStr) -> None:
        """The endpoint did not accept it: it is not used again."""
        kept = self._kept.get(auth_id)
        if kept is not None and kept.token == token:
            kept.token = None

    def _of(self, auth_id: str) -> _Kept:
        kept = self._kept.setdefault(auth_id, _Kept())
        self._kept.move_to_end(auth_id)
        if len(self._kept) > _REMEMBERED:
            self._kept.popitem(last=False)
        return kept

    def _begin(self, kept: _Kept, auth: OAuth2Auth) -> asyncio.Task[None]:
        if kept.fetching is None:
            kept.fetching = asyncio.create_task(self._fetch(kept, auth), name="token")
        return kept.fetching

    async def _fetch(self, kept: _Kept, auth: OAuth2Auth) -> None:
        asked_at = self._time()  # the server counts from before its answer comes, at the earliest from here
        try:
            body, headers = auth.request()
            answer = await self._transport.post(auth.token_url, body, headers, total_s=_FETCH_S)
            token, lifetime_s = _token_of(answer)
        except (TokenRefused, ProxyAway) as error:
            log.info("delivery.token.refused", why=str(error))
            kept.refused, kept.refused_until = error, self._time() + _REFUSED_S
        else:
            kept.token, kept.refused, kept.refused_until = token, None, 0.0
            kept.renew_at = asked_at + lifetime_s * _RENEW_AFTER
            kept.good_until = asked_at + lifetime_s * _UNUSED_AFTER
        finally:
            kept.fetching = None


def _again(refused: TokenRefused | ProxyAway | None) -> Exception:
    """For one more who asked: an exception that several raise would carry all their traces."""
    return ProxyAway(str(refused)) if isinstance(refused, ProxyAway) else TokenRefused(str(refused or _TOO_SHORT))


def _token_of(answer: Answer) -> tuple[SecretStr, float]:
    """RFC 6749 §5.1. Raises TokenRefused."""
    if answer.status != 200:
        raise TokenRefused(f"The token endpoint {_said(answer)}.")
    try:
        told: Any = orjson.loads(answer.body)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise TokenRefused("The token endpoint did not answer with a JSON object.")
    token, kind = told.get("access_token"), told.get("token_type", "bearer")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise TokenRefused("The token endpoint gave a token that is not a bearer token.")
    if not isinstance(token, str) or not 1 <= len(token) <= _LONGEST_TOKEN or not _is_visible(token):
        raise TokenRefused("The token endpoint gave no usable access_token.")
    return SecretStr(token), _lifetime_s(told.get("expires_in"))


def _said(answer: Answer) -> str:
    return f"could not be asked: {answer.failure}" if answer.status is None else f"answered {answer.status}"


def _is_visible(token: str) -> bool:
    return all("!" <= character <= "~" for character in token)


def _lifetime_s(told: object) -> float:
    try:
        lifetime_s = float(told)  # type: ignore[arg-type]  # some servers send it as a text
    except (TypeError, ValueError, OverflowError):
        return _LIFETIME_S
    return min(lifetime_s, _LONGEST_LIFETIME_S) if lifetime_s > 0 else _LIFETIME_S
