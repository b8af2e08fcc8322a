"""One configured issuer: where to send the browser, and who came back by its word."""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote_plus, urlencode, urlsplit, urlunsplit

from joserfc.jwk import Key
from pydantic import SecretStr

from onerouter_common.clock import Clock
from onerouter_registry.oidc.discovery import discover
from onerouter_registry.oidc.errors import IssuerUnavailable, SignInRefused, TokenRefused
from onerouter_registry.oidc.fetching import Fetcher
from onerouter_registry.oidc.keys import IssuerKeys, parse_key_set
from onerouter_registry.oidc.model import Issuer
from onerouter_registry.oidc.remembered import Remembered
from onerouter_registry.oidc.tokens import Verified, verify

_HASHES: Final = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512, "519": hashlib.sha512}
"""Of `at_hash`, by the last digits of the token's algorithm (Core 3.1.3.6); Ed25519 hashes with SHA-512."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the token endpoint gave for a code."""

    id_token: SecretStr
    access_token: SecretStr | None


@dataclass(frozen=True, slots=True)
class Exchange:
    """A code on its way to the token endpoint."""

    code: SecretStr
    code_verifier: SecretStr
    redirect_uri: str
    nonce_hash: str = field(repr=False)


class Provider:
    """Remembers the issuer's discovery document and keys; one a process."""

    def __init__(self, config: Issuer, fetcher: Fetcher, clock: Clock) -> None:
        self.config: Final = config
        self._fetcher = fetcher
        self._clock = clock
        self._discovered = Remembered(lambda: discover(fetcher, config.issuer), clock, what=f"discovery of {config.id}")
        self._keys = IssuerKeys(Remembered(self._fetch_keys, clock, what=f"keys of {config.id}"))

    async def authorization_url(
        self, *, redirect_uri: str, state: str, nonce: str, code_challenge: str, prove_again: bool = False
    ) -> str:
        """Where to send the browser. Raises IssuerUnavailable.

        `prove_again`: the issuer asks the person even if they are signed in there, and says when that was (Core 3.1.2.1).
        """
        endpoint = urlsplit((await self._discovered.get()).authorization_endpoint)
        ours = {
            "response_type": "code",
            "client_id": self.config.client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(self.config.scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": code_challenge,
            "code_challenge_method": "S256",
            **({"prompt": "login", "max_age": "0"} if prove_again else {}),
        }
        query = "&".join(part for part in (endpoint.query, urlencode(ours)) if part)
        return urlunsplit((endpoint.scheme, endpoint.netloc, endpoint.path, query, ""))

    async def check_response_issuer(self, iss: str | None) -> None:
        """The `iss` of an authorization response (RFC 9207). Raises SignInRefused, IssuerUnavailable."""
        if iss is None:
            if (await self._discovered.get()).authorization_response_iss_parameter_supported:
                raise SignInRefused("issuer_error", "the answer lacks the iss that the issuer promises")
        elif iss != self.config.issuer:
            raise SignInRefused("issuer_error", "the answer is of another issuer")

    async def redeem(self, exchange: Exchange) -> Verified:
        """Whom the code stands for: the verified ID token, with the claims of the UserInfo endpoint where it has no email.

        Raises SignInRefused, TokenRefused, IssuerUnavailable.
        """
        tokens = await self._tokens(exchange)
        verified = await self.verify(tokens.id_token)
        self._check_id_token(verified, exchange, tokens)
        if "email" in verified.claims or tokens.access_token is None:
            return verified
        return Verified(verified.algorithm, {**await self._user_info(verified, tokens.access_token), **verified.claims})

    async def verify(self, token: SecretStr) -> Verified:
        """Raises TokenRefused, IssuerUnavailable. Who the token is for is not checked yet."""
        return await verify(token, issuer=self.config.issuer, keys=self._keys, clock=self._clock)

    def require_for_us(self, verified: Verified, *audiences: str) -> None:
        """It is for one of these, or for our client id and no other client. Raises TokenRefused."""
        named = verified.texts("aud")
        if not named.isdisjoint(audiences):
            return
        if self.config.client_id not in named:
            raise TokenRefused("is for another audience")
        party = verified.claims.get("azp")
        if party != self.config.client_id and (party is not None or len(named) > 1):
            raise TokenRefused("was given to another client")

    def _check_id_token(self, verified: Verified, exchange: Exchange, tokens: Tokens) -> None:
        self.require_for_us(verified)
        if "iat" not in verified.claims:
            raise TokenRefused("has no 'iat'")
        nonce = verified.text("nonce") or ""
        if not hmac.compare_digest(hashlib.sha256(nonce.encode()).hexdigest(), exchange.nonce_hash):
            raise TokenRefused("is of another sign-in (nonce)")
        if "at_hash" in verified.claims and tokens.access_token is not None:
            expected = _half_hash(verified.algorithm, tokens.access_token)
            if not hmac.compare_digest(expected.encode(), str(verified.claims["at_hash"]).encode()):
                raise TokenRefused("belongs to another access token (at_hash)")

    async def _tokens(self, exchange: Exchange) -> Tokens:
        found = await self._discovered.get()
        form = {
            "grant_type": "authorization_code",
            "code": exchange.code.get_secret_value(),
            "redirect_uri": exchange.redirect_uri,
            "code_verifier": exchange.code_verifier.get_secret_value(),
        }
        form, headers = self._authenticated(form, found.token_endpoint_auth_methods_supported)
        answer = await self._fetcher.post(found.token_endpoint, form, headers=headers)
        if not answer.ok:
            # `error` is one of a few words of RFC 6749 5.2; the rest of the answer may quote what we sent.
            raise SignInRefused("issuer_error", f"the token endpoint answered {answer.status} {_word(answer.body)}")
        id_token, access_token = answer.body.get("id_token"), answer.body.get("access_token")
        if not isinstance(id_token, str):
            raise SignInRefused("issuer_error", "the token endpoint gave no ID token")
        return Tokens(SecretStr(id_token), SecretStr(access_token) if isinstance(access_token, str) else None)

    def _authenticated(self, form: dict[str, str], methods: Sequence[str]) -> tuple[dict[str, str], dict[str, str]]:
        """The form and headers by which the issuer knows us, by the best means it understands."""
        secret = self.config.client_secret
        methods = methods if self.config.client_auth is None else (self.config.client_auth,)
        if secret is None:
            return {**form, "client_id": self.config.client_id}, {}
        if "client_secret_basic" in methods:
            # Both parts are form-encoded before they are joined (RFC 6749 2.3.1).
            pair = f"{quote_plus(self.config.client_id)}:{quote_plus(secret.get_secret_value())}"
            return form, {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
        if "client_secret_post" in methods:
            return {**form, "client_id": self.config.client_id, "client_secret": secret.get_secret_value()}, {}
        raise SignInRefused("issuer_error", "the issuer takes a client secret neither as Basic nor in the form")

    async def _user_info(self, verified: Verified, access_token: SecretStr) -> Mapping[str, Any]:
        """More of the same person's claims (Core 5.3), nothing where there are none. Raises TokenRefused."""
        endpoint = (await self._discovered.get()).userinfo_endpoint
        if endpoint is None:
            return {}
        headers = {"Authorization": f"Bearer {access_token.get_secret_value()}"}
        answer = await self._fetcher.get(endpoint, headers=headers)
        if not answer.ok:
            return {}
        if answer.body.get("sub") != verified.subject:
            raise TokenRefused("is of somebody else than the UserInfo endpoint says")
        return answer.body

    async def _fetch_keys(self) -> Sequence[Key]:
        answer = await self._fetcher.get((await self._discovered.get()).jwks_uri)
        if not answer.ok:
            raise IssuerUnavailable(f"The identity provider answered for its keys with status {answer.status}.")
        return parse_key_set(answer.body)


def authenticated_at(verified: Verified, otherwise: datetime) -> datetime:
    """When the person proved who they are at the issuer: `auth_time`, else when the token was made."""
    for name in ("auth_time", "iat"):
        moment = verified.claims.get(name)
        if isinstance(moment, int) and 0 < moment <= otherwise.timestamp():
            return datetime.fromtimestamp(moment, UTC)
    return otherwise


def _half_hash(algorithm: str, access_token: SecretStr) -> str:
    digest = _HASHES[algorithm[-3:]](access_token.get_secret_value().encode()).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()


def _word(body: Mapping[str, Any]) -> str:
    error = body.get("error")
    return error[:40] if isinstance(error, str) and error.replace("_", "").isalnum() else ""
