"""The service as it runs: issuers from its settings, sign-in and bearer tokens on the management API."""

import secrets
from urllib.parse import urlsplit

import httpx
import pytest
from pydantic import ValidationError
from tests.services.registry.conftest import Registry, opened, serving
from tests.services.registry.oidc.provider_process import AuthlibProvider
from tests.services.registry.oidc.stand import PUBLIC_URL, a_config, path_of

from onerouter_common.settings import Mode
from onerouter_local.testing import Database
from onerouter_registry.settings import Settings


async def test_a_person_signs_in_and_founds_a_tenant(people_database: Database, provider: AuthlibProvider) -> None:
    subject = secrets.token_hex(8)
    await provider.know(subject, email=f"{subject}@example.com", email_verified=True, name="Ada")
    config = a_config(provider.issuer)
    async with opened(people_database) as registry:
        settings = registry.settings.model_copy(
            update={"mode": Mode.LOCAL, "oidc_issuers": (config,), "public_url": PUBLIC_URL}
        )
        async with (
            serving(settings) as transport,
            httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL) as browser,
        ):
            methods = (await browser.get("/api/auth/methods")).json()
            (choice,) = methods["issuers"]
            assert (choice["id"], choice["name"]) == ("acme", "Acme SSO")
            start = await browser.get(choice["start_path"], params={"return_to": "/welcome"})
            callback = await browser.get(path_of(await provider.sign_in(start.headers["location"], subject)))
            assert urlsplit(callback.headers["location"]).path == "/welcome"
            headers = {"X-CSRF-Token": browser.cookies["onerouter_csrf"]}
            assert (await browser.post("/api/tenants", json={"name": "Acme"}, headers=headers)).status_code == 200
            account = (await browser.get("/api/account")).json()
            assert account["email"] == f"{subject}@example.com"


def test_the_setting_is_json_and_says_what_is_wrong_with_it(
    people_registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = people_registry.settings.model_dump() | {"oidc_issuers": ()}
    del known["oidc_issuers"]
    name = "ONEROUTER_REGISTRY_OIDC_ISSUERS"
    one = '{"id": "a", "name": "A", "issuer": "%s", "client_id": "x", "client_secret": "the-client-secret"}'
    monkeypatch.setenv(name, f"[{one % 'https://a.example'}]")
    read = Settings(**known)
    assert read.oidc_issuers[0].client_secret is not None
    assert "the-client-secret" not in repr(read)
    for wrong in (one % "http://a.example", f"{one % 'https://a.example'}, {one % 'https://b.example'}"):
        monkeypatch.setenv(name, f"[{wrong}]")
        with pytest.raises(ValidationError) as refused:
            Settings(**known)
        assert "the-client-secret" not in str(refused.value)


@pytest.fixture
async def people_registry(people_database: Database) -> Registry:
    async with opened(people_database) as registry:
        return registry
