"""The committed capability matrix is the current one, and the manifests leave no caller without an answer."""

from pathlib import Path

import pytest

from onerouter_providers.instead import instead_of_lacking
from onerouter_providers.loader import Providers
from onerouter_providers.manifest import Manifest, parse_manifest
from onerouter_server.capabilities import describe

_COMMITTED = Path(__file__).parents[3] / "docs" / "capabilities.md"
MANIFESTS = [package.manifest for package in Providers.load()]
OF_EACH = pytest.mark.parametrize("manifest", MANIFESTS, ids=[f"{one.category}.{one.id}" for one in MANIFESTS])
ACME = """
id = "acme"
category = "payments"
display_name = "Acme"
description = "Pays."
color = "#123456"
docs_url = "https://acme.example/docs"
source = "https://acme.example/docs"
read_on = 2026-01-01
api_version = "1"
base_url = { live = "https://api.acme.example", test = "https://test.acme.example" }

[[capabilities]]
name = "payment.create"
idempotency = "none"

[[capabilities]]
name = "payment.haggle"
idempotency = "native"
header = "Acme-Key"
retention = "a week | or so"

[unsupported]
"refund.create" = "Acme gives nothing back."
"""


def acme() -> Manifest:
    return parse_manifest(ACME, source="acme")


def capabilities_of(category: str) -> set[str]:
    return {one.name for manifest in MANIFESTS if manifest.category == category for one in manifest.capabilities}


def test_the_committed_page_is_current() -> None:
    assert _COMMITTED.read_text() == describe(), "run `make docs`"


@OF_EACH
def test_what_others_have_is_listed_or_explained(manifest: Manifest) -> None:
    listed = {capability.name for capability in manifest.capabilities}
    assert capabilities_of(manifest.category) <= listed | manifest.unsupported.keys()
    assert all(sentence.endswith(".") for sentence in manifest.unsupported.values())


@OF_EACH
def test_who_lacks_something_names_everyone_who_can(manifest: Manifest) -> None:
    told = instead_of_lacking(manifest, MANIFESTS)
    for name in capabilities_of(manifest.category) - {one.name for one in manifest.capabilities}:
        able = [one.id for one in MANIFESTS if one.category == manifest.category and one.find_capability(name)]
        assert told[name] == f"{manifest.unsupported[name]} Supported by: {', '.join(sorted(able))}."
    assert not told.keys() & {one.name for one in manifest.capabilities}


@OF_EACH
def test_every_capability_has_its_promise_on_the_page(manifest: Manifest) -> None:
    _, _, of_it = describe().partition(f"### {manifest.display_name}\n")
    section = of_it.partition("\n### ")[0].partition("\n## ")[0]
    for facts in manifest.capabilities:
        promise = {"exactly_once": "exactly once", "at_most_once": "at most once"}[facts.guarantee]
        row = f"| `{facts.name}` | `{facts.idempotency.value}` | {promise} |"
        assert (row in section) == (facts.lookup != "reads only"), facts.name
        assert facts.retention is None or f" | {facts.retention} | " in section


def test_a_new_provider_appears_by_itself() -> None:
    page = describe([*MANIFESTS, acme()])
    lines = page.splitlines()
    assert "| capability | Acme | PayPal | Razorpay | Stripe |" in lines
    assert "| `payment.haggle` | `native`, exactly once | – | – | – |" in lines
    assert "| `payment.create` | `none` | at most once |" in page
    assert "| `Acme-Key` | a week \\| or so |" in page
    assert "| `refund.create` | Acme gives nothing back. Supported by: paypal, razorpay, stripe. |" in page
    assert "| `payment.haggle` | Supported by: acme. |" in page
