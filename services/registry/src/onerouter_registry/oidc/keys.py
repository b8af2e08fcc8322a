"""The keys an issuer signs with (its JSON Web Key Set), and which of them a token was signed with."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey, import_key

from onerouter_registry.oidc.errors import IssuerUnavailable, TokenRefused
from onerouter_registry.oidc.remembered import Remembered

ALGORITHMS: Final[Mapping[str, type[RSAKey | ECKey | OKPKey]]] = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), RSAKey),
    **dict.fromkeys(("ES256", "ES384", "ES512"), ECKey),
    "Ed25519": OKPKey,
}
"""What tokens may be signed with, and the kind of key that takes: never `none`, never a secret that both sides hold."""

_MOST_KEYS: Final = 64
_LEAST_MODULUS_CHARS: Final = 342
"""2,048 bits in base64url, of which the first is set."""
_PUBLIC_PARTS: Final = frozenset({"kty", "kid", "alg", "use", "n", "e", "crv", "x", "y"})


class IssuerKeys:
    def __init__(self, published: Remembered[Sequence[Key]]) -> None:
        self._published = published

    async def candidates(self, algorithm: str, key_id: str | None) -> Sequence[Key]:
        """The keys a token with this header can have been signed with; empty: none we know, not even after asking again.

        Raises IssuerUnavailable, TokenRefused.
        """
        if algorithm not in ALGORITHMS:
            raise TokenRefused("is signed with an algorithm that is not accepted")
        return _fitting(await self._published.get(), algorithm, key_id) or await self.renewed(algorithm, key_id)

    async def renewed(self, algorithm: str, key_id: str | None) -> Sequence[Key]:
        """The same after asking the issuer again; empty when it was asked a moment ago."""
        return _fitting(await self._published.renewed() or (), algorithm, key_id)


def parse_key_set(body: Mapping[str, Any]) -> Sequence[Key]:
    """The keys of a set that can verify; what we do not understand is ignored (RFC 7517 5). Raises IssuerUnavailable."""
    entries = body.get("keys")
    if not isinstance(entries, list) or len(entries) > _MOST_KEYS:
        raise IssuerUnavailable("The identity provider's keys are no JSON Web Key Set.")
    return tuple(key for key in map(_parse, entries) if key is not None)


def _parse(entry: object) -> Key | None:
    if not isinstance(entry, dict) or entry.get("kty") not in ("RSA", "EC", "OKP") or entry.get("use", "sig") != "sig":
        return None
    modulus = entry.get("n")
    if isinstance(modulus, str) and len(modulus) < _LEAST_MODULUS_CHARS:
        return None
    try:
        return import_key({name: value for name, value in entry.items() if name in _PUBLIC_PARTS})
    except (JoseError, ValueError, TypeError, KeyError):
        return None


def _fitting(keys: Sequence[Key], algorithm: str, key_id: str | None) -> Sequence[Key]:
    kind = ALGORITHMS[algorithm]
    of_kind = [key for key in keys if isinstance(key, kind) and key.get("alg") in (None, algorithm)]
    if key_id is not None:
        return [key for key in of_kind if key.get("kid") == key_id]
    return of_kind
