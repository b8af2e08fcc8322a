"""Tokens that must not let anybody in: in a browser's sign-in and as a bearer token alike."""

import base64
import hashlib
import secrets
import time
import warnings
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from joserfc.jwk import ECKey, RSAKey
from tests.services.registry.oidc.scripted_issuer import (
    EC,
    RSA,
    STRANGER,
    ScriptedIssuer,
    signed_as_it_is,
    signed_with_public_key,
    tampered,
    unsigned,
)
from tests.services.registry.oidc.stand import Stand, a_config, path_of, standing

from onerouter_common.settings import Mode
from onerouter_local.testing import Database

AT_HASH = base64.urlsafe_b64encode(hashlib.sha256(b"opaque-access").digest()[:16]).rstrip(b"=").decode()
Forgery = Callable[[ScriptedIssuer, dict[str, Any]], str]


def with_claims(**changes: Any) -> Forgery:
    return lambda issuer, claims: issuer.token({k: v for k, v in (claims | changes).items() if v is not ...})


def in_seconds(**offsets: float) -> Forgery:
    return lambda issuer, claims: issuer.token(claims | {name: time.time() + s for name, s in offsets.items()})


def signed(**how: Any) -> Forgery:
    return lambda issuer, claims: issuer.token(claims, **how)


def a_short_key() -> RSAKey:
    with warnings.catch_warnings(action="ignore"):
        return RSAKey.generate_key(1024, {"kid": "weak"})


FORGERIES: dict[str, Forgery] = {
    "alg none": lambda _, claims: unsigned(claims),
    "alg None": lambda _, claims: unsigned(claims, "None"),
    "no alg": lambda _, claims: unsigned(claims, ""),
    "hs256 with the public key": lambda _, claims: signed_with_public_key(claims),
    "a stranger's key under a known id": signed(key=STRANGER),
    "an unknown key": signed(key=STRANGER, kid="stranger"),
    "a stranger's key without id": signed(key=STRANGER, kid=None),
    "another algorithm than the key's kind": lambda issuer, claims: issuer.token(
        claims, key=RSA, alg="RS256", kid="ec-1"
    ),
    "other claims under a good signature": lambda issuer, claims: tampered(issuer.token(claims), sub="u-2"),
    "its key comes with it": lambda issuer, claims: issuer.token(
        claims, key=STRANGER, kid="stranger", jwk=STRANGER.as_dict(private=False)
    ),
    "a critical header": lambda _, claims: signed_as_it_is(claims, crit=["https://issuer.example/bound"]),
    "a critical header that changes what is signed": lambda _, claims: signed_as_it_is(claims, crit=["b64"], b64=True),
    "a logout token": signed(typ="logout+jwt"),
    "another issuer": with_claims(iss="https://evil.example"),
    "no audience": with_claims(aud=...),
    "another audience": with_claims(aud="someone-else"),
    "other audiences": with_claims(aud=["someone-else", "another"]),
    "an audience that is no text": with_claims(aud=[1, {"onerouter": 1}]),
    "given to another client": with_claims(azp="someone-else"),
    "for several, given to nobody in particular": with_claims(aud=["onerouter", "someone-else"]),
    "expired": in_seconds(iat=-900, exp=-31),
    "no end": with_claims(exp=...),
    "an end that is no number": with_claims(exp="2099-01-01"),
    "an end that is true": with_claims(exp=True),
    "an end that is not a number at all": with_claims(exp=float("nan")),
    "an endless end": with_claims(exp=float("inf")),
    "made in the future": in_seconds(iat=120, exp=600),
    "not valid yet": in_seconds(nbf=120),
    "about nobody": with_claims(sub=...),
    "about an empty somebody": with_claims(sub=""),
    "about a number": with_claims(sub=7),
    "about what no database stores": with_claims(sub="u\x00"),
    "about a novel": with_claims(sub="u" * 256),
    "a list": lambda _, claims: signed_as_it_is([claims]),
    "a very deep list": lambda _, claims: signed_as_it_is(claims).replace(".", ".W1tb", 1),
    "two parts": lambda issuer, claims: issuer.token(claims).rpartition(".")[0],
    "no signature": lambda issuer, claims: issuer.token(claims).rpartition(".")[0] + ".",
    "nothing": lambda *_: "..",
    "no JSON": lambda *_: "e30.e30.e30",
    "too long": with_claims(padding="x" * 20_000),
}
FOR_SIGN_IN: dict[str, Forgery] = {
    "another nonce": with_claims(nonce="n" * 43),
    "no nonce": with_claims(nonce=...),
    "a nonce that is no text": with_claims(nonce=[1]),
    "no time of making": with_claims(iat=...),
    "another access token": with_claims(at_hash="AAAAAAAAAAAAAAAAAAAAAA"),
    "an access token's hash that is no text": with_claims(at_hash=[1]),
}


@pytest.fixture
def issuer() -> ScriptedIssuer:
    made = ScriptedIssuer()
    subject = secrets.token_hex(8)
    made.more = {"sub": subject, "email": f"{subject}@example.com"}
    return made


@pytest.fixture
async def stand(people_database: Database, issuer: ScriptedIssuer) -> AsyncIterator[Stand]:
    config = a_config(issuer.issuer, audiences=["https://api.example"])
    async with standing(people_database, issuer.transport(), config, mode=Mode.PRODUCTION) as made:
        yield made


async def sign_in(browser: httpx.AsyncClient, issuer: ScriptedIssuer) -> str:
    start = await browser.get("/api/auth/oidc/acme/start")
    answer = await browser.get(path_of(issuer.authorize(start.headers["location"])))
    assert answer.status_code == 303
    return answer.headers["location"]


class TestSignIn:
    async def test_with_an_honest_token_works(self, stand: Stand, issuer: ScriptedIssuer) -> None:
        honest: dict[str, Forgery] = {
            "es256": signed(),
            "rs256": signed(key=RSA, alg="RS256"),
            "ps512": signed(key=RSA, alg="PS512"),
            "without key id": signed(kid=None),
            "one of several audiences": with_claims(aud=["onerouter", "x"], azp="onerouter"),
            "at_hash": with_claims(at_hash=AT_HASH),
            "clocks that differ a little": in_seconds(iat=20, exp=-20),
        }
        for name, forge in honest.items():
            issuer.give = lambda claims, forge=forge: forge(issuer, claims)  # type: ignore[misc]
            async with stand.browser() as browser:
                assert await sign_in(browser, issuer) == "/", name
                assert (await browser.get("/api/whoami")).status_code == 200

    @pytest.mark.parametrize("name", [*FORGERIES, *FOR_SIGN_IN])
    async def test_with_a_forged_token_does_not(self, stand: Stand, issuer: ScriptedIssuer, name: str) -> None:
        forge = (FORGERIES | FOR_SIGN_IN)[name]
        issuer.give = lambda claims: forge(issuer, claims)
        async with stand.browser() as browser:
            assert await sign_in(browser, issuer) == "/sign-in?error=token_invalid"
            assert (await browser.get("/api/whoami")).status_code == 401
        assert await stand.rows("SELECT user_id FROM identities WHERE subject = :sub", sub=issuer.more["sub"]) == []


class TestBearerToken:
    @pytest.mark.parametrize("name", FORGERIES)
    async def test_that_is_forged_is_refused(self, stand: Stand, issuer: ScriptedIssuer, name: str) -> None:
        claims = issuer.claims(**issuer.more, email_verified=True)
        async with stand.browser() as client:
            honest = await client.get("/api/whoami", headers={"Authorization": f"Bearer {issuer.token(claims)}"})
            assert honest.status_code == 200
            token = FORGERIES[name](issuer, claims)
            answer = await client.get("/api/whoami", headers={"Authorization": f"Bearer {token}"})
        assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHORIZED")
        assert token not in answer.text


class TestKeys:
    @pytest.mark.parametrize(
        "key",
        [
            a_short_key(),
            ECKey.generate_key("P-256", {"kid": "weak", "use": "enc"}),
            ECKey.generate_key("P-256", {"kid": "weak", "alg": "ES384"}),
            ECKey.generate_key("secp256k1", {"kid": "weak"}),
        ],
        ids=["short", "for encryption", "for another algorithm", "an odd curve"],
    )
    async def test_that_are_not_fit_verify_nothing(
        self, stand: Stand, issuer: ScriptedIssuer, key: RSAKey | ECKey
    ) -> None:
        issuer.keys = [key, EC]
        alg = "RS256" if isinstance(key, RSAKey) else "ES256K" if key.curve_name == "secp256k1" else "ES256"
        signing = (
            key
            if key.get("alg") is None and key.get("use") is None
            else ECKey.import_key(
                {name: value for name, value in key.as_dict(private=True).items() if name not in ("alg", "use")}
            )
        )
        issuer.give = lambda claims: issuer.token(claims, key=signing, alg=alg)
        async with stand.browser() as browser:
            assert await sign_in(browser, issuer) == "/sign-in?error=token_invalid"
        issuer.give = issuer.token  # the good one beside it still does
        async with stand.browser() as browser:
            assert await sign_in(browser, issuer) == "/"

    async def test_what_nobody_understands_is_ignored(self, stand: Stand, issuer: ScriptedIssuer) -> None:
        strange: list[dict[str, Any]] = [
            {"kty": "AKP"},
            {"kty": "RSA"},
            {"kty": "EC", "crv": "P-256", "x": "!", "y": 1},
            {},
            {"kty": ["RSA"]},
        ]

        issuer.strange_keys = strange
        async with stand.browser() as browser:
            assert await sign_in(browser, issuer) == "/"


class TestProductionCookies:
    async def test_are_bound_to_the_host_and_out_of_reach_of_scripts(
        self, stand: Stand, issuer: ScriptedIssuer
    ) -> None:
        async with stand.browser() as browser:
            start = await browser.get("/api/auth/oidc/acme/start")
            (cookie,) = start.headers.get_list("set-cookie")
            assert cookie.startswith("__Host-onerouter_oidc_")
            attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
            assert attributes == {"httponly", "max-age=600", "path=/", "samesite=lax", "secure"}
            callback = await browser.get(path_of(issuer.authorize(start.headers["location"])))
            names = [cookie.partition("=")[0] for cookie in callback.headers.get_list("set-cookie")]
            assert names[:2] == ["__Host-onerouter_session", "__Host-onerouter_csrf"]
            assert "max-age=0" in callback.headers.get_list("set-cookie")[2].lower()
