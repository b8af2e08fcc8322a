"""An issuer on a faked wire, for what no honest provider sends: forged, stale and mixed-up tokens.

It keeps to the protocol but where a test tells it not to: it checks the PKCE verifier and the client, and counts what is
fetched.
"""

import base64
import hashlib
import hmac
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc import jwt
from joserfc.jwk import ECKey, Key, RSAKey

ISSUER = "https://issuer.example"
CLIENT_ID = "onerouter"
RSA: RSAKey = RSAKey.generate_key(2048, {"kid": "rsa-1", "use": "sig"})
EC: ECKey = ECKey.generate_key("P-256", {"kid": "ec-1", "use": "sig"})
STRANGER: ECKey = ECKey.generate_key("P-256", {"kid": "ec-1", "use": "sig"})
"""A key of an attacker's, under the id of one of the issuer's."""


class Body(httpx.AsyncByteStream):
    """Comes over the wire in pieces, as a real answer does."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._raw), 65_536):
            yield self._raw[start : start + 65_536]


def answer(status: int, body: Any = None, *, raw: bytes | None = None, **headers: str) -> httpx.Response:
    content = json.dumps(body).encode() if raw is None else raw
    return httpx.Response(status, headers=headers, stream=Body(content))


class ScriptedIssuer:
    def __init__(self, issuer: str = ISSUER) -> None:
        self.issuer = issuer
        self.keys: list[Key] = [RSA, EC]
        self.strange_keys: list[dict[str, Any]] = []
        self.discovery: dict[str, Any] = {}
        self.user_info: dict[str, Any] | None = None
        self.away = False
        self.fetched: Counter[str] = Counter()
        self.give: Callable[[dict[str, Any]], str] = self.token
        """Makes the ID token from the claims an honest one would have."""
        self.more: dict[str, Any] = {}
        """Claims of the next tokens."""
        self._asked: dict[str, dict[str, str]] = {}

    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._answer)

    def claims(self, **changes: Any) -> dict[str, Any]:
        now = int(time.time())
        return {"iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "sub": "u-1", **changes}

    def token(self, claims: dict[str, Any], *, key: Key = EC, alg: str = "ES256", **header: Any) -> str:
        head = {"alg": alg, "kid": key.kid, **header}
        return jwt.encode({k: v for k, v in head.items() if v is not None}, claims, key, algorithms=[alg])

    def authorize(self, authorization_url: str, **more: str) -> str:
        """The person signs in; the address of ours they are sent to."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(authorization_url).query).items()}
        code = hashlib.sha256(authorization_url.encode()).hexdigest()
        self._asked[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state'], **more})}"

    def _answer(self, request: httpx.Request) -> httpx.Response:
        assert str(request.url).startswith(self.issuer)
        self.fetched[request.url.path] += 1
        if self.away:
            raise httpx.ConnectError("away")
        match request.url.path:
            case "/.well-known/openid-configuration":
                return answer(200, self._discovery())
            case "/keys":
                keys = [key.as_dict(private=False) for key in self.keys]
                return answer(200, {"keys": [*self.strange_keys, *keys]})
            case "/token":
                return self._redeem(request)
            case "/userinfo" if self.user_info is not None:
                return answer(200, self.user_info)
        return answer(404, {})

    def _discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            **self.discovery,
        }

    def _redeem(self, request: httpx.Request) -> httpx.Response:
        form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        asked = self._asked.pop(form["code"], None)
        if asked is None:
            return answer(400, {"error": "invalid_grant"})
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=")
        assert challenge.decode() == asked["code_challenge"]
        assert form["redirect_uri"] == asked["redirect_uri"]
        self._check_client(request, form)
        claims = self.claims(nonce=asked["nonce"], **({"email_verified": True} | self.more))
        return answer(200, {"token_type": "Bearer", "access_token": "opaque-access", "id_token": self.give(claims)})

    def _check_client(self, request: httpx.Request, form: dict[str, str]) -> None:
        methods = self.discovery.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if "client_secret_basic" in methods:
            basic = base64.b64encode(b"onerouter:the-client-secret").decode()
            assert request.headers["authorization"] == f"Basic {basic}"
            assert "client_secret" not in form
        elif "client_secret_post" in methods:
            assert (form["client_id"], form["client_secret"]) == (CLIENT_ID, "the-client-secret")
        else:
            assert form["client_id"] == CLIENT_ID
            assert "authorization" not in request.headers


def unsigned(claims: dict[str, Any], alg: str = "none") -> str:
    """`alg: none`, in every spelling."""
    return ".".join((_b64({"alg": alg, "typ": "JWT"}), _b64(claims), ""))


def signed_with_public_key(claims: dict[str, Any]) -> str:
    """HS256 with the issuer's public key as the secret: the classic confusion."""
    signed = f"{_b64({'alg': 'HS256', 'kid': 'rsa-1'})}.{_b64(claims)}"
    return f"{signed}.{_raw_b64(hmac.new(RSA.as_pem(private=False), signed.encode(), hashlib.sha256).digest())}"


def signed_as_it_is(payload: Any, **header: Any) -> str:
    """By the issuer itself (ES256), however odd."""
    signed = f"{_b64({'alg': 'ES256', 'kid': 'ec-1', **header})}.{_b64(payload)}"
    assert EC.private_key is not None
    r, s = decode_dss_signature(EC.private_key.sign(signed.encode(), ECDSA(SHA256())))
    return f"{signed}.{_raw_b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def tampered(token: str, **changes: Any) -> str:
    """Other claims under the signature of the first."""
    header, payload, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return ".".join((header, _b64(claims | changes), signature))


def _b64(value: Any) -> str:
    return _raw_b64(json.dumps(value).encode())


def _raw_b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
