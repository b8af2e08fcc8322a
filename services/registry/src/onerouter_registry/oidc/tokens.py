"""Reading and verifying signed tokens (JWT), whatever they are for."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import ExpiredTokenError, InvalidClaimError, JoseError, MissingClaimError
from joserfc.jwk import Key
from joserfc.jws import JWSRegistry
from pydantic import SecretStr

from onerouter_common.clock import Clock
from onerouter_registry.oidc.errors import TokenRefused
from onerouter_registry.oidc.keys import ALGORITHMS, IssuerKeys

LEEWAY_S: Final = 30
"""How far an issuer's clock may be from ours."""
MAX_TOKEN_CHARS: Final = 16_384
MAX_SUBJECT_CHARS: Final = 255
_CLAIMS: Final[Mapping[str, tuple[type, ...]]] = {"iss": (str,), "sub": (str,), "exp": (int, float)}
_TYPES: Final = frozenset({"jwt", "at+jwt", "application/at+jwt"})
"""Of the header's `typ`, where there is one: a logout or refresh token is no proof of a sign-in."""


class _Registry(JWSRegistry):
    max_header_length = 4_096  # room for an x5c chain, which we do not look at


_REGISTRY: Final = _Registry(algorithms=list(ALGORITHMS), strict_check_header=False)


@dataclass(frozen=True, slots=True)
class Unverified:
    """What a token says before anyone has checked it: good only for choosing whom to ask."""

    algorithm: str
    key_id: str | None
    claimed_issuer: str | None


@dataclass(frozen=True, slots=True)
class Verified:
    """A token with a good signature, in its time, of the expected issuer, about someone."""

    algorithm: str
    claims: Mapping[str, Any] = field(repr=False)

    @property
    def subject(self) -> str:
        return str(self.claims["sub"])

    def text(self, name: str) -> str | None:
        """The claim where it is a string of printable characters."""
        value = self.claims.get(name)
        return value if isinstance(value, str) and value and value.isprintable() else None

    def texts(self, name: str) -> frozenset[str]:
        """The claim where it is one string or a list of strings, as `aud` and `amr` are."""
        value = self.claims.get(name)
        values = value if isinstance(value, list) else [value]
        return frozenset(one for one in values if isinstance(one, str))


def peek(token: SecretStr) -> Unverified | None:
    """None: no JWT at all (an opaque token)."""
    parts = token.get_secret_value().split(".")
    if len(parts) != 3 or len(token) > MAX_TOKEN_CHARS:
        return None
    header, payload = _json_object(parts[0]), _json_object(parts[1])
    if header is None or payload is None or not isinstance(header.get("alg"), str):
        return None
    key_id, issuer = header.get("kid"), payload.get("iss")
    return Unverified(
        algorithm=header["alg"],
        key_id=key_id if isinstance(key_id, str) else None,
        claimed_issuer=issuer if isinstance(issuer, str) else None,
    )


async def verify(token: SecretStr, *, issuer: str, keys: IssuerKeys, clock: Clock) -> Verified:
    """Check signature, algorithm, type, `iss`, `sub`, `exp`, `nbf` and `iat`; who it is for is the caller's to check.

    Raises TokenRefused, IssuerUnavailable.
    """
    seen = peek(token)
    if seen is None:
        raise TokenRefused("is no signed JWT")
    decoded = None
    for key in await keys.candidates(seen.algorithm, seen.key_id):
        decoded = decoded or _decode(token, key)
    if decoded is None and seen.key_id is None:
        # Keys without ids: a bad signature may mean that the issuer has new ones.
        for key in await keys.renewed(seen.algorithm, None):
            decoded = decoded or _decode(token, key)
    if decoded is None:
        raise TokenRefused("has no signature of its issuer")
    _check_header(decoded.header)
    _check_claims(decoded.claims, issuer, clock)
    return Verified(seen.algorithm, decoded.claims)


def _decode(token: SecretStr, key: Key) -> jwt.Token | None:
    """None: this key did not sign it, or it signed something that is no token."""
    try:
        return jwt.decode(token.get_secret_value(), key, registry=_REGISTRY)
    except (JoseError, ValueError, TypeError, RecursionError):
        return None


def _check_header(header: Mapping[str, Any]) -> None:
    if "crit" in header:
        raise TokenRefused("has a critical header we do not know")
    if str(header.get("typ", "JWT")).lower() not in _TYPES:
        raise TokenRefused("is of a type that proves no sign-in")


def _check_claims(claims: Mapping[str, Any], issuer: str, clock: Clock) -> None:
    for name, kinds in _CLAIMS.items():
        if not isinstance(claims.get(name), kinds) or isinstance(claims.get(name), bool):
            raise TokenRefused(f"has no '{name}'")
    subject = claims["sub"]
    if not 1 <= len(subject) <= MAX_SUBJECT_CHARS or not subject.isprintable():
        raise TokenRefused("has no proper 'sub'")
    registry = jwt.JWTClaimsRegistry(
        now=int(clock.now().timestamp()),
        leeway=LEEWAY_S,
        iss={"essential": True, "value": issuer},
        sub={"essential": True},
        exp={"essential": True},
    )
    try:
        registry.validate(dict(claims))
    except ExpiredTokenError:
        raise TokenRefused("has expired") from None
    except MissingClaimError as error:
        raise TokenRefused(f"has no '{error.claim}'") from None
    except InvalidClaimError as error:
        raise TokenRefused(f"has a wrong '{error.claim}'") from None


def _json_object(part: str) -> Mapping[str, Any] | None:
    try:
        value = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
