"""Providers are found by entry points: ours, and anyone's that is installed."""

import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from pydantic import SecretStr

from onerouter_providers.http import open_pool
from onerouter_providers.loader import GROUP, ProviderPackageInvalid, Providers
from onerouter_providers.payments.razorpay.client import RazorpayPayments

MANIFEST = """
id = "acme"
category = "sms"
display_name = "Acme"
description = "Text messages."
color = "#123456"
docs_url = "https://acme.example/docs"
source = "https://acme.example/docs"
read_on = 2026-01-01
api_version = "1"
base_url = { live = "https://api.acme.example/", test = "https://test.acme.example" }

[[capabilities]]
name = "sms.send"
idempotency = "none"
"""
CLIENT = """
def create_client(credentials, *, http, base_url):
    return (sorted(credentials), http.provider, http.timeout_s, base_url)
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on sys.path with an installed third-party provider in it."""
    package = tmp_path / "acme_onerouter"
    package.mkdir()
    (package / "__init__.py").write_text(CLIENT)
    (package / "manifest.toml").write_text(MANIFEST)
    info = tmp_path / "acme_onerouter-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-onerouter\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{GROUP}]\nsms.acme = acme_onerouter\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in [name for name in sys.modules if name.partition(".")[0] == "acme_onerouter"]:
        del sys.modules[name]


async def test_a_third_partys_package_is_found_and_opened(site: Path) -> None:
    acme = Providers.load().find("sms", "acme")
    assert acme is not None
    assert acme.webhook is None
    async with open_pool() as pool:
        credentials = {"token": SecretStr("x"), "account": SecretStr("y")}
        live = acme.open(credentials, http=pool, environment="live")
        sandbox = acme.open(
            credentials, http=pool, environment="test", base_url="http://127.0.0.1:1/acme/", timeout_s=2
        )
    assert live == (["account", "token"], "acme", 30, "https://api.acme.example")
    assert sandbox == (["account", "token"], "acme", 2, "http://127.0.0.1:1/acme")


async def test_ours_is_found_the_same_way() -> None:
    razorpay = Providers.load().find("payments", "razorpay")
    assert razorpay is not None
    assert razorpay.webhook is not None
    async with open_pool() as pool:
        credentials = {"key_id": SecretStr("rzp_test_1"), "key_secret": SecretStr("s")}
        assert isinstance(razorpay.open(credentials, http=pool, environment="test"), RazorpayPayments)


def test_what_is_not_installed_is_not_found() -> None:
    providers = Providers.load()
    assert providers.find("payments", "nobody") is None
    assert providers.find("sms", "razorpay") is None


@pytest.mark.parametrize(
    ("file", "text", "complaint"),
    [
        ("manifest.toml", "id = 1", "acme_onerouter/manifest.toml is not a provider manifest"),
        ("manifest.toml", MANIFEST.replace('"acme"', '"other"'), "leads to a manifest of 'sms.other'"),
        ("manifest.toml", MANIFEST + '[callback]\nevents = ["sent"]\n', "acme_onerouter.webhook"),
        ("__init__.py", "create = 1", "has no function `create_client`"),
        ("__init__.py", "import no_such_module", "no_such_module"),
    ],
)
def test_a_broken_package_is_named(site: Path, file: str, text: str, complaint: str) -> None:
    (site / "acme_onerouter" / file).write_text(text)
    with pytest.raises(ProviderPackageInvalid, match=complaint.replace("`", ".")):
        Providers.load()


def test_a_webhook_module_must_be_whole(site: Path) -> None:
    (site / "acme_onerouter" / "manifest.toml").write_text(MANIFEST + '[callback]\nevents = ["sent"]\n')
    (site / "acme_onerouter" / "webhook.py").write_text("def verify(body, headers, secrets): ...\n")
    with pytest.raises(ProviderPackageInvalid, match="has no function identify, parse"):
        Providers.load()


def test_two_packages_cannot_provide_one_provider() -> None:
    twice = [EntryPoint("sms.acme", "acme_one", GROUP), EntryPoint("sms.acme", "acme_two", GROUP)]
    with pytest.raises(ProviderPackageInvalid, match=r"Two packages provide 'sms\.acme': acme_one and acme_two"):
        Providers.load(twice)
