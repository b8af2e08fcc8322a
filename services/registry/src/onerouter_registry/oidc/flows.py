"""A sign-in between its two redirects: bound to one browser, used once, over after ten minutes.

The row holds the PKCE verifier sealed with a key derived from the browser's cookie: who has the database, or the address
the issuer sends the browser to, cannot redeem the code without the cookie.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from onerouter_common.clock import Clock
from onerouter_common.errors import InvalidRequest
from onerouter_common.secrets import DataKey, SecretUnopenable
from onerouter_registry.oidc import repository
from onerouter_registry.oidc.errors import SignInRefused
from onerouter_registry.oidc.model import Flow
from onerouter_registry.secret_key import derive_key
from onerouter_registry.transactions import operator_transaction

LIFETIME: Final = timedelta(minutes=10)
_RANDOM_BYTES: Final = 32
_RETURN_TO_CHARS: Final = 512
_SWEPT_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class FlowCookie:
    """One a sign-in, so that two tabs do not disturb each other."""

    name: str
    value: SecretStr


@dataclass(frozen=True, slots=True)
class Begun:
    """What goes to the issuer and what stays with the browser. Only hashes and a sealed value stay here."""

    state: str
    nonce: str
    code_challenge: str
    cookie: FlowCookie


class Flows:
    def __init__(self, engine: AsyncEngine, clock: Clock, secret: SecretStr, *, secure: bool) -> None:
        self._engine = engine
        self._clock = clock
        self._key = derive_key(secret, "oidc flows")
        self._prefix = "__Host-onerouter_oidc_" if secure else "onerouter_oidc_"

    def cookie_name(self, state: str) -> str:
        return self._prefix + _hash(state)[:16]

    async def begin(self, issuer_id: str, return_to: str, *, user_id: str | None) -> Begun:
        state, nonce, verifier, cookie = (secrets.token_urlsafe(_RANDOM_BYTES) for _ in range(4))
        sealed = self._seal_key(cookie).seal(SecretStr(verifier), bound_to=("oidc_flows", _hash(state)))
        now = self._clock.now()
        async with operator_transaction(self._engine) as tx:
            await repository.sweep_flows(tx, now=now, most=_SWEPT_AT_ONCE)
            flow = Flow(issuer_id, _hash(nonce), sealed, return_to, user_id)
            await repository.add_flow(tx, _hash(state), flow, now=now, expires_at=now + LIFETIME)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        return Begun(state, nonce, challenge, FlowCookie(self.cookie_name(state), SecretStr(cookie)))

    async def take(self, issuer_id: str, state: str, cookies: Mapping[str, str]) -> tuple[Flow, SecretStr]:
        """The flow of this state in this browser, and its PKCE verifier in the clear. Raises SignInRefused."""
        cookie = cookies.get(self.cookie_name(state))
        if not cookie:
            raise SignInRefused("sign_in_expired", "this browser did not start it, or too long ago")
        async with operator_transaction(self._engine) as tx:
            flow = await repository.take_flow(tx, _hash(state), issuer_id, now=self._clock.now())
        if flow is None:
            raise SignInRefused("sign_in_expired", "the state is unknown, used or too old")
        try:
            verifier = self._seal_key(cookie).open(flow.code_verifier, bound_to=("oidc_flows", _hash(state)))
        except SecretUnopenable:
            raise SignInRefused("sign_in_expired", "the cookie is of another browser") from None
        return flow, verifier

    def _seal_key(self, cookie: str) -> DataKey:
        return DataKey("oidc-flow", hmac.new(self._key, cookie.encode(), hashlib.sha256).digest())


def local_path(value: str) -> str:
    """Where to go in the end: a path of this site. Raises InvalidRequest.

    A browser takes `//host`, `/\\host` and `/<tab>/host` for another site; so only printable ASCII without backslashes.
    """
    is_path = value.startswith("/") and not value.startswith("//") and "\\" not in value
    if not is_path or len(value) > _RETURN_TO_CHARS or not all("!" <= character <= "~" for character in value):
        raise InvalidRequest.of("return_to", "must be a path of this site, such as /settings")
    return value


def _hash(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()
